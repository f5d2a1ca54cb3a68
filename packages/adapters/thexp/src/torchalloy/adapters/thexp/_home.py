"""Where thexp keeps what belongs to no project: `~/.thexp`, or what THEXP_HOME says; made when first written to."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torchalloy.core import AlloyError

__all__ = ["change_json", "read_json", "thexp_home"]


def thexp_home() -> Path:
    """Return the directory, which may not be there."""
    return Path(os.environ.get("THEXP_HOME") or Path.home() / ".thexp")


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds; an empty dict where there is none.

    Raises: AlloyError: the file is damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise AlloyError(f"{path}: isn't JSON ({error}); mend it or remove it") from error
    if not isinstance(values, dict):
        raise AlloyError(f"{path}: expected an object, found {type(values).__name__}; mend it or remove it")
    return values


def change_json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what a JSON file holds, while no other process does; readers meet the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "w") as lock:
        _wait_for(lock.fileno())
        values = read_json(path)
        change(values)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps(values, indent=2, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, path)


def _wait_for(descriptor: int) -> None:
    """Hold the file's lock until it is closed; where the system has no such locks, go on without."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)
