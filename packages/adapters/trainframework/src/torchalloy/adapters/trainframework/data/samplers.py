"""Orders of a data set that never end."""

from collections.abc import Iterator
from itertools import islice

import torch
from torch.utils.data import Sampler

from torchalloy.data import sample_order

__all__ = ["TrainingSampler"]


class TrainingSampler(Sampler[int]):
    """An infinite concatenation of permutations of 0...size-1, of which rank r of W takes every W-th from the r-th on.

    The stream is a pure function of the seed, so that any place of it can be entered at once (`stream`).

    Args:
        size: Samples in the data set; >= 1.
        shuffle: Whether each pass is drawn anew; otherwise it is 0, 1, 2, ...
        seed: Of the order; None takes torch's initial seed.
        rank, world_size: This process and how many share the stream; 0 of 1 by default.

    Raises: TypeError: `size` is no integer. ValueError: it is below 1.
    """

    def __init__(
        self,
        size: int,
        shuffle: bool = True,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        if not isinstance(size, int):
            raise TypeError(f"TrainingSampler(size=) expects an int, got {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"TrainingSampler(size=) expects a positive int, got {size}")
        self.size = size
        self.shuffle = shuffle
        self.seed = torch.initial_seed() if seed is None else seed
        self.rank, self.world_size = rank or 0, world_size or 1

    def __iter__(self) -> Iterator[int]:
        return islice(self.stream(0), self.rank, None, self.world_size)

    def stream(self, start: int) -> Iterator[int]:
        """Yield all ranks' indices from place `start` (0-based, in samples) of the stream on."""
        num_passes, skipped = divmod(start, self.size)
        while True:
            yield from self._pass(num_passes)[skipped:]
            num_passes, skipped = num_passes + 1, 0

    def _pass(self, number: int) -> list[int]:
        if not self.shuffle:
            return list(range(self.size))
        order: list[int] = sample_order(self.size, seed=self.seed, epoch=number + 1).tolist()
        return order
