"""One checkpoint as one folder: written beside its place, then renamed into it; read only as what was written."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import safetensors
import safetensors.torch

from torchalloy.checkpoint import _files, _manifest
from torchalloy.checkpoint._manifest import MANIFEST, FileRecord, Manifest, PartRecord
from torchalloy.checkpoint._tree import Encoded, decode, encode
from torchalloy.core import CheckpointError

__all__ = ["Checkpoint", "read", "standing", "verify", "write"]

OLD = ".old-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A verified checkpoint.

    Attributes:
        folder: Where it was read from.
        meta: What its writer said of it.
        parts: The state of each part; tensors are on the CPU.
        versions: Of the libraries that wrote it.
    """

    folder: Path
    meta: Mapping[str, Any]
    parts: Mapping[str, Any]
    versions: Mapping[str, str]


def write(folder: Path | str, parts_state: Mapping[str, Any], *, meta: Mapping[str, Any]) -> Path:
    """Write a checkpoint; it is at `folder` whole and synced, or not at all.

    A checkpoint that is there already is replaced; until the new one is in place, `read` finds the old one.

    Args:
        folder: Its place. Missing parents are made.
        parts_state: The state of each part, as `encode` takes it.
        meta: Plain data to find again in `Checkpoint.meta`.

    Returns: `folder`.
    Raises: CheckpointError: for state that can't be kept (nothing is written), or naming the path that can't be
        written and why (nothing is left of the attempt).
    """
    folder = Path(folder).absolute()
    encoded = {name: encode(state, part=name) for name, state in parts_state.items()}
    try:
        _files.make_folders(folder.parent)
        with _files.temporary(folder) as staging:
            _stage(staging, encoded, meta)
            _move_in(staging, folder)
    except OSError as error:
        raise CheckpointError(
            f"checkpoint {folder} can't be written: {error.strerror or error}"
            f"{f' ({error.filename})' if error.filename else ''}; earlier checkpoints are untouched"
        ) from error
    return folder


def read(folder: Path | str) -> Checkpoint:
    """Read a checkpoint; every file is verified before anything in it is used, and nothing in it is executed.

    Raises: CheckpointError: naming the file and what is wrong with it.
    """
    folder = standing(Path(folder).absolute())
    manifest = _manifest.load(folder)
    parts = {name: _read_part(folder, manifest, name) for name in manifest.parts}
    return Checkpoint(folder, manifest.meta, parts, manifest.versions)


def verify(folder: Path | str) -> Manifest:
    """Check every file of a checkpoint against its hash, and return the manifest.

    Raises: CheckpointError: naming the file and what is wrong with it.
    """
    folder = standing(Path(folder).absolute())
    manifest = _manifest.load(folder)
    for name in manifest.files:
        _verified(folder, manifest, name)
    return manifest


def standing(folder: Path) -> Path:
    """Return where the checkpoint `folder` is: there, or under its old name if a replacement was cut short."""
    old = folder.with_name(OLD + folder.name)
    return old if not folder.exists() and old.exists() else folder


def _stage(staging: Path, encoded: Mapping[str, Encoded], meta: Mapping[str, Any]) -> None:
    staging.mkdir()
    files: dict[str, FileRecord] = {}
    parts: dict[str, PartRecord] = {}
    for name, stem in zip(encoded, _stems(encoded), strict=True):
        tree = json.dumps(encoded[name].tree, allow_nan=False).encode("ascii")
        files[f"{stem}.json"] = _put(staging / f"{stem}.json", tree)
        if encoded[name].tensors:
            content = safetensors.torch.save(dict(encoded[name].tensors))
            files[f"{stem}.safetensors"] = _put(staging / f"{stem}.safetensors", content)
        parts[name] = PartRecord(f"{stem}.json", f"{stem}.safetensors" if encoded[name].tensors else None)
    for name in files:  # written together: the first wait brings most of them; then the manifest
        _files.sync(staging / name)
    _files.create(staging / MANIFEST, _manifest.dump(Manifest(parts, files, meta, _versions())))
    _files.sync_folder(staging)


def _put(path: Path, content: bytes) -> FileRecord:
    _files.write(path, content)
    return _manifest.digest(content)


def _stems(names: Iterable[str]) -> list[str]:
    """Return a file name for each part: its own where that is safe on every file system."""
    stems: list[str] = []
    taken = {Path(MANIFEST).stem}
    for name in names:
        stem, count = quote(name, safe=" "), 1
        while (stem if count == 1 else f"{stem}~{count}").casefold() in taken:
            count += 1
        stems.append(stem if count == 1 else f"{stem}~{count}")
        taken.add(stems[-1].casefold())
    return stems


def _move_in(staging: Path, folder: Path) -> None:
    old = folder.with_name(OLD + folder.name)
    _finish_replacing(folder, old)
    if folder.exists():
        os.rename(folder, old)
    os.rename(staging, folder)
    _files.sync_folder(folder.parent)
    if old.exists():
        _files.discard(old)


def _finish_replacing(folder: Path, old: Path) -> None:
    """Settle what a crash between the two renames left."""
    if old.exists() and folder.exists():
        _files.discard(old)
    elif old.exists():
        os.rename(old, folder)


def _read_part(folder: Path, manifest: Manifest, name: str) -> Any:
    record = manifest.parts[name]
    raw = _verified(folder, manifest, record.tree)
    try:
        tree = json.loads(raw)
        tensors = safetensors.torch.load(_verified(folder, manifest, record.tensors)) if record.tensors else {}
    except (ValueError, KeyError, RecursionError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{folder}: part {name!r} isn't in the format it should have: {error}") from error
    return decode(Encoded(tree, tensors), part=name)


def _verified(folder: Path, manifest: Manifest, name: str) -> bytes:
    path = folder / name
    if name not in manifest.files:
        raise CheckpointError(f"{folder / MANIFEST} has no hash for {name}")
    expected = manifest.files[name]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing") from None
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror}") from error
    if len(content) != expected.num_bytes:
        raise CheckpointError(f"{path} is damaged: {len(content)} bytes where {expected.num_bytes} were written")
    if _manifest.digest(content) != expected:
        raise CheckpointError(f"{path} is damaged: its content doesn't match the SHA-256 in the manifest")
    return content


@cache
def _versions() -> dict[str, str]:
    names = ("torch", "numpy", "safetensors", "torchalloy-checkpoint")
    return {name: version(name) for name in names} | {"python": platform.python_version()}
