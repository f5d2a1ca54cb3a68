"""A map-style data set as the stream that a sampler makes of it."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

__all__ = ["ToIterableDataset"]


class ToIterableDataset(IterableDataset[Any]):
    """Samples of `dataset` in the order of `sampler`.

    Args:
        dataset: Map-style.
        sampler: Indices; may be endless.
        shard_sampler: Whether worker k of n takes every n-th index from the k-th on; otherwise each takes all.
    """

    def __init__(self, dataset: Any, sampler: Iterable[int], shard_sampler: bool = True) -> None:
        self.dataset = dataset
        self.sampler = sampler
        self.shard_sampler = shard_sampler

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info() if self.shard_sampler else None
        first, step = (worker.id, worker.num_workers) if worker is not None else (0, 1)
        return (self.dataset[index] for place, index in enumerate(self.sampler) if place % step == first)
