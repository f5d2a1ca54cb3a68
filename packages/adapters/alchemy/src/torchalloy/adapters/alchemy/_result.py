"""What a run leaves its caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ChildFailure", "FailedRun", "RunResult"]


@dataclass(eq=False)
class RunResult:
    """How a run ended.

    Attributes:
        record_dir: Its record folder, or None.
        cfg: The config it ran with.
        ret: What the runner left in `sym_tbl().ret`.
        exception: What ended it, or None.
        traceback: The same as text, or None.
    """

    record_dir: Path | None
    cfg: Mapping[str, Any]
    ret: Any = None
    exception: BaseException | None = None
    traceback: str | None = None


class FailedRun(RunResult, RuntimeError):
    """The result of a run that failed; it can be raised."""

    def __str__(self) -> str:
        kind = "" if isinstance(self.exception, ChildFailure) else f"{type(self.exception).__name__}: "
        return f"{kind}{self.exception}"


class ChildFailure(RuntimeError):
    """An exception that stayed in another process, or that process's sudden end; the message tells which."""
