"""Batches in an order that is a pure function of (seed, epoch), so that any position can be entered at once."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import default_collate

from torchalloy.core import ConfigError
from torchalloy.data._fetch import Fetch, FetchEach, FetchInto, FetchRows
from torchalloy.data._order import sample_order
from torchalloy.data._ranks import share
from torchalloy.data._tensors import held_tensors

__all__ = ["Loader"]


class Loader:
    """Batches of a data set, by address: a `torchalloy.core.Source`, and an ordinary iterable.

    The order of an epoch is `sample_order(len(dataset), seed=seed, epoch=epoch)`, or 0, 1, 2, ... without `shuffle`.
    Batch b of the epoch holds the samples at places [b * batch_size, (b + 1) * batch_size) of it; of these, rank r of W
    takes those at r, r + W, r + 2W, ... So the global order depends neither on the number of ranks nor on where one
    enters it. A last batch with fewer samples than ranks leaves the later ranks an empty one (tensors in memory) or is
    refused (samples that have to be collated); never is a sample given twice.

    Plain iteration counts epochs by itself: 1, 2, 3, ...; `set_epoch` chooses the next. That count, and the position in
    an iteration under way, are the loader's state.

    Args:
        dataset: Map-style: `__len__` and `__getitem__` (or `__getitems__`). Tensors in memory (`TensorData`, torch's
            `TensorDataset`) are sliced batch by batch and never collated.
        batch_size: Samples in a global batch, over all ranks; >= 1.
        shuffle: Whether the order is drawn anew for each epoch.
        seed: Of the order.
        drop_last: Whether to leave out a last batch that isn't full.
        rank, num_ranks: This process and how many share each batch; both or neither. By default those of
            torch.distributed when the iteration starts.
        collate: Makes a batch of a list of samples; torch's `default_collate` by default. Not for tensors in memory.
        transform: Changes each batch before it is handed out.
        reuse_buffers: Write each batch of tensors in memory over the last one, which saves an allocation for each. Only
            for code that doesn't keep batches.

    Raises: ConfigError: an argument out of range, or one that would have no effect.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        rank: int | None = None,
        num_ranks: int | None = None,
        collate: Callable[[list[Any]], Any] | None = None,
        transform: Callable[[Any], Any] | None = None,
        reuse_buffers: bool = False,
    ) -> None:
        _check_sized(dataset)
        _check_numbers(batch_size, rank, num_ranks)
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self._rank, self._num_ranks = rank, num_ranks
        self._fetch = _choose_fetch(dataset, collate, reuse_buffers)
        self._transform = transform
        self._epoch = 0
        self._position: int | None = None  # batches given by the plain iteration under way; None between two
        self._restored = False

    def __len__(self) -> int:
        num_samples = len(self.dataset)
        return int(num_samples // self.batch_size if self.drop_last else -(-num_samples // self.batch_size))

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of `epoch` (from 1) from position `start` (0-based, in batches) on.

        Raises: ConfigError: when a global batch has too few samples for the ranks.
        """
        rank, num_ranks = share(self._rank, self._num_ranks, self.batch_size)
        self._check_last_share(num_ranks)
        order = self._order(epoch)[start * self.batch_size :]
        if not len(order):
            return iter(())
        batches = self._fetch(order, self.batch_size, rank, num_ranks)
        return batches if self._transform is None else map(self._transform, batches)

    def __iter__(self) -> Iterator[Any]:
        if self._position is None or not self._restored:
            self._epoch, self._position = self._epoch + 1, 0
        self._restored = False
        return self._counted(self._epoch, self._position)

    def set_epoch(self, epoch: int) -> None:
        """Make `epoch` (from 1) the one that the next plain iteration gives, from its start."""
        self._epoch, self._position = epoch - 1, None

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch of plain iteration, and the position in it if it is under way."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next plain iteration give the rest (it may be empty) of the epoch `state_dict()` was taken in.

        The state of another kind of source says nothing of it, and changes nothing: `batches` needs no state.
        """
        if "position" in state:
            self._epoch, self._position, self._restored = state["epoch"], state["position"], True

    def _order(self, epoch: int) -> torch.Tensor:
        num_samples = len(self.dataset)
        order = sample_order(num_samples, seed=self.seed, epoch=epoch) if self.shuffle else torch.arange(num_samples)
        return order[: len(self) * self.batch_size]

    def _check_last_share(self, num_ranks: int) -> None:
        """Refuse, on all ranks alike, a last batch that would leave one of them without a sample to collate."""
        num_last = 0 if self.drop_last else len(self.dataset) % self.batch_size
        if isinstance(self._fetch, FetchEach) and 0 < num_last < num_ranks:
            raise ConfigError(
                f"Loader: the last batch has {num_last} samples for {num_ranks} ranks, and an empty share can't"
                f" be collated; use drop_last=True, or another batch_size than {self.batch_size}"
            )

    def _counted(self, epoch: int, position: int) -> Iterator[Any]:
        self._position = position
        try:
            for batch in self.batches(epoch, position):
                self._position += 1
                yield batch
        finally:
            if self._epoch == epoch:
                self._position = None  # over, or left by `break`: the next iteration is the next epoch


def _choose_fetch(dataset: Any, collate: Callable[[list[Any]], Any] | None, reuse_buffers: bool) -> Fetch:
    tensors = held_tensors(dataset)
    if tensors is None:
        if reuse_buffers:
            raise ConfigError("Loader: reuse_buffers=True is only for tensors in memory (TensorData, TensorDataset)")
        return FetchEach(dataset, collate or default_collate)
    if collate is not None:
        raise ConfigError("Loader: collate would not be called: tensors in memory are sliced whole; use transform")
    return FetchInto(tensors) if reuse_buffers else FetchRows(tensors)


def _check_sized(dataset: Any) -> None:
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise ConfigError(
            f"Loader: {type(dataset).__name__} has no __len__ and __getitem__; a stream of samples goes into"
            " torch's DataLoader, which is taken as it is (see Replay)"
        )


def _check_numbers(batch_size: int, rank: int | None, num_ranks: int | None) -> None:
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ConfigError(f"Loader: batch_size is {batch_size!r}; expected an integer >= 1")
    if (rank is None) != (num_ranks is None):
        raise ConfigError(f"Loader: rank is {rank} and num_ranks is {num_ranks}; give both or neither")
    if rank is not None and num_ranks is not None and not 0 <= rank < num_ranks:
        raise ConfigError(f"Loader: rank is {rank}; expected 0 <= rank < num_ranks={num_ranks}")
