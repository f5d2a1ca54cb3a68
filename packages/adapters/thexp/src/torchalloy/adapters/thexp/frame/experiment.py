"""The record of an experiment: the code that ran, and the files it left; and the look back at all of them."""

from __future__ import annotations

import atexit
import hashlib
import inspect
import json
import sys
import warnings
import weakref
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from torchalloy.adapters.thexp._home import change_json, read_json, thexp_home
from torchalloy.core import UnknownName, did_you_mean

__all__ = ["Experiment", "ExperimentViewer"]

DATE = "%y-%m-%d-%H%M%S"
FILE_DATE = "%y%m%d-%H%M%S"

T = TypeVar("T")


class Experiment:
    """A directory, the code and the files that belong to one experiment.

    `start_exp()` snapshots the registered code to `code/`; `end_exp()`, or the end of the process in whatever way,
    writes `exp/<date>.json` and the same record into a data base in thexp's home.

    Args:
        exps_dir: Made if it isn't there; `experiment` beside the main script by default.
        dbfilename: The data base's name, `thexp.json` by default.
        dbpath: The data base's directory, thexp's home by default.
    """

    def __init__(
        self, exps_dir: str | Path | None = None, dbfilename: str | None = None, dbpath: str | Path | None = None
    ) -> None:
        main = getattr(sys.modules["__main__"], "__file__", None)
        default = (Path(main).resolve().parent if main else Path.cwd()) / "experiment"
        self._folder = Path(exps_dir) if exps_dir is not None else default
        self._folder.mkdir(parents=True, exist_ok=True)
        self.exp_dir = str(self._folder)
        self.dbfile = _data_base(dbfilename, dbpath)
        self.exp_info: dict[str, Any] = {}
        self._members: dict[str, Any] = {}
        self._watched: list[Path] = []
        self._suffixes: set[str] = set()
        self._before: dict[str, tuple[int, int]] = {}
        if main:
            self._members["__main__"] = sys.modules["__main__"]

    @property
    def db(self) -> dict[str, Any]:
        """The records of all experiments, by date."""
        return read_json(self.dbfile)

    def hold_exp_part(self, dir: str, exts: Iterable[str] = (), observe: bool = True) -> str:
        """Return the experiment's sub-directory `dir`, which is made. Files in it of the suffixes `exts` are recorded.

        Raises: AssertionError: a suffix without a dot.
        """
        for suffix in exts:
            assert suffix.startswith("."), f"{suffix!r} is no suffix; write {'.' + suffix!r}"
        part = self._folder / dir
        part.mkdir(parents=True, exist_ok=True)
        if observe and part not in self._watched:
            self._watched.append(part)
        if observe:
            self._suffixes |= {suffix.lower() for suffix in exts}
        return str(part)

    def keycode(self, member: T | None = None) -> Any:
        """Register a module, class or function whose source is snapshot; without one, return a decorator that does."""
        if member is None:
            return self._registered
        self._registered(member)
        return None

    def start_exp(self) -> None:
        """Begin: note what is there, snapshot the registered code, and see to it that the end is recorded."""
        self._before = self._files()
        snapshots = {
            name: snap for name, member in self._members.items() if (snap := self._snap(name, member)) is not None
        }
        self.exp_info = {"start_time": _now(), "snap": snapshots, "args": list(sys.argv)}
        for part in ("code", "exp"):
            (self._folder / part).mkdir(exist_ok=True)
        _open_experiments.add(self)

    def end_exp(self) -> None:
        """Write the record and say where it is; does nothing unless the experiment is under way."""
        if self not in _open_experiments:
            return
        _open_experiments.discard(self)
        if not self._folder.is_dir():
            print(f"experiment not recorded: {self._folder} was removed meanwhile")
            return
        for name, member in self._members.items():
            if name not in self.exp_info["snap"] and (snap := self._snap(name, member)) is not None:
                self.exp_info["snap"][name] = snap
        key = self._free_key()
        self.exp_info = {**self.exp_info, "files": self._changes(), "end_time": _now()}
        file = self._folder / "exp" / f"{key}.json"
        file.write_text(json.dumps(self.exp_info, indent=2, ensure_ascii=False), encoding="utf-8")
        change_json(self.dbfile, lambda records: records.update({key: self.exp_info}))
        print(f"experiment recorded in {file}")

    def snapshot(self, code: str, path: str | Path) -> str:
        """Write `code` to the first of `<path>-0`, `<path>-1`, ... that is free or holds the same; return that path."""
        number = 0
        while (file := Path(f"{path}-{number}")).exists() and _digest(file.read_text(encoding="utf-8")) != _digest(
            code
        ):
            number += 1
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code, encoding="utf-8")
        return str(file)

    def _registered(self, member: T) -> T:
        self._members[str(getattr(member, "__name__", member))] = member
        return member

    def _snap(self, name: str, member: Any) -> dict[str, str] | None:
        try:
            source, file = inspect.getsource(member), inspect.getsourcefile(member)
        except (TypeError, OSError):
            if name != "__main__":
                warnings.warn(f"{name} has no source that could be kept", stacklevel=3)
            return None
        path = self.snapshot(source, self._folder / "code" / f"{Path(str(file)).name}-{name}")
        return {"fn": str(file), "hash": _digest(source), "snap": path}

    def _files(self) -> dict[str, tuple[int, int]]:
        found = (
            file
            for folder in self._watched
            for file in folder.rglob("*")
            if file.suffix.lower() in self._suffixes and file.is_file()
        )
        return {str(file): (file.stat().st_mtime_ns, file.stat().st_size) for file in found}

    def _changes(self) -> dict[str, dict[str, Any]]:
        after = self._files()
        changed = {path for path, stamp in after.items() if self._before.get(path) != stamp}
        gone = {path: {"mode": "deleted", "exist": False} for path in self._before if path not in after}
        return {
            **{path: _file_info(path, "modified" if path in self._before else "created") for path in sorted(changed)},
            **gone,
        }

    def _free_key(self) -> str:
        """Return the date as a key nobody has; two runs may end in one second."""
        taken, moment = self.db, datetime.now()
        while (key := moment.strftime(DATE)) in taken or (self._folder / "exp" / f"{key}.json").exists():
            moment += timedelta(seconds=1)
        return key


class ExperimentViewer:
    """Looks back at the recorded experiments.

    Args:
        dbfilename: The data base's name, `thexp.json` by default.
        dbpath: The data base's directory, thexp's home by default.
    """

    def __init__(self, dbfilename: str | None = None, dbpath: str | Path | None = None) -> None:
        self.dbfile = _data_base(dbfilename, dbpath)
        self.reload()

    def reload(self) -> None:
        """Read the data base anew."""
        self.records = read_json(self.dbfile)

    def list(self) -> list[str]:
        """Return the keys of all experiments: the dates they ended."""
        return [*self.records]

    def recent(
        self,
        day: float = 0,
        mouth: float = 0,
        year: float = 0,
        timedeltaobj: timedelta | None = None,
        *,
        month: float = 0,
    ) -> Any:
        """Return the keys of experiments that ended within a span; `mouth` is how thexp spells month (30 days)."""
        span = timedelta(days=day + 30 * (mouth + month) + 365 * year) + (timedeltaobj or timedelta())
        return [key for key in self.records if datetime.strptime(key, DATE) > datetime.now() - span]

    def backtracking(self, fn: str) -> dict[str, dict[str, Any]]:
        """Return, by experiment, the recorded files and the code whose path contains `fn`.

        Where `fn` is a file that has changed since, what is said of it is that it was replaced.
        """
        found = {key: self._mentions(record, fn) for key, record in self.records.items()}
        return {key: mentioned for key, mentioned in found.items() if mentioned}

    def exp_code(self, key: str) -> dict[str, Any]:
        """Return the snapshots of an experiment's code.

        Raises: UnknownName: no such experiment.
        """
        if key not in self.records:
            raise UnknownName(f"no experiment {key!r} in {self.dbfile}; {did_you_mean(key, self.records)}")
        code: dict[str, Any] = self.records[key]["snap"]
        return code

    def exp_info(self, key: str) -> Any:
        """Return an experiment's whole record, or False if there is none."""
        return self.records.get(key, False)

    def drop(self) -> None:
        """Empty the data base."""
        change_json(self.dbfile, lambda records: records.clear())
        self.reload()

    def _mentions(self, record: dict[str, Any], fn: str) -> dict[str, Any]:
        files = {path: _present(path, info, fn) for path, info in record["files"].items() if fn in path}
        snaps = {name: snap for name, snap in record["snap"].items() if fn in snap["fn"] or fn in snap["snap"]}
        return {**({"files": files} if files else {}), **({"snap": snaps} if snaps else {})}


_open_experiments: weakref.WeakSet[Experiment] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for experiment in list(_open_experiments):
        experiment.end_exp()


def _data_base(name: str | None, folder: str | Path | None) -> Path:
    return (Path(folder) if folder is not None else thexp_home()) / (name or "thexp.json")


def _now() -> str:
    return datetime.now().strftime(DATE)


def _digest(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.md5(data, usedforsecurity=False).hexdigest()[:16]


def _file_info(path: str, mode: str) -> dict[str, Any]:
    file = Path(path)
    info = {
        "mode": mode,
        "hash": _digest(file.read_bytes()),
        "atime": datetime.fromtimestamp(file.stat().st_mtime).strftime(FILE_DATE),
        "exist": True,
    }
    return {**info, "info": f"{path}.json"} if Path(f"{path}.json").exists() else info


def _present(path: str, info: dict[str, Any], fn: str) -> dict[str, Any]:
    """Return what was recorded of a file, or that it is another one now, if it is the one that was asked for."""
    asked = Path(fn)
    if (
        not asked.is_file()
        or asked.resolve() != Path(path).resolve()
        or _digest(asked.read_bytes()) == info.get("hash")
    ):
        return info
    return {**info, "mode": "replacement"}
