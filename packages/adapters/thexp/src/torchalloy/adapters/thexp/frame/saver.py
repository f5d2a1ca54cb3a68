"""Files of a model's states beside the run's own checkpoints: rotating, kept, and final ones."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

from torchalloy.adapters.thexp.frame.params import AttrDict
from torchalloy.checkpoint import export_torch, import_torch
from torchalloy.core import CheckpointError

__all__ = ["Checkpoint", "ModelName", "Saver"]

MANIFEST = ".saver.json"
NUM_DUPLICATES = 9
CHECKPOINT = re.compile(r"^(\d)(\d{6,})\.ckpt$")
KEYPOINT = re.compile(r"^keep\.(\d)(\d{6,})\.ckpt$")
MODEL = re.compile(r"^model\.(0)(\d{6,})\.pth$")


class Checkpoint(NamedTuple):
    """What was saved, and what was written beside it."""

    checkpoint: Any
    info: Any


class ModelName(str):
    """The name of a model's file, as thexp lists it; opens from anywhere."""

    folder: Path

    def __fspath__(self) -> str:
        return str(self.folder / self)


class Saver:
    """Saves states as `<d><epoch>.ckpt` (the newest few stay), `keep.<d><epoch>.ckpt` and `model.0<epoch>.pth`.

    `<d>` counts the files of one epoch from 0. Beside each file lies `<file>.json` with what else is known of it. Which
    is newest is told by a list the saver keeps, and by the time of writing for files it doesn't know.

    Args:
        ckpt_dir: Made if it isn't there.
        max_to_keep: Rotating checkpoints that stay; >= 1.
    """

    #: Types that files may hold besides tensors and plain data; add your own to load what holds them.
    allowed_types: Sequence[Any] = (AttrDict,)

    def __init__(self, ckpt_dir: str | Path, max_to_keep: int = 3) -> None:
        assert max_to_keep >= 1, f"max_to_keep is {max_to_keep}; expected >= 1"
        self.ckpt_dir = Path(ckpt_dir)
        self.ckpt_dir.mkdir(parents=True, exist_ok=True)
        self.max_to_keep = max_to_keep

    def save_checkpoint(
        self, val: int | str, state_dict: Any, extra_info: Any = None, replacement: bool = False, lasting: bool = False
    ) -> str:
        """Save a checkpoint that later ones push out; return its path.

        Args:
            val: The epoch; a string is the path itself.
            state_dict: Anything torch.save takes.
            extra_info: Goes into the json file beside it.
            replacement: Overwrite the epoch's newest file rather than add one.
            lasting: Never push this one out.

        Raises: AssertionError: `val` is neither. CheckpointError: it can't be written.
        """
        path = self._free(val, CHECKPOINT, "{}{:06d}.ckpt", replacement)
        self._save(path, state_dict, extra_info, lasting=lasting)
        rotating = [
            name for name in self._newest_first(CHECKPOINT) if not self._manifest().get(name, {}).get("lasting")
        ]
        for name in rotating[self.max_to_keep :]:
            self.check_remove(self.ckpt_dir / name)
        return str(path)

    def save_keypoint(self, val: int | str, state_dict: Any, extra_info: Any = None, replacement: bool = False) -> str:
        """Save a checkpoint that stays; arguments and errors as for `save_checkpoint`."""
        path = self._free(val, KEYPOINT, "keep.{}{:06d}.ckpt", replacement)
        self._save(path, state_dict, extra_info)
        return str(path)

    def save_model(self, val: int | str, state_dict: Any, extra_info: Any = None) -> str:
        """Save a model; a second one of an epoch overwrites the first."""
        path = Path(val) if isinstance(val, str) else self.ckpt_dir / f"model.0{_epoch(val):06d}.pth"
        self._save(path, state_dict, extra_info)
        return str(path)

    def find_checkpoints(self) -> list[str]:
        """Return the paths of the rotating checkpoints, newest first."""
        return self._paths(self._newest_first(CHECKPOINT))

    def find_keypoints(self) -> list[str]:
        """Return the paths of the keypoints, newest first."""
        return self._paths(self._newest_first(KEYPOINT))

    def find_models(self) -> list[ModelName]:
        """Return the names, not paths, of the models, newest first; `open()` and the like find them all the same."""
        names = [ModelName(name) for name in self._newest_first(MODEL)]
        for name in names:
            name.folder = self.ckpt_dir
        return names

    def find_checkpoint(self, epoch: int, all: bool = False) -> Any:
        """Return the path of an epoch's newest checkpoint or None, or the list of all its paths."""
        return self._of_epoch(CHECKPOINT, epoch, all)

    def find_keypoint(self, epoch: int, all: bool = False) -> Any:
        """Return the path of an epoch's newest keypoint or None, or the list of all its paths."""
        return self._of_epoch(KEYPOINT, epoch, all)

    def find_checkpoint_info(self, epoch: int) -> str | None:
        """Return the path of the json file beside an epoch's newest checkpoint."""
        return _beside(self.find_checkpoint(epoch))

    def find_keypoint_info(self, epoch: int) -> str | None:
        """Return the path of the json file beside an epoch's newest keypoint."""
        return _beside(self.find_keypoint(epoch))

    def load_checkpoint(self, val: int | str, byindex: bool = False) -> Any:
        """Return what a checkpoint holds, or None if there is none.

        Args:
            val: An epoch or a path.
            byindex: `val` is a place in `find_checkpoints()`.

        Raises: CheckpointError: the file is damaged, or holds types that aren't in `allowed_types`.
        """
        return self._loaded(self._chosen(CHECKPOINT, val, byindex))

    def load_checkpoint_info(self, val: int | str, byindex: bool = False) -> Any:
        """Return what is known of a checkpoint, or None."""
        return _read_info(self._chosen(CHECKPOINT, val, byindex))

    def load_keypoint(self, val: int | str) -> Any:
        """Return what a keypoint holds, or None if there is none."""
        return self._loaded(self._chosen(KEYPOINT, val))

    def load_keypoint_info(self, val: int | str) -> Any:
        """Return what is known of a keypoint, or None."""
        return _read_info(self._chosen(KEYPOINT, val))

    def load_model(self, val: int | str) -> Any:
        """Return what a model's file holds.

        Raises: CheckpointError: there is none, or it can't be read.
        """
        path = self._chosen(MODEL, val)
        if path is None:
            raise CheckpointError(
                f"{self.ckpt_dir}: no model {val!r}; there are: {', '.join(self.find_models()) or 'none'}"
            )
        return self._loaded(path)

    def load_model_info(self, val: int | str) -> Any:
        """Return what is known of a model, or None."""
        return _read_info(self._chosen(MODEL, val))

    def load_state_dict(self, fn: str | Path) -> Checkpoint:
        """Return what a file holds, and what is known of it."""
        return Checkpoint(self._loaded(str(fn)), _read_info(str(fn)))

    def clear_checkpoints(self) -> None:
        """Remove all rotating checkpoints."""
        self._clear(CHECKPOINT)

    def clear_keypoints(self) -> None:
        """Remove all keypoints."""
        self._clear(KEYPOINT)

    def clear_models(self) -> None:
        """Remove all models."""
        self._clear(MODEL)

    def check_remove(self, fn: str | Path, with_json: bool = True) -> None:
        """Remove a file if it is there, and the json file beside it."""
        Path(fn).unlink(missing_ok=True)
        if with_json:
            Path(f"{fn}.json").unlink(missing_ok=True)
        manifest = self._manifest()
        if manifest.pop(Path(fn).name, None) is not None:
            self._write_manifest(manifest)

    def summary(self) -> None:
        """Print what there is."""
        for what, found in (
            ("checkpoints", self.find_checkpoints()),
            ("keypoints", self.find_keypoints()),
            ("models", self.find_models()),
        ):
            print(f"{what}:", *found, sep="\n  ")

    def _free(self, val: int | str, pattern: re.Pattern[str], form: str, replacement: bool) -> Path:
        if isinstance(val, str):
            return Path(val)
        epoch = _epoch(val)
        taken = self._names_of_epoch(pattern, epoch)
        if taken and replacement:
            return self.ckpt_dir / taken[0]
        if len(taken) >= NUM_DUPLICATES:
            return self.ckpt_dir / taken[-1]
        free = next(name for digit in range(NUM_DUPLICATES) if (name := form.format(digit, epoch)) not in taken)
        return self.ckpt_dir / free

    def _save(self, path: Path, state_dict: Any, extra_info: Any, lasting: bool = False) -> None:
        export_torch(path, state_dict)
        _write_text(Path(f"{path}.json"), json.dumps(extra_info, indent=2, default=_as_json))
        manifest = self._manifest()
        number = 1 + max((entry["number"] for entry in manifest.values()), default=0)
        self._write_manifest({**manifest, path.name: {"number": number, "lasting": lasting}})

    def _manifest(self) -> dict[str, dict[str, Any]]:
        try:
            entries: dict[str, dict[str, Any]] = json.loads((self.ckpt_dir / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise CheckpointError(
                f"{self.ckpt_dir / MANIFEST} is damaged ({error}); remove it, and files go by their time"
            ) from error
        return entries

    def _write_manifest(self, entries: dict[str, dict[str, Any]]) -> None:
        _write_text(self.ckpt_dir / MANIFEST, json.dumps(entries))

    def _newest_first(self, pattern: re.Pattern[str]) -> list[str]:
        manifest = self._manifest()
        names = [file.name for file in self.ckpt_dir.iterdir() if pattern.match(file.name)]
        return sorted(names, key=lambda name: self._age(name, manifest), reverse=True)

    def _age(self, name: str, manifest: dict[str, dict[str, Any]]) -> tuple[int, int, str]:
        return (manifest.get(name, {}).get("number", 0), (self.ckpt_dir / name).stat().st_mtime_ns, name)

    def _names_of_epoch(self, pattern: re.Pattern[str], epoch: int) -> list[str]:
        matches = ((name, pattern.match(name)) for name in self._newest_first(pattern))
        return [name for name, match in matches if match is not None and int(match[2]) == epoch]

    def _of_epoch(self, pattern: re.Pattern[str], epoch: int, all: bool) -> Any:
        paths = self._paths(self._names_of_epoch(pattern, epoch))
        return paths if all else (paths[0] if paths else None)

    def _chosen(self, pattern: re.Pattern[str], val: int | str, byindex: bool = False) -> str | None:
        if byindex:
            paths = self._paths(self._newest_first(pattern))
            return paths[int(val)] if -len(paths) <= int(val) < len(paths) else None
        if isinstance(val, str | os.PathLike):
            inside = self.ckpt_dir / val
            return str(inside if inside.exists() else Path(val)) if inside.exists() or Path(val).exists() else None
        path: str | None = self._of_epoch(pattern, _epoch(val), all=False)
        return path

    def _loaded(self, path: str | None) -> Any:
        return None if path is None else import_torch(path, allow=self.allowed_types)

    def _paths(self, names: Iterable[str]) -> list[str]:
        return [str(self.ckpt_dir / name) for name in names]

    def _clear(self, pattern: re.Pattern[str]) -> None:
        for name in self._newest_first(pattern):
            self.check_remove(self.ckpt_dir / name)


def _epoch(val: Any) -> int:
    assert isinstance(val, Integral) and not isinstance(val, bool), (
        f"expected an epoch (int) or a path (str), got {val!r}"
    )
    return int(val)


def _beside(path: str | None) -> str | None:
    return None if path is None or not Path(f"{path}.json").exists() else f"{path}.json"


def _read_info(path: str | None) -> Any:
    beside = _beside(path)
    return None if beside is None else json.loads(Path(beside).read_text(encoding="utf-8"))


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _as_json(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
