"""What this package offers to torchalloy."""

from collections.abc import Iterable

from torchalloy.adapters.trainframework._style import BaseModelStyle
from torchalloy.core import Style, hookimpl

__all__ = ["alloy_styles"]


@hookimpl
def alloy_styles() -> Iterable[Style]:
    """The style `base_model`."""
    return [BaseModelStyle()]
