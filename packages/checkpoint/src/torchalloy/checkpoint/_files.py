"""Bytes that are really on the disk before anybody relies on them."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

__all__ = ["TEMPORARY", "create", "discard", "make_folders", "replace", "sync", "sync_folder", "temporary", "write"]

TEMPORARY = ".tmp-"


def create(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it. Raises: OSError."""
    write(path, content)
    sync(path)


def write(path: Path, content: bytes) -> None:
    """Write a new file without waiting for the disk; `sync` does. Raises: OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Wait until the disk has a file's content. Raises: OSError."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """Make `folder` and its missing parents, each known to the disk. Raises: OSError."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def replace(path: Path, content: bytes) -> None:
    """Give `path` new content at once: a reader or a crash meets the old file or the new one. Raises: OSError."""
    with temporary(path) as beside:
        create(beside, content)
        os.replace(beside, path)
    sync_folder(path.parent)


@contextlib.contextmanager
def temporary(target: Path) -> Iterator[Path]:
    """Lend a free name beside `target`; whatever is left under it is removed when the block fails."""
    beside = target.with_name(f"{TEMPORARY}{target.name}-{secrets.token_hex(4)}")
    try:
        yield beside
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(beside) if beside.is_dir() else beside.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows the names in `folder`. Raises: OSError."""
    if os.name == "nt":
        return  # Windows has no such call; its renames are journaled
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(folder: Path) -> None:
    """Remove a folder so that a crash half-way leaves a temporary name, never half a checkpoint. Raises: OSError."""
    aside = folder.with_name(f"{TEMPORARY}{folder.name.lstrip('.')}-{secrets.token_hex(4)}")
    os.rename(folder, aside)
    sync_folder(folder.parent)
    shutil.rmtree(aside)
