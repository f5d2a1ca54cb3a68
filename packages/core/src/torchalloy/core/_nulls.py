"""Parts that do nothing, so that nobody has to ask whether one is there."""

from torchalloy.core._offers import Reading

__all__ = ["NullSink"]


class NullSink:
    """A sink that keeps nothing."""

    def write(self, reading: Reading, /) -> None:
        """Forget `reading`."""

    def close(self) -> None:
        """Do nothing."""
