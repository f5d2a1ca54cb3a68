"""From the indices of samples to batches; one class for each kind of data set, chosen once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch

__all__ = ["Fetch", "FetchEach", "FetchInto", "FetchRows"]

_CHUNK_BYTES = 256 * 1024  # fits a core's cache: one gather for several small batches costs less than one for each


class Fetch(Protocol):
    """Makes the batches of one pass."""

    def __call__(self, order: torch.Tensor, batch_size: int, rank: int, num_ranks: int, /) -> Iterator[Any]:
        """Yield one batch for each `batch_size` indices of `order`, holding this rank's stride of it."""
        ...


class FetchRows:
    """Batches of tensors in memory: a tuple of new tensors, the caller's to keep and to change.

    Small batches are gathered several at a time and share one block of memory (at most 256 KiB), without overlap.
    """

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._tensors = tuple(tensors)
        self._device = tensors[0].device
        self._sample_bytes = max(1, sum(tensor[:1].numel() * tensor.element_size() for tensor in tensors))

    def __call__(self, order: torch.Tensor, batch_size: int, rank: int, num_ranks: int, /) -> Iterator[Any]:
        """Yield tuples of (batch, ...) tensors."""
        size = len(range(rank, batch_size, num_ranks))
        per_chunk = max(1, _CHUNK_BYTES // (size * self._sample_bytes))
        for chunk in torch.split(order, per_chunk * batch_size):
            rows = _stride(chunk, batch_size, rank, num_ranks).to(self._device)
            if len(chunk) <= batch_size:
                yield tuple([tensor.index_select(0, rows) for tensor in self._tensors])
            else:
                yield from zip(
                    *[torch.split(tensor.index_select(0, rows), size) for tensor in self._tensors], strict=True
                )
                if _last_is_empty(chunk, batch_size, rank):
                    yield tuple([tensor[:0] for tensor in self._tensors])


class FetchInto:
    """Batches of tensors in memory, written into buffers that the next batch overwrites."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._tensors = tuple(tensors)
        self._device = tensors[0].device

    def __call__(self, order: torch.Tensor, batch_size: int, rank: int, num_ranks: int, /) -> Iterator[Any]:
        """Yield tuples of (batch, ...) tensors, each good until the next is asked for."""
        size = len(range(rank, batch_size, num_ranks))
        buffers = [tensor.new_empty((size, *tensor.shape[1:])) for tensor in self._tensors]
        pairs = tuple(zip(self._tensors, buffers, strict=True))
        for batch in torch.split(order, batch_size):
            rows = batch[rank::num_ranks].to(self._device)
            num_rows = rows.shape[0]
            yield tuple([torch.index_select(held, 0, rows, out=buffer[:num_rows]) for held, buffer in pairs])


class FetchEach:
    """Batches of a map-style data set: its samples one by one (or `__getitems__`, where it has it), collated."""

    def __init__(self, dataset: Any, collate: Callable[[list[Any]], Any]) -> None:
        self._dataset = dataset
        self._many = getattr(dataset, "__getitems__", None)
        self._collate = collate

    def __call__(self, order: torch.Tensor, batch_size: int, rank: int, num_ranks: int, /) -> Iterator[Any]:
        """Yield what `collate` makes of the samples."""
        for batch in torch.split(order, batch_size):
            rows = batch[rank::num_ranks].tolist()
            yield self._collate(self._many(rows) if self._many else [self._dataset[row] for row in rows])


def _stride(chunk: torch.Tensor, batch_size: int, rank: int, num_ranks: int) -> torch.Tensor:
    """Return the indices that `rank` takes from the global batches in `chunk`, batch after batch."""
    if num_ranks == 1:
        return chunk
    num_whole = len(chunk) // batch_size * batch_size
    whole = chunk[:num_whole].view(-1, batch_size)[:, rank::num_ranks].reshape(-1)
    return torch.cat([whole, chunk[num_whole:][rank::num_ranks]])


def _last_is_empty(chunk: torch.Tensor, batch_size: int, rank: int) -> bool:
    """Say whether the short batch at the end of `chunk` has nothing for `rank`."""
    return 0 < len(chunk) % batch_size <= rank
