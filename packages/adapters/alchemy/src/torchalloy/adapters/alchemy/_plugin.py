"""What this package offers: the style `alchemy_model`."""

from collections.abc import Iterable

from torchalloy.adapters.alchemy._style import AlchemyStyle
from torchalloy.core import Style, hookimpl

__all__ = ["alloy_styles"]


@hookimpl
def alloy_styles() -> Iterable[Style]:
    """Offer the style."""
    return [AlchemyStyle()]
