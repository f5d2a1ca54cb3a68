"""Copying code into the record folder."""

import fnmatch
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from torchalloy.core import ConfigError

__all__ = ["back_up"]

PACKAGE = Path(__file__).parent


def back_up(paths: Sequence[str], target: Path, ignore: Sequence[str] = ()) -> None:
    """Copy each path to `target`/<its last part>; `target` itself and byte code are left out.

    Args:
        paths: Files and folders. `alchemy` means this package where there is no such folder.
        target: The folder of the copies.
        ignore: Shell patterns. `name` fits at any depth, `/name` in the folder being copied only, `a/b*` as written
            relative to the working directory.

    Raises: ConfigError: a path isn't there, or two have the same last part.
    """
    names = [Path(path).resolve().name for path in paths]
    for path, name in zip(paths, names, strict=True):
        if names.count(name) > 1:
            raise ConfigError(f"[plugins] Backup: two paths are called {name!r}; their copies would collide")
        _copy(_source(path), target / name, target, [pattern for pattern in ignore if pattern])


def _source(path: str) -> Path:
    source = Path(path)
    if not source.exists() and path.rstrip("/") == "alchemy":
        return PACKAGE
    if not source.exists():
        raise ConfigError(f"[plugins] Backup: there is no {path!r} in {Path.cwd()}")
    return source


def _copy(source: Path, to: Path, target: Path, ignore: Sequence[str]) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        shutil.copy2(source, to)
    else:
        shutil.copytree(source, to, ignore=_left_out(source, target.parent.resolve(), ignore), dirs_exist_ok=True)


def _left_out(top: Path, record: Path, ignore: Sequence[str]) -> Callable[[str, list[str]], set[str]]:
    def choose(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if _is_left_out(Path(folder), name, top, record, ignore)}

    return choose


def _is_left_out(folder: Path, name: str, top: Path, record: Path, ignore: Sequence[str]) -> bool:
    if name == "__pycache__" or (folder / name).resolve() == record:
        return True
    relative = os.path.relpath(folder / name)
    for pattern in ignore:
        if pattern.startswith("/"):
            fits = folder == top and fnmatch.fnmatch(name, pattern[1:])
        else:
            fits = fnmatch.fnmatch(relative if "/" in pattern else name, pattern)
        if fits:
            return True
    return False
