"""The top-level config keys the runtime itself reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torchalloy.config import ConfigDocument, join_problems
from torchalloy.core import ConfigError, did_you_mean

__all__ = ["KEYS", "Logging", "Saving", "Settings", "read_settings"]

KEYS = ("style", "seed", "device", "imports", "sinks", "handlers", "save", "log")
DEFAULT_SINKS = ("jsonl", "tensorboard")


@dataclass(frozen=True, slots=True)
class Saving:
    """When checkpoints are written, and how many are kept.

    Attributes:
        every_epochs: Epochs between two checkpoints, or None.
        every_steps: Training steps between two checkpoints, or None.
        keep: Newest checkpoints that stay; None for all.
    """

    every_epochs: int | None = 1
    every_steps: int | None = None
    keep: int | None = 3


@dataclass(frozen=True, slots=True)
class Logging:
    """How often metrics are read back and written.

    Attributes:
        every_steps: Steps in a window; one device read and one reading a window.
        each_step: True to write each step's own values, still read back once a window.
    """

    every_steps: int = 50
    each_step: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What the runtime itself was told.

    Attributes:
        style: The style's name.
        seed: Seeds every generator; >= 0.
        device: "auto", "cpu", "cuda", "cuda:1"...
        imports: Modules imported before anything is looked up by name.
        sinks: Names of the sinks that get the metrics.
        handlers: Plugin handlers by name, each with its own config node.
        save: When checkpoints are written.
        log: How often metrics are read back.
    """

    style: str
    seed: int = 0
    device: str = "auto"
    imports: tuple[str, ...] = ()
    sinks: tuple[str, ...] = DEFAULT_SINKS
    handlers: Mapping[str, Any] = field(default_factory=dict)
    save: Saving = Saving()
    log: Logging = Logging()


def read_settings(document: ConfigDocument, styles: Mapping[str, Any]) -> Settings:
    """Read the runtime's keys from a config.

    Raises: ConfigError: all that is wrong with them, each with its place.
    """
    reader = _Reader(document)
    style = reader.style(styles)
    settings = Settings(
        style=style,
        seed=reader.number("seed", 0, least=0) or 0,
        device=reader.text("device", "auto"),
        imports=tuple(reader.texts("imports", ())),
        sinks=tuple(reader.texts("sinks", DEFAULT_SINKS)),
        handlers=reader.section("handlers"),
        save=Saving(
            reader.number("save.every_epochs", 1, least=1),
            reader.number("save.every_steps", None, least=1),
            reader.number("save.keep", 3, least=1),
        ),
        log=Logging(reader.number("log.every_steps", 50, least=1) or 50, reader.flag("log.each_step")),
    )
    reader.unknown("save", ("every_epochs", "every_steps", "keep"))
    reader.unknown("log", ("every_steps", "each_step"))
    if reader.problems:
        raise join_problems(reader.problems)
    return settings


class _Reader:
    """Takes typed values out of a document and collects what is wrong with them."""

    def __init__(self, document: ConfigDocument) -> None:
        self._document = document
        self.problems: list[ConfigError] = []

    def style(self, styles: Mapping[str, Any]) -> str:
        name = self._document.tree.get("style")
        if name is None:
            self.problems.append(
                self._document.problem("", f"key 'style' is missing; it names one of {', '.join(styles)}")
            )
        elif name not in styles:
            self.problems.append(
                self._document.problem("style", f"no style named {name!r}; {did_you_mean(str(name), styles)}")
            )
        return str(name)

    def number(self, key: str, default: int | None, *, least: int) -> int | None:
        value = self._get(key, default)
        if value is None and key.startswith("save."):
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self._wrong(key, f"an integer of at least {least}", value)
            return default
        return value

    def text(self, key: str, default: str) -> str:
        value = self._get(key, default)
        if not isinstance(value, str):
            self._wrong(key, "a string", value)
            return default
        return value

    def flag(self, key: str) -> bool:
        value = self._get(key, False)
        if not isinstance(value, bool):
            self._wrong(key, "true or false", value)
        return value is True

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self._get(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            self._wrong(key, "a list of strings", value)
            return default
        return tuple(value)

    def section(self, key: str) -> Mapping[str, Any]:
        value = self._get(key, {})
        if not isinstance(value, Mapping):
            self._wrong(key, "a mapping", value)
            return {}
        return value

    def unknown(self, key: str, known: tuple[str, ...]) -> None:
        if isinstance(self._document.tree.get(key), Mapping):
            self.problems += self._document.unknown_keys(known, at=key)

    def _get(self, key: str, default: Any) -> Any:
        node: Any = self._document.tree
        for part in key.split("."):
            if not isinstance(node, Mapping):
                return default
            if part not in node:
                return default
            node = node[part]
        return node

    def _wrong(self, key: str, expected: str, value: Any) -> None:
        self.problems.append(self._document.problem(key, f"expected {expected}, got {type(value).__name__} {value!r}"))
