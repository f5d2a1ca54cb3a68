"""What flashy's adapter offers."""

from torchalloy.adapters.flashy._style import SolverStyle
from torchalloy.core import hookimpl


@hookimpl
def alloy_styles() -> list[SolverStyle]:
    """Offer the style `solver`."""
    return [SolverStyle()]
