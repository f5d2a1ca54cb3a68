"""What this package offers by name."""

from collections.abc import Iterable

from torchalloy.core import Component, hookimpl

__all__ = ["alloy_components"]


@hookimpl
def alloy_components() -> Iterable[Component]:
    """Offer the data sets and the loader."""
    return [
        Component("dataset", "digits", "torchalloy.data:digits"),
        Component("loader", "Loader", "torchalloy.data:Loader"),
    ]
