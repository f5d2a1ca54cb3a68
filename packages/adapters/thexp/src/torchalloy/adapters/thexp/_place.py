"""Where the trainer that is being made keeps its files, when a config and not a script makes it."""

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

__all__ = ["RUN_PLACE", "RunPlace"]


@dataclass(frozen=True, slots=True)
class RunPlace:
    """The run's folder, or None for a run that leaves nothing behind."""

    folder: Path | None


RUN_PLACE: ContextVar[RunPlace | None] = ContextVar("RUN_PLACE", default=None)
