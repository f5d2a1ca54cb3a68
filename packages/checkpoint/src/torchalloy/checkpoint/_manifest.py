"""The manifest: what a checkpoint's folder must hold, and the proof that it holds just that."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchalloy.checkpoint._tree import Encoded, decode, encode
from torchalloy.core import CheckpointError

__all__ = ["FORMAT_VERSION", "MANIFEST", "FileRecord", "Manifest", "PartRecord", "digest", "dump", "load"]

FORMAT = "torchalloy-checkpoint"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file's size in bytes and the SHA-256 of its content, in hexadecimal."""

    num_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PartRecord:
    """Which files a part is in; `tensors` is None where it has none."""

    tree: str
    tensors: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint holds.

    Attributes:
        parts: The files of each part.
        files: Every file but the manifest.
        meta: What the writer said of it: epoch, iteration, style, ...
        versions: Of the libraries that wrote it, by name.
    """

    parts: Mapping[str, PartRecord]
    files: Mapping[str, FileRecord]
    meta: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def digest(content: bytes) -> FileRecord:
    """Return the record of a file with this content."""
    return FileRecord(len(content), hashlib.sha256(content).hexdigest())


def dump(manifest: Manifest) -> bytes:
    """Return the file's content. Raises: CheckpointError: for `meta` that isn't plain data."""
    meta = encode(dict(manifest.meta), part="meta")
    if meta.tensors:
        raise CheckpointError(f"meta: {sorted(meta.tensors)[0]!r} is a tensor or an array; tensors belong into a part")
    return _sealed(
        {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "parts": {name: {"tree": part.tree, "tensors": part.tensors} for name, part in manifest.parts.items()},
            "files": {name: {"bytes": file.num_bytes, "sha256": file.sha256} for name, file in manifest.files.items()},
            "meta": meta.tree,
            "versions": dict(manifest.versions),
        }
    )


def load(folder: Path) -> Manifest:
    """Read and verify the manifest of `folder`.

    Raises: CheckpointError: naming the file and what is wrong with it.
    """
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: {folder} was never finished or isn't a checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror}") from error
    content = _content(path, raw)
    try:
        return _manifest(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} isn't a manifest of {FORMAT} {FORMAT_VERSION}: {error!r}") from error


def _content(path: Path, raw: bytes) -> Any:
    try:
        content = json.loads(raw)["content"]
        resealed = _sealed(content)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it isn't the JSON that was written ({error})") from error
    if resealed != raw:
        raise CheckpointError(f"{path} is damaged: its content doesn't match its own SHA-256")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path} isn't the manifest of a {FORMAT}")
    if content.get("version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{path} is of format version {content.get('version')}; this torchalloy reads {FORMAT_VERSION}: "
            "use a newer torchalloy"
        )
    return content


def _manifest(content: Any) -> Manifest:
    manifest = Manifest(
        parts={name: PartRecord(part["tree"], part["tensors"]) for name, part in content["parts"].items()},
        files={name: FileRecord(file["bytes"], file["sha256"]) for name, file in content["files"].items()},
        meta=decode(Encoded(content["meta"], {}), part="meta"),
        versions=content["versions"],
    )
    for name in manifest.files:
        if Path(name).name != name:
            raise CheckpointError(f"the manifest names a file outside its folder: {name!r}")
    return manifest


def _sealed(content: Any) -> bytes:
    # One form only, so that every flipped bit, in white space too, shows.
    body = json.dumps(content, sort_keys=True, allow_nan=False)
    seal = hashlib.sha256(body.encode("ascii")).hexdigest()
    sealed = json.dumps({"content": content, "sha256": seal}, sort_keys=True, allow_nan=False, indent=1)
    return f"{sealed}\n".encode("ascii")
