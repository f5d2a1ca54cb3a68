"""What `run.json` says: who a run is and how it stands."""

import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torchalloy.core import RunError
from torchalloy.records._atomic import write_atomically
from torchalloy.records._json import to_page
from torchalloy.records._process import is_alive

__all__ = ["RunRecord", "now", "read_document", "read_record", "write_record"]

STATUSES = ("running", "finished", "stopped", "failed")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's identity, and the last thing its process said of itself.

    Attributes:
        id: 16 hexadecimal digits, its own for ever, wherever the folder is moved.
        name: The folder's name when it was made.
        created: When, ISO 8601 in UTC; sorts as text.
        began: When its present, or last, process took it.
        style: The style of the code.
        seed: The run's seed.
        status: "running", "finished", "stopped" or "failed", as last written. `RunFolder.status` knows better.
        pid: The process that writes it; with `host` and `birth` never mistaken for a later one of that number.
        host: The machine of that process.
        birth: When the machine says the process began, or None where it can't.
        command: The command line.
        resumed_from: The training step of each resume; None where it wasn't said.
        ended: When it ended, or None while it runs.
    """

    id: str
    name: str
    created: str
    began: str
    style: str
    seed: int | None
    status: str
    pid: int
    host: str
    birth: str | None
    command: tuple[str, ...]
    resumed_from: tuple[int | None, ...] = ()
    ended: str | None = None

    @property
    def attempt(self) -> int:
        """1, and one more at each resume."""
        return len(self.resumed_from) + 1

    def is_abandoned(self) -> bool:
        """Whether it says "running" and its process is dead."""
        return self.status == "running" and not is_alive(self.pid, self.host, self.birth)


def now() -> str:
    """Return this instant as `RunRecord.created` has it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def write_record(folder: Path, record: RunRecord) -> None:
    """Write `folder`/run.json.

    Raises: RunError: the disk refuses.
    """
    path = folder / "run.json"
    try:
        write_atomically(path, to_page(asdict(record)))
    except OSError as error:
        raise RunError(f"{path}: can't be written: {error.strerror or error}") from error


def read_record(folder: Path) -> RunRecord:
    """Read `folder`/run.json.

    Raises: RunError: it isn't there or isn't a run's; says what is wrong.
    """
    path = folder / "run.json"
    document = read_document(path)
    names = [field.name for field in fields(RunRecord)]
    missing = [name for name in names if name not in document]
    if missing:
        raise RunError(f"{path}: damaged: lacks {', '.join(missing)}")
    wrong = [name for name in names if not _fits(name, document[name])]
    if wrong:
        raise RunError(f"{path}: damaged: {wrong[0]} is {document[wrong[0]]!r}")
    kept = {name: document[name] for name in names}
    lists = {name: tuple(value) for name, value in kept.items() if isinstance(value, list)}
    return RunRecord(**kept | lists)


def read_document(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises: RunError: it isn't there, can't be read, or holds something else.
    """
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"{path}: no such file") from error
    except OSError as error:
        raise RunError(f"{path}: can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: damaged: not JSON ({error})") from error
    if not isinstance(document, dict):
        raise RunError(f"{path}: damaged: not a JSON object")
    return document


def _fits(name: str, value: Any) -> bool:
    match name:
        case "status":
            return value in STATUSES
        case "pid":
            return type(value) is int
        case "resumed_from":
            return isinstance(value, list) and all(step is None or type(step) is int for step in value)
        case "seed":
            return value is None or type(value) is int
        case "birth" | "ended":
            return value is None or isinstance(value, str)
        case "command":
            return isinstance(value, list) and all(isinstance(word, str) for word in value)
    return isinstance(value, str)
