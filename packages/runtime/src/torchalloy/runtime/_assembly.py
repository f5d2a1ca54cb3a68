"""From a config to a recipe: settings, imports, services, and the style's own objects."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torchalloy.config import ConfigDocument, join_problems, load_config
from torchalloy.core import AlloyError, ConfigError, Recipe, Services, State
from torchalloy.data import seed_everything
from torchalloy.di import constant, services
from torchalloy.distributed import current, device_for
from torchalloy.registry import Registry
from torchalloy.runtime._catalog import catalog
from torchalloy.runtime._settings import KEYS, Settings, read_settings

__all__ = ["Assembled", "RunAssembly", "assemble", "assemble_document", "read_config"]


@dataclass(frozen=True)
class RunAssembly:
    """What a style may ask while it compiles; see `torchalloy.core.Assembly`."""

    config: Mapping[str, Any]
    document: ConfigDocument
    services: Services
    folder: Path | None
    seed: int
    device: str
    registry: Registry

    def find(self, name: str, kind: str = "", /, *, at: str = "") -> Any:
        """Return what `name` stands for.

        Raises: ConfigError: with the place of config key `at`.
        """
        try:
            return self.registry.find(name, kind)
        except AlloyError as error:
            raise self._placed(error, at) from error

    def build(self, node: Any, kind: str = "", /, *positional: Any, at: str = "") -> Any:
        """Build what a config node describes.

        Raises: ConfigError: with the place of the key that is wrong, below config key `at`.
        """
        try:
            return self.registry.build(node, kind, *positional)
        except AlloyError as error:
            raise self._placed(error, at) from error

    def problem(self, key: str, message: str, /) -> ConfigError:
        """Return an error that says `message` and where config key `key` was written."""
        return self.document.problem(key, message)

    def _placed(self, error: AlloyError, at: str) -> AlloyError:
        if isinstance(error, ConfigError):
            return error
        below = getattr(error, "path", ())
        key = ".".join(str(part) for part in (at, *below) if part != "")
        return self.problem(key, getattr(error, "message", str(error)))


@dataclass(frozen=True)
class Assembled:
    """A run that could start: what was asked for, and what it compiled to."""

    document: ConfigDocument
    settings: Settings
    assembly: RunAssembly
    recipe: Recipe
    state: State


def assemble(config: str | Path, overrides: Sequence[str] = (), *, folder: Path | None = None) -> Assembled:
    """Read a config, import what it names, and compile it to a recipe. Leaves nothing on disk.

    Args:
        config: A config file.
        overrides: `key=value` in Hydra's grammar.
        folder: The run's folder for styles that write into it, or None.

    Raises: ConfigError and other AlloyErrors: saying which line is wrong.
    """
    return assemble_document(read_config(config, overrides), Path(config).parent, folder=folder)


def read_config(config: str | Path, overrides: Sequence[str] = ()) -> ConfigDocument:
    """Read a config by the loaders that are installed."""
    loaders = [offer.thing for offer in catalog().config_loaders.values()]
    return load_config(Path(config), overrides, loaders=loaders, addable=KEYS)


def assemble_document(document: ConfigDocument, home: Path, *, folder: Path | None = None) -> Assembled:
    """Compile a config that is read already; user modules are looked for beside `home` and in the working directory."""
    offered = catalog()
    settings = read_settings(document, offered.styles)
    style = offered.styles[settings.style].thing
    if style.sections is not None:
        problems = document.unknown_keys((*KEYS, *style.sections))
        if problems:
            raise join_problems(problems)
    _make_importable(home)
    _import_all(settings.imports, document)
    device = device_for(settings.device, current())
    seed_everything(settings.seed)
    state = State()
    wired = services([*(offer.thing for offer in offered.services.values()), constant(State, state)])
    assembly = RunAssembly(document.tree, document, wired, folder, settings.seed, device, offered.registry)
    recipe = style.compile(assembly)
    if current().rank > 0:
        seed_everything(settings.seed, rank=current().rank)  # equal models, then different dropout
    return Assembled(document, settings, assembly, recipe, state)


def _make_importable(home: Path) -> None:
    for folder in (str(home.resolve()), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.insert(0, folder)


def _import_all(modules: Sequence[str], document: ConfigDocument) -> None:
    for index, name in enumerate(modules):
        try:
            importlib.import_module(name)
        except AlloyError:
            raise
        except Exception as error:
            raise document.problem(f"imports.{index}", f"module {name!r} can't be imported: {_where(error)}") from error


def _where(error: BaseException) -> str:
    """Name the error and the line of the user's file it was raised in."""
    frames, place = error.__traceback__, ""
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if not file.startswith("<frozen") and "importlib" not in file and __file__ != file:
            place = f" ({file}:{frames.tb_lineno})"
        frames = frames.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({error.filename}:{error.lineno}:{error.offset})"
        return f"SyntaxError: {error.msg}{place}"
    return f"{type(error).__name__}: {error}{place}"
