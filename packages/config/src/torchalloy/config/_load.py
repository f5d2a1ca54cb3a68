"""From a file and overrides to a `ConfigDocument`."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from torchalloy.config._document import ConfigDocument
from torchalloy.config._interpolation import resolve
from torchalloy.config._loaders import LOADERS
from torchalloy.config._overrides import apply_overrides, parse_overrides
from torchalloy.config._plain import plain
from torchalloy.core import ConfigError, ConfigLoader, Layer, Place, did_you_mean

__all__ = ["ADDABLE", "document_from_tree", "load_config"]

ADDABLE = ("seed", "device", "name")


def load_config(
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    *,
    loaders: Iterable[ConfigLoader] | None = None,
    addable: Sequence[str] = ADDABLE,
) -> ConfigDocument:
    """Read a config file, apply overrides, and resolve interpolations.

    Args:
        path: The file; its suffix chooses the loader.
        overrides: In Hydra's grammar, on every format alike: `a.b=1` changes, `+a.b=1` adds, `++a.b=1` does either,
            `~a.b` removes, `plugins.0.seed=3` reaches into lists; `model=large` chooses from a Hydra config group.
        loaders: Loaders to choose from; None for those that come with this package.
        addable: Top-level keys that `key=value` may give although the file doesn't write them.

    Raises: ConfigError: what is wrong, with file, line and column or the override, and the nearest right name.
    """
    path = FilePath(path)
    loader = _loader_for(path, tuple(LOADERS if loaders is None else loaders))
    layer, rest = loader.read(path, tuple(overrides))
    return _document(layer, rest, str(path), addable)


def document_from_tree(
    tree: Mapping[str, Any], name: str = "config", overrides: Sequence[str] = (), *, addable: Sequence[str] = ADDABLE
) -> ConfigDocument:
    """Return the document of a config made in Python.

    Args:
        tree: The values; copied, and left alone.
        name: What errors call the config.
        overrides: As for `load_config`.
        addable: As for `load_config`.

    Raises: ConfigError: a value no config holds, a bad override or interpolation.
    """
    return _document(Layer(plain(tree, lambda path: Place(name))), overrides, name, addable)


def _document(layer: Layer, overrides: Sequence[str], name: str, addable: Sequence[str]) -> ConfigDocument:
    values, places = apply_overrides(layer.values, dict(layer.places), parse_overrides(overrides), addable)
    tree = resolve(values, places, Place(name))
    return ConfigDocument(tree, name, layer.files, _native(layer, tree, Place(name)), places)


def _native(layer: Layer, tree: dict[str, Any], file: Place) -> Any:
    if layer.native is None:
        return None
    from tomlkit import TOMLDocument  # imported by the TOML loader already; a stranger's native document is its own

    from torchalloy.config._native import updated_native

    return updated_native(layer.native, tree, file) if isinstance(layer.native, TOMLDocument) else layer.native


def _loader_for(path: FilePath, loaders: Sequence[ConfigLoader]) -> ConfigLoader:
    by_suffix = {suffix: loader for loader in loaders for suffix in loader.suffixes}
    if not path.is_file():
        raise ConfigError(_missing(path, by_suffix))
    if path.suffix not in by_suffix:
        known = did_you_mean(path.suffix, by_suffix)
        raise ConfigError(f"{path}: no config loader for suffix {path.suffix!r}; {known}")
    return by_suffix[path.suffix]


def _missing(path: FilePath, suffixes: Iterable[str]) -> str:
    if path.is_dir():
        return f"{path}: is a folder; name a config file in it. {did_you_mean(path.name, _configs_in(path, suffixes))}"
    folder = path.parent
    if not folder.is_dir():
        beside = [str(folder.parent / found.name) for found in folder.parent.glob("*") if found.is_dir()]
        return f"{path}: no such file, nor is there a folder {str(folder)!r}; {did_you_mean(str(folder), beside)}"
    return f"{path}: no such config file; {did_you_mean(str(path), _configs_in(folder, suffixes))}"


def _configs_in(folder: FilePath, suffixes: Iterable[str]) -> list[str]:
    known = set(suffixes)
    return [str(folder / found.name) for found in folder.iterdir() if found.suffix in known]
