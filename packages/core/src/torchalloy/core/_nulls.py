"""Parts that do nothing, so that nobody has to ask whether one is there."""

from collections.abc import Mapping
from typing import Any

from torchalloy.core._offers import Reading

__all__ = ["NullPart", "NullSink"]


class NullSink:
    """A sink that keeps nothing."""

    def write(self, reading: Reading, /) -> None:
        """Forget `reading`."""

    def close(self) -> None:
        """Do nothing."""


class NullPart:
    """A part without a state; whatever it is given, it forgets."""

    def state_dict(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Forget `state`."""
