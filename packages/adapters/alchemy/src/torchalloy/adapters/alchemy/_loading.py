"""Loaders, and the batches of the training stage."""

import random
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch.utils.data import DataLoader, IterableDataset

from torchalloy.adapters.alchemy.util.extention.rich import get_default_columns
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import ConfigError
from torchalloy.distributed import current

__all__ = ["TrainBatches", "bar_for", "get_dataloader", "seed_worker", "split_loader", "train_batches", "walk"]


def seed_worker(worker_id: int) -> None:
    """Seed NumPy and Python in a loader's worker from torch's seed there."""
    seed = torch.initial_seed() % 2**32
    np.random.seed(seed)
    random.seed(seed)


def get_dataloader(dataset: Any, seed: int = 0, **kwargs: Any) -> DataLoader[Any]:
    """Return a loader whose order depends on `seed` alone; `kwargs` are those of torch's `DataLoader`.

    Raises: ConfigError: `shuffle` on a data set that can only be walked through.
    """
    if kwargs.get("shuffle") and isinstance(dataset, IterableDataset):
        last = type(dataset).__name__
        remedy = "put alchemy.pipeline.itr.Shuffle among its pipes"
        raise ConfigError(f"shuffle = true needs a list, and {last} can only be walked through: {remedy}")
    kwargs.setdefault("worker_init_fn", seed_worker)
    kwargs.setdefault("generator", torch.Generator().manual_seed(int(seed)))
    return DataLoader(dataset, **kwargs)


def split_loader(split: str, epoch: int = 0) -> DataLoader[Any]:
    """Return a new loader of a loaded split. With `reshuffle` in its table, the seed moves on by one an epoch."""
    dataset, kwargs = sym_tbl().task.dataset(split)
    options = dict(kwargs)
    if options.pop("reshuffle", False):
        options["seed"] = int(options.get("seed", 0)) + epoch
    return get_dataloader(dataset, **options)


def bar_for(items: Any, *, stays: bool = True) -> Progress:
    """Return a progress display on the run's console; nothing is drawn where there is none or the host draws."""
    table = sym_tbl()
    is_off = table.console is None or table.host.draws
    return Progress(*get_default_columns(items), console=table.console, disable=is_off, transient=not stays)


def walk(split: str) -> Iterator[Any]:
    """Yield the batches of a split once."""
    yield from split_loader(split)


class TrainBatches:
    """The batches of the training stage: a new loader each time, with the run's progress bar around it."""

    def __iter__(self) -> Iterator[Any]:
        table = sym_tbl()
        loader = split_loader("train", table.train_sched.cur_epoch)
        with bar_for(loader) as bar:
            bar.add_task(f"Epoch{table.train_sched.cur_epoch}", total=_length(loader))
            table.set_global("pbar", bar)
            try:
                yield from _own_share(loader)
            finally:
                table.try_pop_global("pbar")


class _SizedTrainBatches(TrainBatches):
    def __len__(self) -> int:
        return len(split_loader("train")) // current().num_ranks


def train_batches() -> TrainBatches:
    """Return the batches of the training stage; with a length where the loader has one."""
    return TrainBatches() if _length(split_loader("train")) is None else _SizedTrainBatches()


def _length(loader: DataLoader[Any]) -> int | None:
    try:
        return len(loader)
    except TypeError:
        return None


def _own_share(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield this rank's batches of each round; an incomplete last round is left out, so that no rank has to wait."""
    rank, num_ranks = current().rank, current().num_ranks
    stream = iter(batches)
    if num_ranks == 1:
        yield from stream
        return
    while len(round_ := list(islice(stream, num_ranks))) == num_ranks:
        yield round_[rank]
