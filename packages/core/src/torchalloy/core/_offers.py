"""The named things that hooks hand over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torchalloy.core._errors import ConfigError
from torchalloy.core._stateful import Stateful
from torchalloy.core._work import Handlers, Recipe

__all__ = [
    "Assembly",
    "Command",
    "Component",
    "ConfigLoader",
    "HandlerFactory",
    "Launcher",
    "Layer",
    "PartFactory",
    "Place",
    "Provider",
    "Reading",
    "Services",
    "Sink",
    "SinkFactory",
    "Style",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written: a file with line and column (both from 1), or an override.

    >>> str(Place("configs/a.yaml", 3, 5)), str(Place("override 'lr=0.1'"))
    ('configs/a.yaml:3:5', "override 'lr=0.1'")
    """

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one config loader read.

    Attributes:
        values: The config as plain nested data, interpolations not yet resolved.
        places: Where each value was written, by its path of keys and list indices.
        files: Every file that was read, the asked one first.
        native: The format's own document where a style wants it (a tomlkit document), else None.
    """

    values: dict[str, Any]
    places: Mapping[tuple[str | int, ...], Place] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    native: Any = None


class ConfigLoader(Protocol):
    """Reads the config files of one format."""

    name: str
    suffixes: tuple[str, ...]

    def read(self, path: Path, overrides: Sequence[str] = (), /) -> tuple[Layer, Sequence[str]]:
        """Read `path`; return the layer and the overrides that are still to be applied to it.

        Raises: ConfigError: naming file, line and column.
        """
        ...


@dataclass(frozen=True, slots=True)
class Component:
    """A registered name. `target` is the object, or "package.module:attribute" imported when first used."""

    kind: str
    name: str
    target: Any


@dataclass(frozen=True, slots=True)
class Provider:
    """A service: the type that asks for it, and a callable whose annotated parameters are services themselves."""

    key: Any
    make: Callable[..., Any]


class Services(Protocol):
    """A run's services by type."""

    def get(self, key: Any, /) -> Any:
        """Return the run's one object for `key`."""

    def child(self, *modules: Any) -> "Services":
        """Return services that add injector modules or `Provider`s to these, for the same run."""
        ...


class Assembly(Protocol):
    """What a style may ask while it compiles.

    Attributes:
        config: The resolved config: plain dicts, lists, numbers and strings.
        document: The config with origins (`torchalloy.config.ConfigDocument`).
        services: The run's services.
        folder: The run's folder, or None for a run that leaves nothing behind.
        seed: The run's seed; every generator is seeded with it already.
        device: Where tensors should live: "cpu", "cuda", "cuda:1"...
    """

    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def document(self) -> Any: ...
    @property
    def services(self) -> Services: ...
    @property
    def folder(self) -> Path | None: ...
    @property
    def seed(self) -> int: ...
    @property
    def device(self) -> str: ...

    def find(self, name: str, kind: str = "", /, *, at: str = "") -> Any:
        """Return what `name` stands for: a registered name of `kind`, or a dotted path.

        Raises: ConfigError: with the place of config key `at` and the nearest name.
        """

    def build(self, node: Any, kind: str = "", /, *positional: Any, at: str = "") -> Any:
        """Build what a config node describes (`name`, `type` or `_target_` plus parameters)."""

    def problem(self, key: str, message: str, /) -> ConfigError:
        """Return an error that says `message` and where config key `key` was written."""
        ...


class Style(Protocol):
    """A way of writing training code.

    Attributes:
        name: What `style:` in a config says.
        sections: Top-level config keys the style reads, or None if the whole file belongs to the user's code.
    """

    name: str
    sections: tuple[str, ...] | None

    def compile(self, assembly: Assembly, /) -> Recipe:
        """Turn the user's objects into data the engine runs."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Metrics at one point of a run.

    Attributes:
        stage: The stage they come from.
        values: Plain numbers by name.
        step: Where on the clock.
        clock: "batches" (counting steps), "epochs", or "stage" (steps of a stage that doesn't count, told while it
            runs: for a progress display, not for keeping).
    """

    stage: str
    values: Mapping[str, float]
    step: int
    clock: str


class Sink(Protocol):
    """Where metrics go."""

    def write(self, reading: Reading, /) -> None:
        """Take one reading; called at the end of a window, never in a step."""

    def close(self) -> None:
        """Write out what is left; bounded in time."""


@dataclass(frozen=True, slots=True)
class SinkFactory:
    """A sink users may choose by name; `make` gets the run's folder."""

    name: str
    make: Callable[[Path], Sink]


@dataclass(frozen=True, slots=True)
class HandlerFactory:
    """Handlers users may choose by name; `make` gets the assembly and the node of config key `handlers`."""

    name: str
    make: Callable[[Assembly, Any], Handlers]


@dataclass(frozen=True, slots=True)
class PartFactory:
    """An extra part for every run's checkpoints."""

    name: str
    make: Callable[[Assembly], Stateful]


class Launcher(Protocol):
    """Starts a command as one process or as many."""

    name: str

    def launch(self, command: Sequence[str], num_processes: int, /) -> int:
        """Run the Python module command `command` (module, then arguments); return the exit status.

        Raises: LaunchError: naming the first process that failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command of `alloy`. `target` is "package.module:function"; the function takes the arguments after the
    command's name and returns the exit status."""

    name: str
    help: str
    target: str
