"""Small helpers that tasks, models and pipes use."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from loguru import logger

__all__ = [
    "batch_to_device",
    "filter_optional_cfg",
    "line_count",
    "merge_max_position_constraints",
    "warn_unused_kwargs",
]


def filter_optional_cfg(cfg: Mapping[str, Any], optional_keys: set[str], level: str = "WARNING") -> dict[str, Any]:
    """Return the entries of `cfg` named in `optional_keys`; one log line at `level` tells which are absent."""
    absent = sorted(optional_keys - set(cfg))
    if absent:
        logger.log(level, "{}: not in the config, so defaults apply: {}", _caller(), ", ".join(absent))
    return {key: cfg[key] for key in cfg if key in optional_keys}


def warn_unused_kwargs(kwargs: Mapping[str, Any], called_by: str | None = None, level: str = "WARNING") -> None:
    """Log the names of `kwargs`, if there are any, as unused by the caller."""
    if kwargs:
        logger.log(level, "{}: unused: {}", called_by or _caller(), ", ".join(sorted(kwargs)))


def batch_to_device(batch: Mapping[str, Any], device: torch.device | str) -> dict[str, Any]:
    """Return a new dict with the tensors of `batch` on `device` and everything else as it is."""
    return {key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in batch.items()}


def merge_max_position_constraints(*constraints: int | None) -> int | None:
    """Return the smallest limit, ignoring None; None where there is no limit.

    >>> merge_max_position_constraints(512, None, 128)
    128
    """
    return min((limit for limit in constraints if limit is not None), default=None)


def line_count(path: str | Path) -> int:
    """Return the number of lines in a file; a last line without a newline counts."""
    with open(path, "rb") as lines:
        return sum(1 for _ in lines)


def _caller() -> str:
    frame = inspect.stack(context=0)[2]
    return f"{frame.filename}:{frame.lineno}"
