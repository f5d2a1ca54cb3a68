"""What thexp's adapter offers."""

from torchalloy.adapters.thexp._style import TrainerStyle
from torchalloy.core import hookimpl


@hookimpl
def alloy_styles() -> list[TrainerStyle]:
    """Offer the style `trainer`."""
    return [TrainerStyle()]
