"""What a run says at its end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["RunResult"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run.

    Attributes:
        folder: The run's folder, or None if it left nothing.
        summary: style, status ("finished" or "stopped"), metrics, epochs, iterations, seconds, seed, versions, folder.
        note: What a person should know besides, or "".
    """

    folder: Path | None
    summary: dict[str, Any]
    note: str = ""
