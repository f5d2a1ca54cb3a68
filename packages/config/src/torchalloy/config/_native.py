"""Bring a tomlkit document up to date with the values of its config, keeping comments and order.

tomlkit edits most documents well, and a few wrongly (dotted keys, tables in several pieces). So each edit is read back,
and what came out wrong is written in a plainer way that keeps fewer comments, never in a way that says something else.
"""

import tomllib
from collections.abc import Callable, Sequence
from typing import Any

import tomlkit
from tomlkit.items import AoT

from torchalloy.config._problems import problem_at
from torchalloy.core import Place

__all__ = ["updated_native"]


def updated_native(document: tomlkit.TOMLDocument, values: dict[Any, Any], file: Place) -> tomlkit.TOMLDocument:
    """Return the document with `values` in it; one that says them already is returned as it is.

    TOML has no null: a key whose value is None is not in the document.

    Raises: ConfigError: a list holds None, or a value has no form in TOML.
    """
    try:
        wanted = _without_none(values)
        text = document.as_string()
        if _says(text, wanted):
            return document
        for attempt in (_edited, _with_keys_anew):
            changed = _attempt(attempt, text, wanted)
            if changed is not None:
                return changed
        return _all_anew(wanted)
    except (TypeError, ValueError) as error:
        raise problem_at(file, f"TOML can't hold a value of this config: {error}; use YAML or Python for it") from error


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(child) for key, child in value.items() if child is not None}
    if isinstance(value, list | tuple):
        if any(child is None for child in value):
            raise ValueError(f"{value!r} is a list with None in it")
        return [_without_none(child) for child in value]
    return value


def _says(text: str, values: Any) -> bool:
    return _same(tomllib.loads(text), values)


def _same(one: Any, other: Any) -> bool:
    """Whether two plain values are equal, telling 1, 1.0 and True apart and paying no heed to the order of keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return repr(one) == repr(other)


def _attempt(
    edit: Callable[[tomlkit.TOMLDocument, dict[str, Any]], None], text: str, values: dict[str, Any]
) -> tomlkit.TOMLDocument | None:
    """Return the document that `edit` makes of `text`, or None where it doesn't say `values`."""
    document = tomlkit.parse(text)
    try:
        edit(document, values)
        return document if _says(document.as_string(), values) else None
    except Exception:  # what tomlkit raises when it loses its way: IndexError, AttributeError, its own...
        return None


def _with_keys_anew(document: Any, values: dict[str, Any]) -> None:
    """Write every top-level key that changed anew; the others keep their comments."""
    for key in [key for key in document if key not in values or not _equal(document[key], values[key])]:
        del document[key]
    for key, value in values.items():
        if key not in document:
            document[key] = value


def _all_anew(values: dict[str, Any]) -> tomlkit.TOMLDocument:
    return tomlkit.parse(tomlkit.dumps(values))


def _edited(document: Any, values: dict[str, Any]) -> None:
    """Change only what differs."""
    for key in [key for key in document if key not in values]:
        del document[key]
    for key, value in values.items():
        _edit_item(document, key, value, is_new=key not in document)


def _edit_item(parent: Any, key: Any, value: Any, *, is_new: bool) -> None:
    old = None if is_new else parent[key]
    if isinstance(old, dict) and isinstance(value, dict) and value:
        _edited(old, value)
    elif isinstance(old, list) and isinstance(value, list) and _fits(old, value):
        _edit_list(old, value)
    elif is_new or not _equal(old, value):
        parent[key] = value


def _fits(old: list[Any], value: Sequence[Any]) -> bool:
    """Whether a list can take these items one by one: `[[a]]` holds tables only, and at least one."""
    return bool(old) and (not isinstance(old, AoT) or (bool(value) and all(isinstance(item, dict) for item in value)))


def _edit_list(items: Any, values: list[Any]) -> None:
    """Take out and put in where the lists begin to differ, so that comments stay with the items they are about."""
    start = 0
    while start < min(len(items), len(values)) and _equal(items[start], values[start]):
        start += 1
    while len(items) > len(values):
        del items[start]
    for index in range(start, len(items)):
        _edit_item(items, index, values[index], is_new=False)
    for value in values[len(items) :]:
        items.append(value)


def _equal(item: Any, value: Any) -> bool:
    return _same(item.unwrap() if hasattr(item, "unwrap") else item, value)
