"""What this package offers to `alloy`."""

from collections.abc import Iterable

from torchalloy.core import Launcher, hookimpl
from torchalloy.distributed._launchers import Accelerate, Here, Torchrun

__all__ = ["alloy_launchers"]


@hookimpl
def alloy_launchers() -> Iterable[Launcher]:
    """Offer `here`, `torchrun` and `accelerate`."""
    return [Here(), Torchrun(), Accelerate()]
