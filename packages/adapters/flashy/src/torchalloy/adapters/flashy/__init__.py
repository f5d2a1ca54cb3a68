"""flashy's names on torchalloy's Engine: `import torchalloy.adapters.flashy as flashy`.

What costs an import is imported when it is first touched.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchalloy.adapters.flashy import adversarial, distrib, formatter, loggers, logging, solver, state, utils
    from torchalloy.adapters.flashy.formatter import Formatter
    from torchalloy.adapters.flashy.logging import LogProgressBar, ResultLogger, bold, setup_logging
    from torchalloy.adapters.flashy.solver import BaseSolver
    from torchalloy.adapters.flashy.utils import averager

__version__ = "0.0.3a"

_MODULES = ("adversarial", "distrib", "formatter", "loggers", "logging", "solver", "state", "utils")
_HOME = {
    "Formatter": "formatter",
    "LogProgressBar": "logging",
    "ResultLogger": "logging",
    "bold": "logging",
    "setup_logging": "logging",
    "BaseSolver": "solver",
    "averager": "utils",
}

__all__ = [
    "BaseSolver",
    "Formatter",
    "LogProgressBar",
    "ResultLogger",
    "adversarial",
    "averager",
    "bold",
    "distrib",
    "formatter",
    "loggers",
    "logging",
    "setup_logging",
    "solver",
    "state",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
