"""Batches loaded by worker processes, whose order and randomness are pure functions of seed, epoch and position.

So it makes no difference how many workers there are, or whether an epoch was entered at its start. Each batch of
all ranks is one stretch of the order; of it, rank r of W takes every W-th sample from the r-th on.
"""

import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count, islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from torchalloy.adapters.trainframework.comm import get_rank, get_world_size
from torchalloy.adapters.trainframework.data.samplers import TrainingSampler
from torchalloy.data import order_seed, sample_order

__all__ = ["EndlessBatches", "EpochBatches", "create_data_loader", "create_iterable_data_loader"]

Collate = Callable[[list[Any]], Any]


def create_data_loader(
    dataset: Any,
    batch_size: int,
    num_workers: int,
    *,
    shuffle: bool = False,
    drop_last: bool = False,
    pin_memory: bool = True,
    collate_fn: Collate | None = None,
    seed: int | None = None,
) -> "EpochBatches":
    """Return the batches of `dataset`, pass by pass; `batch_size` is that of this process."""
    loading = _Loading(dataset, batch_size, num_workers, pin_memory, collate_fn)
    return EpochBatches(loading, shuffle, drop_last, torch.initial_seed() if seed is None else seed)


def create_iterable_data_loader(
    dataset: Any,
    batch_size: int,
    num_workers: int,
    *,
    shuffle: bool = True,
    pin_memory: bool = True,
    collate_fn: Collate | None = None,
    seed: int | None = None,
) -> "EndlessBatches":
    """Return batches of `dataset` without end; `batch_size` is that of this process."""
    loading = _Loading(dataset, batch_size, num_workers, pin_memory, collate_fn)
    return EndlessBatches(loading, shuffle, torch.initial_seed() if seed is None else seed)


class EpochBatches:
    """The batches of a data set, one pass an epoch. A `torchalloy.core.Source`, and an ordinary iterable.

    Plain iteration counts its epochs by itself.
    """

    def __init__(self, loading: "_Loading", shuffle: bool, drop_last: bool, seed: int) -> None:
        self.dataset = loading.dataset
        self.batch_size = loading.batch_size
        self.seed = seed
        self._loading, self._shuffle, self._drop_last = loading, shuffle, drop_last
        self._num_passes = 0

    def __len__(self) -> int:
        num_batches, rest = divmod(len(self.dataset), self._loading.global_batch_size)
        return num_batches + (rest > 0 and not self._drop_last)

    def __iter__(self) -> Iterator[Any]:
        self._num_passes += 1
        return self.batches(self._num_passes)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of `epoch` (from 1) from position `start` (0-based, in batches) on."""
        size = len(self.dataset)
        order = sample_order(size, seed=self.seed, epoch=epoch).tolist() if self._shuffle else list(range(size))
        places = islice(order, start * self._loading.global_batch_size, len(self) * self._loading.global_batch_size)
        return self._loading.load(places, order_seed(self.seed, epoch), start)

    def state_dict(self) -> dict[str, Any]:
        """Return the seed: the order of every epoch follows from it."""
        return {"seed": self.seed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the seed."""
        self.seed = state.get("seed", self.seed)  # another style's loader keeps its seed elsewhere


class EndlessBatches:
    """Batches of a data set without end. A `torchalloy.core.Source`, and an ordinary iterator."""

    def __init__(self, loading: "_Loading", shuffle: bool, seed: int) -> None:
        self.dataset = loading.dataset
        self.batch_size = loading.batch_size
        self.seed = seed
        self._loading, self._shuffle = loading, shuffle
        self._iterator: Iterator[Any] | None = None

    def __iter__(self) -> "EndlessBatches":
        return self

    def __next__(self) -> Any:
        if self._iterator is None:
            self._iterator = self.batches(1)
        return next(self._iterator)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield batches from position `start` (0-based, in batches) on; another `epoch` is another stream."""
        seed = self.seed if epoch == 1 else order_seed(self.seed, epoch)
        stream = TrainingSampler(len(self.dataset), self._shuffle, seed).stream(start * self._loading.global_batch_size)
        return self._loading.load(stream, order_seed(seed, 0), start)

    def state_dict(self) -> dict[str, Any]:
        """Return the seed: the whole stream follows from it."""
        return {"seed": self.seed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the seed."""
        self.seed = state.get("seed", self.seed)  # another style's loader keeps its seed elsewhere


class _Batch(NamedTuple):
    """What to load, and the seed of whatever is random in it."""

    places: list[int]
    seed: int


class _Loading:
    """How batches of a data set are fetched."""

    def __init__(
        self, dataset: Any, batch_size: int, num_workers: int, pin_memory: bool, collate_fn: Collate | None
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.global_batch_size = batch_size * get_world_size()
        self._num_workers = min(num_workers, os.cpu_count() or 1)
        self._pin_memory = pin_memory and torch.cuda.is_available()
        self._collate_fn = collate_fn

    def load(self, places: Iterator[int], seed: int, start: int) -> Iterator[Any]:
        """Return the batches of `places`, the first of which is at position `start`."""
        loader: DataLoader[Any] = DataLoader(
            _Reseeded(self.dataset),
            batch_sampler=self._batches(places, seed, start),  # type: ignore[arg-type]  # _Reseeded reads _Batch
            num_workers=self._num_workers,
            pin_memory=self._pin_memory,
            collate_fn=self._collate_fn,
            generator=torch.Generator(),  # so that starting the workers draws nothing from the global one
        )
        return iter(loader)

    def _batches(self, places: Iterator[int], seed: int, start: int) -> Iterable[_Batch]:
        rank, num_ranks = get_rank(), get_world_size()
        for position in count(start):
            mine = list(islice(places, self.global_batch_size))[rank::num_ranks]
            if not mine:
                return
            yield _Batch(mine, order_seed(seed, position * num_ranks + rank))


class _Reseeded(Dataset[Any]):
    """A data set that is read with generators of the batch's own; the process's go on as if nothing was drawn."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __getitems__(self, batch: _Batch) -> list[Any]:
        """Return the samples of `batch`."""
        with _generators_at(batch.seed):
            if hasattr(self._dataset, "__getitems__"):
                samples: list[Any] = self._dataset.__getitems__(batch.places)
                return samples
            return [self._dataset[place] for place in batch.places]


@contextmanager
def _generators_at(seed: int) -> Iterator[None]:
    """Seed the generators of Python, NumPy and torch for the length of a `with` block."""
    kept = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed % 2**63)
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.default_generator.set_state(kept[2])
