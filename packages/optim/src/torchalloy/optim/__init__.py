"""Updates: loss, optimizer, schedule, accumulation, clipping and EMA as one step, and how their results are read.

Importing the face imports no torch, so that looking at what is installed stays quick; using a name does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torchalloy.optim._ema import EMA
    from torchalloy.optim._parts import canonical_parts
    from torchalloy.optim._scalars import detached, read_back, scalars
    from torchalloy.optim._schedules import (
        warmup_cosine,
        warmup_cosine_factor,
        warmup_stable_decay,
        warmup_stable_decay_factor,
    )
    from torchalloy.optim._steps import counted, scored, supervised
    from torchalloy.optim._update import Update

__all__ = [
    "EMA",
    "Update",
    "canonical_parts",
    "counted",
    "detached",
    "read_back",
    "scalars",
    "scored",
    "supervised",
    "warmup_cosine",
    "warmup_cosine_factor",
    "warmup_stable_decay",
    "warmup_stable_decay_factor",
]

_HOME = {
    "EMA": "_ema",
    "canonical_parts": "_parts",
    "detached": "_scalars",
    "read_back": "_scalars",
    "scalars": "_scalars",
    "warmup_cosine": "_schedules",
    "warmup_cosine_factor": "_schedules",
    "warmup_stable_decay": "_schedules",
    "warmup_stable_decay_factor": "_schedules",
    "counted": "_steps",
    "scored": "_steps",
    "supervised": "_steps",
    "Update": "_update",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found
