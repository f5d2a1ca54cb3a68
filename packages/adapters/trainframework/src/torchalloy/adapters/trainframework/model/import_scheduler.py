"""Schedules by name: TrainFramework's own, then torch's."""

from typing import Any

import torch

from torchalloy.adapters.trainframework._errors import UnknownRegistered
from torchalloy.adapters.trainframework.slover import lr_scheduler
from torchalloy.core import did_you_mean

__all__ = ["import_scheduler"]


def import_scheduler(name: str) -> Any:
    """Return the schedule class `name` of `slover.lr_scheduler` or else of `torch.optim.lr_scheduler`.

    Raises: UnknownRegistered: (a KeyError) with the nearest name.
    """
    known = _classes(torch.optim.lr_scheduler) | {key: getattr(lr_scheduler, key) for key in lr_scheduler.__all__}
    if name not in known:
        raise UnknownRegistered(
            f"solver.generator.lr_scheduler.type: no schedule {name!r}; {did_you_mean(name, known)}"
        )
    return known[name]


def _classes(module: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(module).items() if isinstance(value, type) and hasattr(value, "step")}
