"""A run's checkpoints: the newest ones kept, the newest verified one found again."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchalloy.checkpoint import _files, _manifest
from torchalloy.checkpoint._folder import OLD, Checkpoint, read, standing, write
from torchalloy.checkpoint._manifest import MANIFEST, Manifest
from torchalloy.core import CheckpointError, Stateful

__all__ = ["Store"]

LATEST = "latest"
_FOLDER = re.compile(rf"(?:{re.escape(OLD)})?(step-\d{{8,}})")
_log = logging.getLogger(__name__)


class Store:
    """The checkpoints under one folder; one process writes at a time, any number may read.

    Each is a folder `step-00000123`; the file `latest` names the newest. `meta["serial"]` counts the saves, so the
    newest is the one saved last, also in a run that was taken back to an earlier step.
    """

    def __init__(self, root: Path | str, keep: int | None = 3) -> None:
        """Use `root`, which needn't exist yet, and keep the newest `keep` checkpoints (>= 1; None keeps all).

        Raises: CheckpointError: `keep` < 1.
        """
        if keep is not None and keep < 1:
            raise CheckpointError(f"checkpoints to keep: {keep!r}; use 1 or more, or None to keep all")
        self.root = Path(root).absolute()
        self.keep = keep
        self._serial: int | None = None
        self._manifests: dict[tuple[Path, int, int], Manifest] = {}

    def save(self, parts: Mapping[str, Stateful], *, step: int, meta: Mapping[str, Any] | None = None) -> Path:
        """Write what `parts` say of themselves; return the folder when it is safe on disk.

        Args:
            parts: By canonical name.
            step: Steps taken; >= 0. It names the folder; a checkpoint of the same step is replaced.
            meta: Plain data kept with it. `step` and `serial` are added.

        Raises: CheckpointError: for state that can't be kept, or naming what can't be written and why; the
            checkpoints there were are untouched then.
        """
        if step < 0:
            raise CheckpointError(f"step {step}: a checkpoint's step is 0 or more")
        states = {name: part.state_dict() for name, part in parts.items()}
        self._sweep()
        serial = self._last_serial() + 1
        folder = write(self.root / f"step-{step:08d}", states, meta={**(meta or {}), "step": step, "serial": serial})
        self._serial = serial
        self._point_at(folder)
        self._retire()
        return folder

    def newest(self) -> Checkpoint | None:
        """Return the newest checkpoint that verifies; a warning says which ones were passed over and why.

        Returns: None where there never was a checkpoint.
        Raises: CheckpointError: there were checkpoints, and none is readable; says what is wrong with each.
        """
        ranked, problems = self._survey()
        for folder in ranked:
            try:
                found = read(folder)
            except CheckpointError as error:
                problems.append(str(error))
            else:
                self._warn(problems, found)
                return found
        promised = self._latest()
        if not problems and promised is None:
            return None
        problems += [f"{self.root / LATEST} names {promised}, which isn't there"] if not problems else []
        raise CheckpointError("\n  ".join([f"{self.root}: no checkpoint can be read:", *problems]))

    def folders(self) -> list[Path]:
        """Return the checkpoints whose manifest is good, the newest first."""
        return self._survey()[0]

    def _manifest(self, folder: Path) -> Manifest:
        """Load a manifest, once for as long as its file is the same. Raises: CheckpointError."""
        try:
            stat = (folder / MANIFEST).stat()
        except OSError:
            return _manifest.load(folder)  # which says what is wrong
        key = (folder, stat.st_mtime_ns, stat.st_ino)
        if key not in self._manifests:
            self._manifests[key] = _manifest.load(folder)
        return self._manifests[key]

    def _looks_whole(self, folder: Path) -> bool:
        """Return whether the sizes are right; content is verified when it is read."""
        try:
            files = self._manifest(folder).files
            return all((folder / name).stat().st_size == file.num_bytes for name, file in files.items())
        except (CheckpointError, OSError):
            return False

    def _survey(self) -> tuple[list[Path], list[str]]:
        """Return the folders with a good manifest, newest first, and what is wrong with the others."""
        ranked: list[tuple[int, str, Path]] = []
        problems: list[str] = []
        for name, folder in self._named().items():
            try:
                ranked.append((_serial_of(self._manifest(folder)), name, folder))
            except CheckpointError as error:
                problems.append(str(error))
        return [folder for *_, folder in sorted(ranked, reverse=True)], problems

    def _named(self) -> dict[str, Path]:
        """Return every checkpoint's folder by its name, an unfinished replacement under the name it had."""
        try:
            found = [_FOLDER.fullmatch(entry.name) for entry in self.root.iterdir() if entry.is_dir()]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CheckpointError(f"{self.root} can't be read: {error.strerror}") from error
        return {name: standing(self.root / name) for name in sorted({match[1] for match in found if match})}

    def _last_serial(self) -> int:
        if self._serial is None:
            manifests = [self._manifest(folder) for folder in self.folders()]
            self._serial = max(map(_serial_of, manifests), default=0)
        return self._serial

    def _latest(self) -> str | None:
        try:
            return (self.root / LATEST).read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CheckpointError(f"{self.root / LATEST} can't be read: {error.strerror}") from error

    def _point_at(self, folder: Path) -> None:
        try:
            _files.replace(self.root / LATEST, f"{folder.name}\n".encode("ascii"))
        except OSError as error:
            raise CheckpointError(
                f"{self.root / LATEST} can't be written: {error.strerror}; the checkpoint {folder} itself is safe"
            ) from error

    def _retire(self) -> None:
        """Remove what is past `keep`. The checkpoint just written is the first of those kept, so one verified stays."""
        if self.keep is None:
            return
        whole = [folder for folder in self.folders() if self._looks_whole(folder)]
        self._manifests = {key: manifest for key, manifest in self._manifests.items() if key[0] in whole[: self.keep]}
        for folder in whole[self.keep :]:
            try:
                _files.discard(folder)
            except OSError as error:
                _log.warning("%s: an old checkpoint can't be removed: %s", folder, error.strerror)

    def _sweep(self) -> None:
        """Remove what saves that were cut short have left."""
        replaced = [old for old in self.root.glob(f"{OLD}*") if (self.root / old.name.removeprefix(OLD)).exists()]
        for stale in [*self.root.glob(f"{_files.TEMPORARY}*"), *replaced]:
            try:
                _files.discard(stale) if stale.is_dir() else stale.unlink()
            except OSError as error:
                _log.warning("%s: left by a save that was cut short, can't be removed: %s", stale, error.strerror)

    def _warn(self, problems: list[str], found: Checkpoint) -> None:
        for problem in problems:
            _log.warning("damaged checkpoint passed over: %s; using %s", problem, found.folder.name)
        promised = self._latest()
        if promised is not None and not standing(self.root / promised).is_dir():
            _log.warning("%s names %s, which isn't there; using %s", self.root / LATEST, promised, found.folder.name)


def _serial_of(manifest: Manifest) -> int:
    serial = manifest.meta.get("serial", 0)
    return serial if isinstance(serial, int) else 0
