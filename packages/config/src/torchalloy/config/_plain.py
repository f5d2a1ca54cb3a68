"""Keep configs to plain data: what every format can say, a run's folder can store and another process can read."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from torchalloy.config._problems import key_problem, raise_all
from torchalloy.config._tree import Path
from torchalloy.core import ConfigError, Place

__all__ = ["MAX_DEPTH", "plain"]

MAX_DEPTH = 100  # a config is for people; deeper nesting is a mistake or an attack

_EXACT: dict[type, Callable[[Any], Any]] = {int: int.__int__, float: float.__float__, str: str.__str__}


def plain(values: Any, place_of: Callable[[Path], Place]) -> Any:
    """Return a copy of `values` made of dict, list, tuple, str, int, float, bool, None, date and time only.

    Mappings become dicts, subclasses become their base, paths become text.

    Args:
        values: The values.
        place_of: Where the value at a path was written, for errors.

    Raises: ConfigError: naming every other kind of object, unusable key, and data that contains itself.
    """
    copying = _Copying(place_of)
    copied = copying.copy(values, (), ())
    raise_all(copying.problems)
    return copied


@dataclass(frozen=True)
class _Copying:
    place_of: Callable[[Path], Place]
    problems: list[ConfigError] = field(default_factory=list)

    def copy(self, value: Any, path: Path, above: tuple[int, ...]) -> Any:
        if value is None or isinstance(value, bool | date | time):  # a datetime is a date
            return value
        for kind, exact in _EXACT.items():
            if isinstance(value, kind):
                return exact(value)
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        if not isinstance(value, Mapping | list | tuple):
            return self.refuse(
                path,
                f"an object of type {type(value).__qualname__!r} isn't a config value; use text, numbers, booleans,"
                " None, lists, tuples and dicts (a class or function is named by text: 'package.module.Name')",
            )
        if id(value) in above:
            return self.refuse(path, "contains itself")
        if len(path) > MAX_DEPTH:
            return self.refuse(path[:3], f"is nested more than {MAX_DEPTH} deep")
        if isinstance(value, Mapping):
            return self.copy_mapping(value, path, (*above, id(value)))
        items = [self.copy(item, (*path, index), (*above, id(value))) for index, item in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items

    def copy_mapping(self, node: Mapping[Any, Any], path: Path, above: tuple[int, ...]) -> dict[Any, Any]:
        copied = {}
        for key, child in node.items():
            if isinstance(key, str | int | float):
                copied[key] = self.copy(child, (*path, key), above)  # type: ignore[arg-type]  # a float key is rare
            else:
                self.refuse(path, f"its key {key!r} is neither text nor a number")
        return copied

    def refuse(self, path: Path, message: str) -> None:
        self.problems.append(key_problem(self.place_of(path), path, message))
