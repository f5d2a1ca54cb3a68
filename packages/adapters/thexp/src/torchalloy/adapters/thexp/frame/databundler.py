"""Several loaders as one: one after another, or side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from typing import Any

from torchalloy.core import Source
from torchalloy.data import as_source

__all__ = ["DataBundler"]


class DataBundler:
    """Loaders by name. `chain_mode`, the default, gives them one after another, `zip_mode` gives tuples of batches.

    A zip ends with the shortest loader that isn't cycled; a cycled one begins again when it is used up, and is
    shuffled anew then if it shuffles.
    """

    def __init__(self) -> None:
        self._loaders: dict[str, Any] = {}
        self._cycled: set[str] = set()
        self._zips = False

    def add(self, loader: Any, name: str | None = None) -> DataBundler:
        """Add a loader; without a name it is `unnamed_0`, `unnamed_1`, ...

        Raises: AssertionError: the name is taken, or the thing can't be iterated.
        """
        name = f"unnamed_{len(self._loaders)}" if name is None else name
        assert name not in self._loaders, (
            f"there is a loader {name!r} already; the names are: {', '.join(self._loaders)}"
        )
        assert isinstance(loader, Iterable), f"{type(loader).__name__} can't be iterated; add a DataLoader"
        self._loaders[name] = loader
        return self

    def cycle(self, loader: Any, name: str | None = None) -> DataBundler:
        """Add a loader that begins again whenever it is used up."""
        self.add(loader, name)
        self._cycled.add(next(reversed(self._loaders)))
        return self

    def zip_mode(self) -> DataBundler:
        """Give tuples of one batch of each loader."""
        self._zips = True
        return self

    def chain_mode(self) -> DataBundler:
        """Give the batches of one loader after another."""
        self._zips = False
        return self

    @staticmethod
    def create_zip_bundler(**loaders: Any) -> DataBundler:
        """Return a zip of the loaders: the longest as it is, the others cycled."""
        longest = max(loaders, key=lambda name: len(loaders[name]))
        bundler = DataBundler().zip_mode()
        for name, loader in loaders.items():
            bundler.add(loader, name) if name == longest else bundler.cycle(loader, name)
        return bundler

    @staticmethod
    def create_chain_bundler(*loaders: Any) -> DataBundler:
        """Return a chain of the loaders."""
        bundler = DataBundler()
        for loader in loaders:
            bundler.add(loader)
        return bundler

    def source(self) -> Iterable[Any] | Source:
        """Return what the engine is fed from: the one loader itself, or all of them by exact position."""
        loaders = list(self._loaders.values())
        if len(loaders) == 1 and not self._cycled and not self._zips:
            return loaders[0].source() if isinstance(loaders[0], DataBundler) else loaders[0]
        return _Bundled(self) if all(isinstance(loader, Source) for loader in loaders) else self

    def set_batch_size(self, batch_size: int) -> None:
        """Change the batch size of every loader."""
        for loader in self._loaders.values():
            loader.set_batch_size(batch_size)

    def choice_batch(self) -> Any:
        """Return a first batch."""
        return next(iter(self))

    def choice_sample(self) -> tuple[Any, Any]:
        """Return the first element of both members of a first batch."""
        xs, ys = self.choice_batch()
        return xs[0], ys[0]

    def len_list(self) -> list[int]:
        """Return the length of each loader."""
        return [len(loader) for loader in self._loaders.values()]

    def len_dict(self) -> dict[str, int]:
        """Return the length of each loader by name."""
        return {name: len(loader) for name, loader in self._loaders.items()}

    @property
    def is_sized(self) -> bool:
        """Whether every loader that counts knows its length."""
        try:
            len(self)
        except TypeError:
            return False
        return True

    def __len__(self) -> int:
        if not self._zips and self._cycled:
            raise TypeError("a chain with a cycled loader has no end")
        lengths = [
            len(loader)
            for name, loader in self._loaders.items()
            if isinstance(loader, Sized) and name not in self._cycled
        ]
        if len(lengths) < len(self._loaders) - len(self._cycled):
            raise TypeError("a loader without a length")
        if not lengths and self._zips:
            raise TypeError("a zip of cycled loaders has no end")
        return min(lengths) if self._zips else sum(lengths)

    def __getitem__(self, name: str) -> Any:
        return self._loaders[name]

    def __repr__(self) -> str:
        return repr(self.len_dict())

    def __iter__(self) -> Iterator[Any]:
        return self._combined(
            {name: _endless(it) if name in self._cycled else iter(it) for name, it in self._loaders.items()}
        )

    def _exact_batches(self, epoch: int, start: int) -> Iterator[Any]:
        streams = {
            name: _endless_source(loader, epoch) if name in self._cycled else as_source(loader).batches(epoch, 0)
            for name, loader in self._loaders.items()
        }
        return islice(self._combined(streams), start, None)

    def _combined(self, streams: dict[str, Iterator[Any]]) -> Iterator[Any]:
        if self._zips:
            plain_first = sorted(streams, key=lambda name: name in self._cycled)
            places = [plain_first.index(name) for name in streams]
            return (
                tuple(batch[place] for place in places)
                for batch in zip(*(streams[name] for name in plain_first), strict=False)
            )
        return (batch for stream in streams.values() for batch in stream)


class _Bundled:
    """A bundler whose loaders all have exact positions."""

    def __init__(self, bundler: DataBundler) -> None:
        self._bundler = bundler

    def batches(self, epoch: int, start: int) -> Iterator[Any]:
        """Return the batches of `epoch` from position `start`."""
        return self._bundler._exact_batches(epoch, start)


def _endless(loader: Iterable[Any]) -> Iterator[Any]:
    while True:
        is_empty = True
        for batch in loader:
            is_empty = False
            yield batch
        if is_empty:
            return


def _endless_source(source: Source, epoch: int) -> Iterator[Any]:
    """Give rounds without end; each epoch has rounds of its own numbers, so that no two epochs are alike."""
    num_round = 0
    while True:
        is_empty = True
        for batch in source.batches(epoch + (num_round << 20), 0):
            is_empty = False
            yield batch
        if is_empty:
            return
        num_round += 1
