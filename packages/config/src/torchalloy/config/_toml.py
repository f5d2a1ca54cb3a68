"""Read TOML: values by the standard library, the document with its comments by tomlkit, places by a scan."""

import re
import tomllib
from bisect import bisect_right
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath

from torchalloy.config._plain import plain
from torchalloy.config._problems import key_problem, problem_at, read_text
from torchalloy.config._tree import Path, Places, dotted
from torchalloy.core import ConfigError, Layer, Place

__all__ = ["read_toml"]

_AT = re.compile(r"\(at line (\d+), column (\d+)\)|\(at end of document\)")


def read_toml(path: FilePath) -> Layer:
    """Return what a TOML file says; `native` is its tomlkit document.

    Raises: ConfigError: broken TOML, a key written twice (naming both lines), or `_base_`, which TOML files don't have.
    """
    import tomlkit  # the slowest import of a TOML config; nothing else needs it

    text = read_text(path)
    scan = _Scan(text, path)
    try:
        values = tomllib.loads(text)
        scan.run()
    except tomllib.TOMLDecodeError as error:
        raise _broken(error, scan) from error
    except RecursionError as error:
        raise ConfigError(f"{path}: broken TOML: nested too deeply") from error
    if "_base_" in values:
        raise key_problem(
            scan.places[("_base_",)],
            ("_base_",),
            "a TOML config has no bases; Python and YAML ones do",
        )
    values = plain(values, lambda at: scan.places.get(at, Place(str(path))))
    try:
        return Layer(values, scan.places, (path,), tomlkit.parse(text))
    except tomlkit.exceptions.TOMLKitError as error:
        raise ConfigError(f"{path}: tomlkit, which keeps comments, can't read this TOML: {error}") from error


def _broken(error: tomllib.TOMLDecodeError, scan: "_Scan") -> ConfigError:
    message = str(error)
    at = _AT.search(message)
    place = Place(str(scan.path), int(at[1]), int(at[2])) if at and at[1] else scan.place(len(scan.text))
    with suppress(IndexError, ValueError):  # the text is broken, and what was scanned before may hold the cause
        scan.run()
    twice = [found for found in scan.twice if (found[1].line or 0) <= (place.line or 0)]
    if twice:
        path, second, first = twice[0]
        return problem_at(second, f"key {dotted(path)!r} is written twice; the first one is at line {first.line}")
    reason = _AT.sub("", message).strip()
    return problem_at(place, f"broken TOML: {reason[:1].lower()}{reason[1:]}")


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'")
_LONG = re.compile(r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}' + r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}")
_PLAIN = re.compile(r"[^,\]}\n#]*")


@dataclass
class _Scan:
    """Walks TOML text that is known, or nearly known, to be right, and notes where each key is."""

    text: str
    path: FilePath
    at: int = 0
    places: Places = field(default_factory=dict)
    twice: list[tuple[Path, Place, Place]] = field(default_factory=list)
    num_tables: dict[Path, int] = field(default_factory=dict)  # of each array of tables
    headers: set[Path] = field(default_factory=set)

    @cached_property
    def line_starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def place(self, offset: int) -> Place:
        line = bisect_right(self.line_starts, offset)
        return Place(str(self.path), line, offset - self.line_starts[line - 1] + 1)

    def run(self) -> None:
        table: Path = ()
        while self.skip_blank() < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)

    def header(self) -> Path:
        start = self.at
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        self.skip_blank()
        parts = self.key()
        for length in range(1, len(parts)):
            self.note(self.last_tables(parts[:length]), start)
        path = self.last_tables(parts[:-1]) + parts[-1:] if array else self.last_tables(parts)
        if array:
            self.note(path, start)
            index = self.num_tables[path] = self.num_tables.get(path, -1) + 1
            path = (*path, index)
            self.places[path] = self.place(start)
        else:
            self.note(path, start, once=path in self.headers)
            self.headers.add(path)
        self.at = self.text.index("]]" if array else "]", self.at) + (2 if array else 1)
        return path

    def last_tables(self, parts: tuple[str, ...]) -> Path:
        """Put the index of the newest table after each name of an array of tables."""
        path: Path = ()
        for part in parts:
            path = (*path, part)
            if path in self.num_tables:
                path = (*path, self.num_tables[path])
        return path

    def pair(self, table: Path) -> None:
        start = self.at
        parts = self.key()
        for length in range(1, len(parts)):
            self.note(table + parts[:length], start)
        self.note(table + parts, start, once=True)
        self.at = self.text.index("=", self.at) + 1
        self.value(table + parts)

    def key(self) -> tuple[str, ...]:
        parts = []
        while True:
            parts.append(self.key_part())
            self.skip_blank()
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1
            self.skip_blank()

    def key_part(self) -> str:
        found = (_QUOTED if self.text[self.at] in "\"'" else _BARE).match(self.text, self.at)
        if found is None:
            raise ValueError("no key here")
        self.at = found.end()
        text = found.group()
        # Escapes in a key are as rare as they are intricate: the parser that knows them reads those.
        return str(tomllib.loads(f"key = {text}")["key"]) if text[0] in "\"'" else text

    def value(self, path: Path) -> None:
        self.skip_blank()
        opening = self.text[self.at]
        if opening == "[":
            self.array(path)
        elif opening == "{":
            self.inline_table(path)
        else:
            found = None
            if opening in "\"'":
                found = _LONG.match(self.text, self.at) or _QUOTED.match(self.text, self.at)
            found = found or _PLAIN.match(self.text, self.at)
            assert found is not None, "_PLAIN matches anything"
            self.at = found.end()

    def array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self.skip_blank() < len(self.text) and self.text[self.at] != "]":
            self.places[(*path, index)] = self.place(self.at)
            self.value((*path, index))
            index += 1
            self.skip_comma()
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        while self.skip_blank() < len(self.text) and self.text[self.at] != "}":
            self.pair(path)
            self.skip_comma()
        self.at += 1

    def skip_comma(self) -> None:
        self.skip_blank()
        if self.text[self.at] == ",":
            self.at += 1
        elif self.text[self.at] not in "]}":
            raise ValueError("no comma here")

    def skip_blank(self) -> int:
        found = _BLANK.match(self.text, self.at)
        assert found is not None, "_BLANK matches nothing too"
        self.at = found.end()
        return self.at

    def note(self, path: Path, start: int, *, once: bool = False) -> None:
        """Keep the first place of a key; remember a second one of what may come only once."""
        place = self.place(start)
        first = self.places.setdefault(path, place)
        if once and first is not place:
            self.twice.append((path, place, first))
