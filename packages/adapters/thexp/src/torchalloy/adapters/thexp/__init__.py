"""thexp's names on torchalloy's Engine: `from torchalloy.adapters.thexp import Params, Trainer`.

What costs an import is imported when it is first touched.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchalloy.adapters.thexp.frame import (
        AvgMeter,
        DataBundler,
        Experiment,
        ExperimentViewer,
        Logger,
        Meter,
        Params,
        RndManager,
        Saver,
        Trainer,
        callbacks,
    )

__VERSION__ = "1.2.0"  # the release whose names these are

__all__ = [
    "AvgMeter",
    "DataBundler",
    "Experiment",
    "ExperimentViewer",
    "Logger",
    "Meter",
    "Params",
    "RndManager",
    "Saver",
    "Trainer",
    "__VERSION__",
    "callbacks",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.frame"), name)
