"""Read a file together with the files that its `_base_` names, by TrainFramework's rules.

Bases are put together by top-level key, later ones win whole. The file is then merged over them: dicts key by key,
everything else replaced. In `lr_scheduler` and `optimizer` a dict of another `type` replaces the base's dict whole, so
that no parameter of one type reaches another.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path as FilePath
from typing import Any

from torchalloy.config._problems import key_problem
from torchalloy.config._tree import Path, Places, under
from torchalloy.core import Layer, Place, did_you_mean

__all__ = ["read_with_bases"]

BASE = "_base_"
REPLACED_BY_TYPE = ("lr_scheduler", "optimizer")


def read_with_bases(path: FilePath) -> Layer:
    """Return what a Python or YAML file and its bases say.

    Raises: ConfigError: any file is missing or broken, or the bases go round in a circle.
    """
    return _read(path, (path,))


def _read(path: FilePath, chain: tuple[FilePath, ...]) -> Layer:
    values, places = _reader(path)(path)
    named = values.pop(BASE, None)
    place = places.pop((BASE,), Place(str(path)))
    own = Layer(values, {at: where for at, where in places.items() if at[:1] != (BASE,)}, (path,))
    if named is None:
        return own
    bases = [_read_base(path, name, place, chain) for name in _names(named, place)]
    return _merge_over(_side_by_side(bases), own)


def _reader(path: FilePath) -> Callable[[FilePath], tuple[dict[Any, Any], Places]]:
    # Imported when a file of the format is read: PyYAML takes 15 ms, and a start without YAML shouldn't pay for it.
    if path.suffix == ".py":
        from torchalloy.config._python import read_python

        return read_python
    from torchalloy.config._yaml import read_yaml

    return read_yaml


def _names(named: Any, place: Place) -> list[str]:
    names = [named] if isinstance(named, str) else named
    if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
        return list(names)
    raise key_problem(place, (BASE,), f"is {named!r}; it takes a path or a list of paths, relative to this file")


def _read_base(path: FilePath, name: str, place: Place, chain: tuple[FilePath, ...]) -> Layer:
    base = FilePath(os.path.normpath(path.parent / name))
    if base.suffix not in (".py", ".yaml", ".yml"):
        raise key_problem(place, (BASE,), f"{name!r} has no suffix of a base; a base is a .py, .yaml or .yml file")
    if not base.is_file():
        around = [str(FilePath(name).parent / file.name) for file in _files_beside(base)]
        raise key_problem(place, (BASE,), f"no file {name!r} ({base}); {did_you_mean(name, around)}")
    if base.resolve() in [file.resolve() for file in chain]:
        circle = " -> ".join(str(file) for file in (*chain, base))
        raise key_problem(place, (BASE,), f"the bases go round in a circle: {circle}")
    return _read(base, (*chain, base))


def _files_beside(path: FilePath) -> Iterable[FilePath]:
    if not path.parent.is_dir():
        return []
    return [file for file in path.parent.iterdir() if file.suffix in (".py", ".yaml", ".yml")]


def _side_by_side(bases: list[Layer]) -> Layer:
    values: dict[str, Any] = {}
    places: Places = {}
    for base in bases:
        places = {at: place for at, place in places.items() if at[0] not in base.values} | dict(base.places)
        values |= base.values
    return Layer(values, places, tuple(file for base in bases for file in base.files))


def _merge_over(base: Layer, child: Layer) -> Layer:
    replaced: list[Path] = []
    values = _merged(base.values, child.values, (), replaced)
    kept = {at: place for at, place in base.places.items() if not any(under(at, path) for path in replaced)}
    files = tuple(dict.fromkeys((*child.files, *base.files)))
    return Layer(values, kept | dict(child.places), files)


def _merged(base: dict[Any, Any], child: dict[Any, Any], path: Path, replaced: list[Path]) -> dict[Any, Any]:
    values = dict(base)
    for key, value in child.items():
        old = base.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and not _of_another_type(key, old, value):
            values[key] = _merged(old, value, (*path, key), replaced)
        else:
            values[key] = value
            replaced.append((*path, key))
    return values


def _of_another_type(key: Any, base: dict[Any, Any], child: dict[Any, Any]) -> bool:
    return str(key).lower() in REPLACED_BY_TYPE and _type(child) is not None and _type(child) != _type(base)


def _type(node: dict[Any, Any]) -> Any:
    return next((value for key, value in node.items() if str(key).lower() == "type"), None)
