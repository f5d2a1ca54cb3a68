"""The end of a run as one line for people, and as one line of JSON."""

import json
import math
import signal
from collections.abc import Mapping
from typing import Any

__all__ = ["end_line", "exit_status", "headline", "json_line"]

_SCORED = ("test", "valid", "val", "eval")  # the first of these that has metrics is what a run is judged by


def end_line(summary: Mapping[str, Any]) -> str:
    """Return how a run ended.

    >>> end_line({"metrics": {"test/accuracy": 0.9722, "train/loss": 0.01}, "seconds": 6.1, "folder": "runs/a"})
    'test accuracy 0.9722, train loss 0.01 | 6.1 s | runs/a'
    """
    seconds, folder = summary.get("seconds"), summary.get("folder")
    parts = [
        _how(summary),
        headline(summary.get("metrics", {})),
        "" if seconds is None else f"{seconds:.1f} s",
        "" if folder is None else str(folder),
    ]
    return " | ".join(part for part in parts if part)


def headline(metrics: Mapping[str, Any]) -> str:
    """Return the few metrics a run is judged by: two scores, then the training loss.

    >>> headline({"train/loss": 0.25, "valid/loss": 0.5, "valid/accuracy": 0.875})
    'valid accuracy 0.875, valid loss 0.5, train loss 0.25'
    """
    by_stage: dict[str, list[str]] = {}
    for name in metrics:
        by_stage.setdefault(name.partition("/")[0] if "/" in name else "", []).append(name)
    scoring = [stage for stage in (*_SCORED, *sorted(by_stage)) if stage in by_stage and stage != "train"]
    scores = sorted(by_stage[scoring[0]], key=lambda name: (_is_loss(name), name))[:2] if scoring else []
    training = sorted(by_stage.get("train", []), key=lambda name: (not _is_loss(name), name))[:1]
    return ", ".join(f"{name.replace('/', ' ', 1)} {_short(metrics[name])}" for name in [*scores, *training])


def json_line(document: Any) -> str:
    """Return `document` as one line of JSON; NaN and the infinities, which JSON has no words for, become strings."""
    return json.dumps(_spelled(document), ensure_ascii=False, default=str)


def exit_status(summary: Mapping[str, Any]) -> int:
    """Return 0, or 128 plus the number of the signal that stopped the run, as shells have it."""
    kind, _, name = str(summary.get("stopped_by", "")).partition(" ")
    return 128 + signal.Signals[name] if kind == "signal" and name in signal.Signals.__members__ else 0


def _how(summary: Mapping[str, Any]) -> str:
    status, why = summary.get("status", "finished"), summary.get("stopped_by")
    return "" if status == "finished" else f"{status} ({why})" if why else str(status)


def _is_loss(name: str) -> bool:
    return name.rpartition("/")[2].startswith("loss")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _spelled(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(item) for item in value]
    return value
