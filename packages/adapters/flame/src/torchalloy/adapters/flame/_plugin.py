"""What flame's adapter offers."""

from torchalloy.adapters.flame._style import ProcessStyle
from torchalloy.core import hookimpl


@hookimpl
def alloy_styles() -> list[ProcessStyle]:
    """Offer the style `process`."""
    return [ProcessStyle()]
