"""Change a config by overrides in Hydra's grammar, alike for every format.

    a.b=1     change what is there; a dict given for a dict changes the keys it names
    +a.b=1    add what is not there
    ++a.b=1   change or add
    ~a.b      remove (`~a.b=1`: only if it is 1)

Parts of a key that are numbers are indices of lists. `--a.b=1` is accepted for `a.b=1`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torchalloy.config._plain import plain
from torchalloy.config._problems import problem_at, raise_all
from torchalloy.config._tree import Path, Places, descend, dotted, keys_of, paths, replace_at, under
from torchalloy.core import ConfigError, Place, nearest

__all__ = ["Override", "apply_overrides", "parse_overrides"]

FORM = "an override is key=value, +key=value, ++key=value or ~key"


@dataclass(frozen=True)
class Override:
    """One override.

    Attributes:
        text: As the user wrote it.
        sign: "" changes, "+" adds, "++" does either, "~" removes.
        parts: The parts of the key.
        value: The value; None where there is none.
        is_group: Whether only a Hydra config group can be meant: `db/engine=x`, `db@main=x`.
    """

    text: str
    sign: str
    parts: tuple[str, ...]
    value: Any
    is_group: bool

    @property
    def place(self) -> Place:
        """What the override is called as an origin."""
        return Place(f"override {self.text!r}")

    @property
    def key(self) -> str:
        """The whole key; the package of a config group is not part of it."""
        return ".".join(self.parts)


def parse_overrides(texts: Sequence[str]) -> list[Override]:
    """Return what the texts mean.

    Raises: ConfigError: naming every text outside the grammar, and every sweep.
    """
    if not texts:
        return []
    # Hydra takes 150 ms to import; only overrides and Hydra's own configs pay for it.
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create()
    parsed: list[Override] = []
    problems: list[ConfigError] = []
    for text in texts:
        try:
            parsed.append(_parse(parser, text))
        except ConfigError as problem:
            problems.append(problem)
    raise_all(problems)
    return parsed


def _parse(parser: Any, text: str) -> Override:
    from hydra.core.override_parser.types import ValueType
    from hydra.errors import HydraException

    try:
        found = parser.parse_override(text.removeprefix("--"))
    except HydraException as error:
        raise ConfigError(f"override {text!r}: {' '.join(str(error).split())}; {FORM}") from error
    if found.is_sweep_override():
        listed = text.partition("=")[2]
        simple = found.value_type is ValueType.SIMPLE_CHOICE_SWEEP
        remedy = f"; a list is written [{listed}], text {listed!r}" if simple else ""
        raise ConfigError(f"override {text!r}: gives several values, and one run takes one{remedy}")
    if not found.key_or_group:
        raise ConfigError(f"override {text!r}: has no key; {FORM}")
    sign = "~" if found.is_delete() else "++" if found.is_force_add() else "+" if found.is_add() else ""
    is_group = "/" in found.key_or_group or found.package is not None
    parts = tuple(found.key_or_group.split("."))
    place = Place(f"override {text!r}")
    return Override(text, sign, parts, plain(found.value(), lambda at: place), is_group)


def apply_overrides(
    values: dict[Any, Any], places: Places, overrides: Sequence[Override], addable: Sequence[str]
) -> tuple[dict[Any, Any], Places]:
    """Return values and places as they are after the overrides, in order; `values` is changed in place.

    Args:
        values: The config; interpolations not yet resolved.
        places: Where each value was written.
        overrides: What to change.
        addable: Top-level keys that may be given although the config doesn't write them.

    Raises: ConfigError: naming every override that can't be applied, with the nearest key.
    """
    overriding = _Overriding(values, dict(places), addable)
    problems: list[ConfigError] = []
    for override in overrides:
        try:
            overriding.apply(override)
        except ConfigError as problem:
            problems.append(problem)
    raise_all(problems)
    return overriding.values, overriding.places


@dataclass
class _Overriding:
    values: dict[Any, Any]
    places: Places
    addable: Sequence[str]

    def apply(self, override: Override) -> None:
        if override.is_group:
            raise _problem(override, "chooses from a config group, which only a Hydra config folder has")
        path, node, missing = descend(self.values, list(override.parts))
        if override.sign == "~":
            self.remove(override, path, node, missing)
        elif missing:
            self.add(override, path, node, missing)
        elif isinstance(node, dict) and isinstance(override.value, dict) and override.value:
            for key, value in override.value.items():
                self.apply(replace(override, parts=(*override.parts, str(key)), value=value))
        elif override.sign == "+":
            change = override.text.replace("+", "", 1)
            raise _problem(override, f"key {dotted(path)!r} is there already; {change!r} would change it")
        else:
            self.put(path, override.value, override.place)

    def add(self, override: Override, path: Path, node: Any, missing: list[str]) -> None:
        is_list = isinstance(node, list | tuple)
        if not (is_list or isinstance(node, dict) or node is None):
            raise _problem(override, f"{dotted(path)!r} is {node!r}, which has no keys")
        is_next = is_list and missing[0] == str(len(node))
        if is_list and not (is_next and override.sign):
            add = f"+{dotted((*path, len(node)))}=..."
            raise _problem(override, f"{dotted(path)!r} has {_items(node)}; {add!r} adds one")
        if not override.sign and override.parts[0] not in self.addable:
            raise self.unknown(override, path, node, missing)
        if is_list:
            self.values = replace_at(self.values, path, type(node)([*node, None]))
            path, missing = (*path, len(node)), missing[1:]
        elif isinstance(node, dict):
            path, missing = (*path, missing[0]), missing[1:]
        value = override.value
        for part in reversed(missing):
            value = {part: value}
        self.put(path, value, override.place)

    def put(self, path: Path, value: Any, place: Place) -> None:
        self.values = replace_at(self.values, path, value)
        kept = {at: where for at, where in self.places.items() if not under(at, path)}
        self.places = kept | {path: place} | {at: place for at, _ in paths(value, path)}

    def remove(self, override: Override, path: Path, node: Any, missing: list[str]) -> None:
        if missing:
            raise self.unknown(override, path, node, missing)
        if override.value is not None and override.value != node:
            raise _problem(override, f"{dotted(path)!r} is {node!r}, so nothing was removed")
        above, key = path[:-1], path[-1]
        parent = self.values
        for part in above:
            parent = parent[part]
        self.places = {at: where for at, where in self.places.items() if not under(at, path)}
        if isinstance(parent, dict):
            del parent[key]
            return
        assert isinstance(key, int)
        self.values = replace_at(self.values, above, parent[:key] + parent[key + 1 :])
        self.places = {_one_less(at, above, key): where for at, where in self.places.items()}

    def unknown(self, override: Override, path: Path, node: Any, missing: list[str]) -> ConfigError:
        found = self.nearest(override.key, path, node, missing[0])
        said = [f"did you mean {found!r}?"] if found else []
        said += [] if override.sign else [f"{'+' + override.text.removeprefix('--')!r} would add it."]
        said += [f"Keys{f' of {dotted(path)!r}' if path else ''}: {', '.join(sorted(keys_of(node)))}"] if node else []
        return _problem(override, f"no key {override.key!r}; {' '.join(said)}".rstrip("; "))

    def nearest(self, key: str, path: Path, node: Any, part: str) -> str | None:
        """Return the key that may have been meant: beside it, of the same name elsewhere, or written alike."""
        beside = nearest(part, keys_of(node))
        if beside is not None:
            return dotted((*path, beside))
        known = [dotted(at) for at, _ in paths(self.values)]
        return next((other for other in known if other.endswith(f".{key}")), None) or nearest(key, known)


def _items(node: Sequence[Any]) -> str:
    return f"{len(node)} items, 0 to {len(node) - 1}" if len(node) > 1 else ("1 item, 0" if node else "no items")


def _problem(override: Override, message: str) -> ConfigError:
    return problem_at(override.place, message)


def _one_less(at: Path, above: Path, gone: int) -> Path:
    """Return where a path leads once item `gone` of the list at `above` isn't there any more."""
    if not under(at, above) or len(at) == len(above):
        return at
    index = at[len(above)]
    return (*above, index - 1, *at[len(above) + 1 :]) if isinstance(index, int) and index > gone else at
