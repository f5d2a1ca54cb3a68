"""Resolve `${...}` by OmegaConf: other keys, `oc.env` and its other resolvers, and those users register."""

import re
from collections.abc import Mapping
from typing import Any

from torchalloy.config._plain import plain
from torchalloy.config._problems import key_problem, raise_all
from torchalloy.config._tree import Path, dotted, leaves, paths, replace_at
from torchalloy.core import ConfigError, Place, nearest

__all__ = ["check_interpolations", "escaped", "resolve"]

MISSING = "???"  # Hydra's and OmegaConf's mark of a value that must be given

_OPENING = re.compile(r"(\\*)\$\{")
_LOST_KEY = re.compile(r"Interpolation key '([^']*)' not found")


def resolve(values: dict[Any, Any], place_of: Mapping[Path, Place], file: Place) -> dict[Any, Any]:
    """Return `values` with every interpolation replaced by what it stands for.

    A config without `${` costs one look at its values; OmegaConf isn't imported for it.

    Raises: ConfigError: naming every interpolation that leads nowhere and every value that still must be given.
    """
    problems = [_still_missing(place_of, file, path) for path, value in leaves(values) if value == MISSING]
    asked = [path for path, value in leaves(values) if isinstance(value, str) and "${" in value]
    if asked:
        values = _resolve(values, asked, place_of, file, problems)
    raise_all(problems)
    return values


def _still_missing(places: Mapping[Path, Place], file: Place, path: Path) -> ConfigError:
    return key_problem(places.get(path, file), path, f"is '{MISSING}' and must be given; '{dotted(path)}=...' gives it")


def _resolve(
    values: dict[Any, Any],
    asked: list[Path],
    places: Mapping[Path, Place],
    file: Place,
    problems: list[ConfigError],
) -> dict[Any, Any]:
    from omegaconf import OmegaConf

    broken = check_interpolations(values, places, file)
    if broken:
        problems += broken
        return values
    config = OmegaConf.create(_lists(values), flags={"allow_objects": True})
    resolved: Any = _copied(values)
    for path in asked:
        try:
            resolved = replace_at(resolved, path, _value(config, path))
        except Exception as error:  # a resolver may be the user's own function and raise anything
            problems.append(key_problem(places.get(path, file), path, _reason(error, values)))
    checked: dict[Any, Any] = plain(resolved, lambda path: places.get(path, file))  # a resolver may return an object
    return checked


def _value(config: Any, path: Path) -> Any:
    from omegaconf import OmegaConf

    for part in path:
        config = config[part]
    return OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config


def check_interpolations(values: Any, places: Mapping[Path, Place], file: Place) -> list[ConfigError]:
    """Return a problem for every interpolation that isn't written right."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    problems = []
    for path, value in leaves(values):
        if isinstance(value, str) and "${" in value:
            try:
                OmegaConf.create([value])
            except (OmegaConfBaseException, RecursionError) as error:
                problems.append(key_problem(places.get(path, file), path, f"interpolation {value!r}: {_first(error)}"))
    return problems


def _reason(error: Exception, values: Any) -> str:
    lost = _LOST_KEY.search(str(error))
    if lost is None:
        return f"can't be resolved: {_first(error)}"
    found = nearest(lost[1], [dotted(path) for path, _ in paths(values)])
    return f"interpolation of {lost[1]!r}, which isn't there" + (f"; did you mean {found!r}?" if found else "")


def _first(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _lists(node: Any) -> Any:
    """Return a copy with lists for tuples, which OmegaConf doesn't know."""
    if isinstance(node, dict):
        return {key: _lists(child) for key, child in node.items()}
    return [_lists(child) for child in node] if isinstance(node, list | tuple) else node


def _copied(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copied(child) for key, child in node.items()}
    return type(node)(_copied(child) for child in node) if isinstance(node, list | tuple) else node


def escaped(node: Any) -> Any:
    """Return a copy, lists for tuples, in which text that holds `${` stays text when it is read again."""
    if isinstance(node, dict):
        return {key: escaped(child) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return [escaped(child) for child in node]
    return _OPENING.sub(lambda found: found[1] * 2 + "\\${", node) if isinstance(node, str) else node
