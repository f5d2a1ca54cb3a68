"""Read and write YAML by the rules of YAML 1.2: `no`, `on` and `12:30` are text, `1e-3` is a number.

The text is read event by event rather than through PyYAML's constructors: every key keeps its line and column, and
depth and size stay bounded (libyaml itself crashes on deep nesting, and aliases can multiply without end).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path as FilePath
from typing import Any

import yaml

from torchalloy.config._plain import MAX_DEPTH
from torchalloy.config._problems import place_in_text, problem_at, raise_all, read_text
from torchalloy.config._tree import Path, Places
from torchalloy.core import ConfigError, Place

__all__ = ["dump_yaml", "parse_yaml", "read_yaml"]

MAX_VALUES = 200_000  # values after aliases are expanded; a config of this size is an attack or a data set

_PREFIX = "tag:yaml.org,2002:"
_AMBIGUOUS = _PREFIX + "ambiguous"
_SCALARS = (
    ("null", re.compile(r"~|null|Null|NULL|")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    # YAML 1.2 has no `1_000`; TOML, Python and the override grammar do, and one document should have one rule.
    ("int", re.compile(r"[-+]?[0-9]+(?:_[0-9]+)*|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")),
    ("float", re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")),
    ("merge", re.compile(r"<<")),
)


def read_yaml(path: FilePath) -> tuple[dict[Any, Any], Places]:
    """Return the values of a YAML file and where each was written. An empty file has no values.

    Raises: ConfigError: broken YAML, a key written twice, an unknown tag, a top level that isn't a mapping.
    """
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, path: FilePath) -> tuple[dict[Any, Any], Places]:
    """Return the values of YAML text and where each was written; `path` is what errors and places name."""
    try:
        node = _Reader(str(path), _events(text)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(str(path), mark.line + 1, mark.column + 1) if mark else Place(str(path))
        begun = f" that begins at line {error.context_mark.line + 1}" if error.context_mark else ""
        context = f" {error.context}{begun}" if error.context else ""
        raise problem_at(place, f"broken YAML: {error.problem}{context}") from error
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, str) else chr(error.character)  # C gives a number
        place = place_in_text(path, text, text.find(character))  # C counts bytes; the first one is the one
        raise problem_at(place, f"broken YAML: character U+{ord(character):04X} isn't allowed") from error
    building = _Building()
    values = building.value(node, ())
    raise_all(building.problems)
    if values is None:
        return {}, {}
    if not isinstance(values, dict):
        raise problem_at(node.place, f"the top level is {_kind(values)}; a config is keys with values")
    return values, building.places


def _events(text: str) -> Iterator[Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser where PyYAML was built with it
    events: Iterator[Any] = yaml.parse(text, Loader=loader)
    return events


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"{value!r}"


@dataclass
class _Node:
    """One node of the file; `content` is text, items, or pairs of key and value."""

    tag: str
    place: Place
    content: Any


@dataclass
class _Reader:
    """Turns events into nodes; an alias is the node it names."""

    file: str
    events: Iterator[Any]
    anchors: dict[str, _Node] = field(default_factory=dict)

    def document(self) -> _Node:
        next(self.events)  # stream start
        first = next(self.events)
        if isinstance(first, yaml.StreamEndEvent):
            return _Node(_PREFIX + "null", self.place(first), "")
        node = self.node(next(self.events), 0)
        next(self.events)  # document end
        more = next(self.events)
        if isinstance(more, yaml.DocumentStartEvent):
            raise problem_at(self.place(more), "a second YAML document starts here; a config is one document")
        return node

    def node(self, event: Any, depth: int) -> _Node:
        place = self.place(event)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise problem_at(place, f"no '&{event.anchor}' is complete before this alias '*{event.anchor}'")
            return self.anchors[event.anchor]
        if depth > MAX_DEPTH:
            raise problem_at(place, f"nested more than {MAX_DEPTH} deep")
        node = self.fresh(event, place, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def fresh(self, event: Any, place: Place, depth: int) -> _Node:
        if isinstance(event, yaml.ScalarEvent):
            tag = event.tag or (_scalar_tag(event.value) if event.implicit[0] else _PREFIX + "str")
            return _Node(_PREFIX + "str" if tag == "!" else tag, place, event.value)
        content: list[Any] = []
        start = event
        if isinstance(event, yaml.SequenceStartEvent):
            while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
                content.append(self.node(event, depth + 1))
            return _Node(start.tag or _PREFIX + "seq", place, content)
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            content.append((self.node(event, depth + 1), self.node(next(self.events), depth + 1)))
        return _Node(start.tag or _PREFIX + "map", place, content)

    def place(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar_tag(text: str) -> str:
    for name, pattern in _SCALARS:
        if pattern.fullmatch(text):
            return _PREFIX + name
    return _PREFIX + "str"


@dataclass
class _Building:
    """Turns nodes into values, noting where each key was written and everything that's wrong."""

    places: Places = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)
    num_values: int = 0

    def value(self, node: _Node, path: Path) -> Any:
        self.num_values += 1
        if self.num_values > MAX_VALUES:
            raise problem_at(node.place, f"aliases expand to more than {MAX_VALUES} values")
        if node.tag == _PREFIX + "map":
            return self.mapping(node, path)
        if node.tag == _PREFIX + "seq":
            return [self.item(item, (*path, index)) for index, item in enumerate(node.content)]
        return self.scalar(node)

    def item(self, node: _Node, path: Path) -> Any:
        self.places[path] = node.place
        return self.value(node, path)

    def mapping(self, node: _Node, path: Path) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        first: dict[Any, Place] = {}
        for key_node, value_node in node.content:
            if key_node.tag == _PREFIX + "merge":
                continue
            key = self.key(key_node)
            if key in first:
                self.problems.append(
                    problem_at(
                        key_node.place,
                        f"key {key_node.content!r} is written twice; the first one is at line {first[key].line}",
                    )
                )
                continue
            first[key] = self.places[(*path, key)] = key_node.place
            values[key] = self.value(value_node, (*path, key))
        for key_node, value_node in node.content:
            if key_node.tag == _PREFIX + "merge":
                self.merge(key_node, value_node, values, path)
        return values

    def merge(self, key_node: _Node, value_node: _Node, values: dict[Any, Any], path: Path) -> None:
        """Take over what `<<` names and `values` lacks; the first of several wins."""
        for source in value_node.content if value_node.tag == _PREFIX + "seq" else [value_node]:
            if source.tag != _PREFIX + "map":
                self.problems.append(problem_at(key_node.place, "'<<' takes a mapping or a list of mappings"))
                continue
            other = _Building(problems=self.problems, num_values=self.num_values)
            merged = other.mapping(source, path)
            self.num_values = other.num_values
            for key in merged.keys() - values.keys():
                self.places |= {at: place for at, place in other.places.items() if at[: len(path) + 1] == (*path, key)}
            values |= {key: value for key, value in merged.items() if key not in values}

    def key(self, node: _Node) -> Any:
        key = None if isinstance(node.content, list) else self.scalar(node)
        if isinstance(key, str | int | float):
            return key
        self.problems.append(problem_at(node.place, "a key must be text or a number"))
        return None

    def scalar(self, node: _Node) -> Any:
        construct = _CONSTRUCTORS.get(node.tag)
        if construct is not None and isinstance(node.content, str):
            try:
                return construct(node.content)
            except ValueError:
                name = node.tag.removeprefix(_PREFIX)
                self.problems.append(problem_at(node.place, f"{node.content!r} isn't a value of type '!!{name}'"))
                return None
        shown = node.tag.replace(_PREFIX, "!!")
        known = ", ".join(sorted("!!" + tag.removeprefix(_PREFIX) for tag in _CONSTRUCTORS if tag != _PREFIX + "merge"))
        self.problems.append(problem_at(node.place, f"tag {shown!r} isn't known here; known: {known}"))
        return None


def _int(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    for prefix, base in (("0o", 8), ("0x", 16)):
        if digits.startswith(prefix):
            return sign * int(digits[2:], base)
    return sign * int(digits, 10)  # `010` is ten, as YAML 1.2 says


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


def _date(text: str) -> date:
    from datetime import datetime  # only an explicit tag brings dates

    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


_CONSTRUCTORS: dict[str, Callable[[str], Any]] = {
    _PREFIX + "null": lambda text: None,
    _PREFIX + "bool": _bool,
    _PREFIX + "int": _int,
    _PREFIX + "float": _float,
    _PREFIX + "str": str,
    _PREFIX + "merge": str,
    _PREFIX + "timestamp": _date,
}


def dump_yaml(tree: dict[Any, Any]) -> str:
    """Return `tree` as YAML that this module reads back equal, tuples as lists.

    Text that any YAML reader might take for something else (`no`, `1e-3`, `2001-01-01`) is quoted.
    """
    text: str = yaml.dump(
        tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=2**30
    )
    return text


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # chosen by what PyYAML was built with
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        """Return the tag that `value` would have unquoted; one that fits nothing where readers would differ."""
        tag = super().resolve(kind, value, implicit)
        if kind is not yaml.ScalarNode or not implicit[0]:
            return tag
        ours = _scalar_tag(value)
        return tag if tag == ours else _AMBIGUOUS


def _represent_time(dumper: Any, value: time) -> Any:
    return dumper.represent_str(value.isoformat())  # YAML has no time of day


_Dumper.add_representer(time, _represent_time)
_Dumper.add_representer(tuple, yaml.representer.SafeRepresenter.represent_list)
