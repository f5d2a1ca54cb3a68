"""A run's folder: made, found again, and closed with a summary."""

import os
import shutil
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torchalloy.core import RunError
from torchalloy.records._atomic import write_atomically
from torchalloy.records._json import to_page
from torchalloy.records._names import check_name, make_up_name
from torchalloy.records._process import birth_of, host_name
from torchalloy.records._record import RunRecord, now, read_document, read_record, write_record

__all__ = ["RunFolder"]


class RunFolder:
    """The folder of one run. Make one with `create`, `adopt` or `open`.

    Attributes:
        path: The folder.
        record: What `run.json` said when it was last read or written here.
    """

    def __init__(self, path: Path, record: RunRecord, *, is_new: bool = False) -> None:
        self.path = path
        self.record = record
        self._is_new = is_new
        self._before: RunRecord | None = None

    @classmethod
    def create(
        cls, root: str | Path, name: str | None = None, *, style: str, seed: int | None = None, command: Sequence[str]
    ) -> "RunFolder":
        """Make the folder `root`/`name` for a run of this process, with status "running".

        Args:
            root: The folder of all runs; made if it isn't there.
            name: The run's name, or None for one made up: UTC time and two words.
            style: The style of the code.
            seed: The run's seed; None if it has none.
            command: The command line, for people.

        Raises: RunError: the name is taken or can't be a folder's, or the disk refuses.
        """
        root = Path(root)
        if name is not None:
            check_name(name)
        path = _make_folder(root, name)
        return cls._begin(path, style=style, seed=seed, command=command, is_new=True)

    @classmethod
    def adopt(cls, path: str | Path, *, style: str, seed: int | None = None, command: Sequence[str]) -> "RunFolder":
        """Make this process the writer of the run in `path`, which is made, or made a run's folder, where it isn't.

        For scripts that chose their folder themselves. What is in the folder stays; a run that was there keeps its id,
        and goes on as a new attempt.

        Raises: RunError: another process that is alive writes it, its `run.json` is damaged, or the disk refuses.
        """
        path = Path(path)
        if cls.is_run(path):
            run = cls.open(path)
            run._before = run.record
            run._refuse_if_busy()
            run._update(replace(_claim(run.record, command), status="running", style=style, ended=None))
            return run
        is_new = not path.exists()
        _mkdir(path, exist_ok=True)
        return cls._begin(path, style=style, seed=seed, command=command, is_new=is_new)

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """Return the run that is kept in `path`; changes nothing.

        Raises: RunError: there is no such folder, it isn't a run's, or its `run.json` is damaged.
        """
        path = Path(path)
        if not path.is_dir():
            raise RunError(f"{path}: no such folder")
        if not cls.is_run(path):
            raise RunError(f"{path}: not a run's folder (it has no run.json)")
        return cls(path, read_record(path))

    @staticmethod
    def is_run(path: str | Path) -> bool:
        """Whether `path` is the folder of a run, whole or damaged."""
        return Path(path, "run.json").is_file()

    @property
    def name(self) -> str:
        """The folder's name, which is the run's."""
        return self.path.resolve().name

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints go."""
        return self.path / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """Where TensorBoard's event files go."""
        return self.path / "tensorboard"

    @property
    def log(self) -> Path:
        """The log file."""
        return self.path / "log.txt"

    @property
    def metrics(self) -> Path:
        """The metrics file, read by `read_metrics`."""
        return self.path / "metrics.jsonl"

    @property
    def status(self) -> str:
        """How the run stands now: "running", "finished", "stopped", "failed", or "killed" where its process is gone.

        Raises: RunError: `run.json` is damaged or gone.
        """
        record = read_record(self.path)
        if not record.is_abandoned():
            return record.status
        summary = self.summary()  # the process may have died between writing its summary and its status
        return str(summary["status"]) if summary.get("began") == record.began else "killed"

    def summary(self) -> dict[str, Any]:
        """Return what `finish` wrote last, or {} if the run never finished.

        Raises: RunError: `summary.json` is damaged.
        """
        path = self.path / "summary.json"
        return read_document(path) if path.exists() else {}

    def resume(self, command: Sequence[str], *, step: int | None = None) -> None:
        """Make this process the one that writes the run: status "running", one attempt more.

        What the sinks have past the checkpoint is superseded by `Sinks.rewind`.

        Args:
            command: The command line, for people.
            step: The training step it goes on from, if it is known yet.

        Raises: RunError: another process that is alive writes the run, or the disk refuses.
        """
        self.record = read_record(self.path)
        self._refuse_if_busy()
        mine = _claim(self.record, command)
        resumed_from = (*self.record.resumed_from, step)
        self._update(replace(mine, status="running", resumed_from=resumed_from, ended=None))

    def finish(self, status: str, summary: Mapping[str, Any], error: BaseException | str | None = None) -> Path:
        """Write `summary.json`, then the status; return the summary's path.

        Args:
            status: "finished", "stopped" (by a person or a handler, can go on) or "failed".
            summary: Plain data. `catalogue` looks for `metrics`, `epochs`, `iterations` and `seconds` in it.
            error: What went wrong, for "failed". Of an exception the summary keeps the traceback too.

        Raises: RunError: `status` is none of the three, or the disk refuses.
        """
        if status not in ("finished", "stopped", "failed"):
            raise RunError(f"{self.path}: a run can't end as {status!r}; it ends as finished, stopped or failed")
        record = replace(self.record, status=status, ended=now())
        head = {"run": self.name, "id": record.id, "status": status, "style": record.style, "seed": record.seed}
        tail = {"created": record.created, "began": record.began, "ended": record.ended, "attempt": record.attempt}
        path = self._write("summary.json", to_page(head | dict(summary) | _described(error) | tail))
        self._update(record)
        return path

    def discard(self) -> None:
        """Take back a run that never began: its folder, or only `run.json` if the folder was there before.

        An adopted run becomes what it was.

        Raises: RunError: the run has metrics or checkpoints, which are never thrown away here.
        """
        if self._before is not None:
            self._update(self._before)
            return
        if self.metrics.exists() or self.checkpoints.exists():
            raise RunError(f"{self.path}: has metrics or checkpoints; it isn't discarded")
        if self._is_new:
            shutil.rmtree(self.path)
        else:
            (self.path / "run.json").unlink(missing_ok=True)

    def write_text(self, name: str, text: str) -> Path:
        """Write `text` as the file `name` (a relative path) of the folder, whole or not at all; return its path.

        Raises: RunError: `name` leads out of the folder, or the disk refuses.
        """
        return self._write(name, text.encode("utf-8"))

    def copy_in(self, source: str | Path, name: str | None = None) -> Path:
        """Copy one file into the folder as `name` (a relative path; its own name if None); return its path.

        Raises: RunError: `source` can't be read, `name` leads out of the folder, or the disk refuses.
        """
        source = Path(source)
        try:
            data = source.read_bytes()
        except OSError as error:
            raise RunError(f"{source}: can't be copied into the run: {error.strerror or error}") from error
        return self._write(name or source.name, data)

    @classmethod
    def _begin(cls, path: Path, *, style: str, seed: int | None, command: Sequence[str], is_new: bool) -> "RunFolder":
        run_id, name = os.urandom(8).hex(), path.resolve().name
        when = now()
        blank = RunRecord(run_id, name, when, when, style, seed, "running", pid=0, host="", birth=None, command=())
        record = _claim(blank, command)
        write_record(path, record)
        return cls(path, record, is_new=is_new)

    def _refuse_if_busy(self) -> None:
        record = self.record
        if record.status == "running" and record.pid != os.getpid() and not record.is_abandoned():
            who = f"process {record.pid} on {record.host}"
            raise RunError(f"{self.path}: {who} is still writing this run; wait for it or stop it first")

    def _update(self, record: RunRecord) -> None:
        write_record(self.path, record)
        self.record = record

    def _write(self, name: str, data: bytes) -> Path:
        target = self.path / name
        if Path(name).is_absolute() or ".." in Path(name).parts or target == self.path:
            raise RunError(f"{self.path}: {name!r} isn't a path inside the run's folder")
        _mkdir(target.parent, exist_ok=True)
        try:
            write_atomically(target, data)
        except OSError as error:
            raise RunError(f"{target}: can't be written: {error.strerror or error}") from error
        return target


def _claim(record: RunRecord, command: Sequence[str]) -> RunRecord:
    pid = os.getpid()
    return replace(record, began=now(), pid=pid, host=host_name(), birth=birth_of(pid), command=tuple(command))


def _described(error: BaseException | str | None) -> dict[str, Any]:
    if isinstance(error, BaseException):
        text = "".join(traceback.format_exception_only(error)).strip()
        return {"error": text, "traceback": "".join(traceback.format_exception(error))}
    return {"error": error}


def _make_folder(root: Path, name: str | None) -> Path:
    _mkdir(root, exist_ok=True)
    for _ in range(100):
        path = root / (name or make_up_name())
        if _mkdir(path, exist_ok=False):
            return path
        if name is not None:
            raise RunError(f"{path}: exists already; resume it, choose another --name, or leave --name out")
    raise RunError(f"{root}: no free name found; give one by --name")


def _mkdir(path: Path, *, exist_ok: bool) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError as error:
        if not exist_ok:
            return False
        raise RunError(f"{path}: is a file; a folder is needed there") from error
    except OSError as error:
        raise RunError(f"{path}: can't be made: {error.strerror or error}") from error
    return True
