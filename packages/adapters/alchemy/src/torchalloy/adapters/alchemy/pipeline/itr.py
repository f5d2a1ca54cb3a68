"""Data pipes that are walked through."""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch.utils.data import get_worker_info

from torchalloy.adapters.alchemy._errors import BadArgument
from torchalloy.adapters.alchemy.pipeline._data import DataPipeline, ItrDataPipeline

__all__ = ["Batch", "Shuffle", "SplitByWorker", "WithLength"]


@DataPipeline.register()
class Batch(ItrDataPipeline):
    """Lists of `batch_size` samples; the last short one is kept unless `drop_last`."""

    def __init__(self, datapipe: Any, batch_size: int = 1, drop_last: bool = False, **kwargs: Any) -> None:
        super().__init__(datapipe)
        self.batch_size = _at_least_one("Batch", "batch_size", batch_size)
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[Any]:
        samples = iter(self.datapipe)
        while batch := list(islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch


@DataPipeline.register()
class WithLength(ItrDataPipeline):
    """The same items, with a length."""

    def __init__(self, datapipe: Any, length: int | None = None, **kwargs: Any) -> None:
        super().__init__(datapipe)
        self.length = length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.datapipe)

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("WithLength has no length: its `length` is None")
        return self.length


@DataPipeline.register()
class Shuffle(ItrDataPipeline):
    """A shuffle within a buffer: each new item takes the place of a random one, which goes out.

    One draw of Python's global generator seeds each walk, so a walk can be taken again from its start.
    """

    def __init__(self, datapipe: Any, buffer_size: int = 1000, **kwargs: Any) -> None:
        super().__init__(datapipe)
        self.buffer_size = _at_least_one("Shuffle", "buffer_size", buffer_size)
        self.shuffle = True

    def set_shuffle_settings(self, shuffle: bool = True) -> None:
        """Turn the shuffle on or off."""
        self.shuffle = shuffle

    def __iter__(self) -> Iterator[Any]:
        return self._shuffled(random.Random(random.getrandbits(64))) if self.shuffle else iter(self.datapipe)

    def _shuffled(self, generator: random.Random) -> Iterator[Any]:
        buffer: list[Any] = []
        for item in self.datapipe:
            if len(buffer) < self.buffer_size:
                buffer.append(item)
                continue
            index = generator.randrange(self.buffer_size)
            out, buffer[index] = buffer[index], item
            yield out
        generator.shuffle(buffer)
        yield from buffer


@DataPipeline.register()
class SplitByWorker(ItrDataPipeline):
    """In a loader's worker its share of the items, in the main process all of them."""

    def __init__(self, datapipe: Any, **kwargs: Any) -> None:
        super().__init__(datapipe)

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        return (
            iter(self.datapipe) if worker is None else islice(iter(self.datapipe), worker.id, None, worker.num_workers)
        )


def _at_least_one(pipe: str, key: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadArgument(f"{pipe}: {key} is {value!r}; it should be an integer of at least 1")
    return value
