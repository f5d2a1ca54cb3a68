"""Bring a tomlkit document up to date with the values of its config, so that comments and order stay."""

from collections.abc import Sequence
from typing import Any

from torchalloy.config._problems import problem_at
from torchalloy.core import Place

__all__ = ["update_native"]


def update_native(document: Any, values: dict[Any, Any], file: Place) -> None:
    """Change `document` in place until it says `values`; what is equal is not touched.

    TOML has no null: a key whose value is None is not in the document.

    Raises: ConfigError: a list holds None, or a value has no form in TOML.
    """
    try:
        _update_table(document, values)
    except (TypeError, ValueError) as error:
        raise problem_at(file, f"TOML can't hold a value of this config: {error}; use YAML or Python for it") from error


def _update_table(table: Any, values: dict[Any, Any]) -> None:
    for key in [key for key in table if values.get(key) is None]:
        del table[key]
    for key, value in values.items():
        if value is not None:
            _update_item(table, key, value, is_new=key not in table)


def _update_item(parent: Any, key: Any, value: Any, *, is_new: bool) -> None:
    old = None if is_new else parent[key]
    if isinstance(old, dict) and isinstance(value, dict) and value:
        _update_table(old, value)
    elif isinstance(old, list) and isinstance(value, list | tuple) and _fits(old, value):
        _update_list(old, list(value))
    elif is_new or not _equal(old, value):
        parent[key] = _without_none(value)


def _fits(old: list[Any], value: Sequence[Any]) -> bool:
    """Whether a list can take these items one by one: `[[a]]` holds tables only, and at least one."""
    from tomlkit.items import AoT

    return bool(old) and (not isinstance(old, AoT) or (bool(value) and all(isinstance(item, dict) for item in value)))


def _update_list(items: Any, values: list[Any]) -> None:
    """Take out and put in where the lists begin to differ, so that comments stay with the items they are about."""
    values = _without_none(values)
    start = 0
    while start < min(len(items), len(values)) and _equal(items[start], values[start]):
        start += 1
    while len(items) > len(values):
        del items[start]
    for index in range(start, len(items)):
        _update_item(items, index, values[index], is_new=False)
    for value in values[len(items) :]:
        items.append(_without_none(value))


def _equal(item: Any, value: Any) -> bool:
    plain = item.unwrap() if hasattr(item, "unwrap") else item
    return repr(plain) == repr(value)  # unlike ==, this tells 1, 1.0 and True apart at any depth


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(child) for key, child in value.items() if child is not None}
    if isinstance(value, list | tuple):
        if any(child is None for child in value):
            raise ValueError(f"{value!r} is a list with None in it")
        return [_without_none(child) for child in value]
    return value
