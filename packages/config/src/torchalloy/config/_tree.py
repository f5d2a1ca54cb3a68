"""Walk plain nested data by paths of keys and list indices."""

from collections.abc import Iterator
from typing import Any

from torchalloy.core import Place

__all__ = ["Path", "Places", "descend", "dotted", "keys_of", "leaves", "move_places", "paths", "replace_at", "under"]

Path = tuple[str | int, ...]
Places = dict[Path, Place]


def dotted(path: Path) -> str:
    """Return a path as users write it.

    >>> dotted(("plugins", 0, "seed"))
    'plugins.0.seed'
    """
    return ".".join(str(part) for part in path)


def descend(tree: Any, parts: list[str]) -> tuple[Path, Any, list[str]]:
    """Follow `parts` as far as they lead; return the path taken, the node there, and the parts that led nowhere.

    >>> descend({"plugins": [{"seed": 3}]}, ["plugins", "0", "sed"])
    (('plugins', 0), {'seed': 3}, ['sed'])
    """
    path: Path = ()
    for position, part in enumerate(parts):
        key = _key(tree, part)
        if key is None:
            return path, tree, parts[position:]
        tree, path = tree[key], (*path, key)
    return path, tree, []


def _key(node: Any, part: str) -> str | int | None:
    if isinstance(node, dict):
        # Text first: `1` in an override may mean the key "1" of TOML or the key 1 of Python and YAML.
        return part if part in node else next((key for key in node if str(key) == part), None)
    if isinstance(node, list | tuple) and part.isdecimal() and int(part) < len(node):
        return int(part)
    return None


def keys_of(node: Any) -> list[str]:
    """Return the keys or indices of a node as text; none for a leaf."""
    if isinstance(node, dict):
        return [str(key) for key in node]
    return [str(index) for index in range(len(node))] if isinstance(node, list | tuple) else []


def _children(node: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list | tuple):
        yield from enumerate(node)


def paths(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every path below `node` with what is there, parents before children."""
    for key, child in _children(node):
        yield (*path, key), child
        yield from paths(child, (*path, key))


def leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the paths whose value holds nothing further: scalars and empty containers."""
    return ((at, value) for at, value in paths(node, path) if not (isinstance(value, dict | list | tuple) and value))


def under(path: Path, ancestor: Path) -> bool:
    """Whether `path` is `ancestor` or lies below it."""
    return path[: len(ancestor)] == ancestor


def replace_at(node: Any, path: Path, value: Any) -> Any:
    """Return `node` with `value` at `path`; dicts and lists are changed in place, tuples are made anew."""
    if not path:
        return value
    old = node[path[0]] if len(path) > 1 else None
    new = replace_at(old, path[1:], value)
    if isinstance(node, tuple):
        assert isinstance(path[0], int)
        return (*node[: path[0]], new, *node[path[0] + 1 :])
    if new is not old or len(path) == 1:
        node[path[0]] = new
    return node


def move_places(places: Places, source: Path, target: Path) -> Places:
    """Return the places at and below `source`, as if they were at `target`."""
    return {target + path[len(source) :]: place for path, place in places.items() if under(path, source)}
