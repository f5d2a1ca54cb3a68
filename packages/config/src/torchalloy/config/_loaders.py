"""The loaders that come with torchalloy, by suffix."""

from collections.abc import Sequence
from pathlib import Path as FilePath

from torchalloy.config._bases import BASE, read_with_bases
from torchalloy.config._problems import key_problem
from torchalloy.core import ConfigLoader, Layer, Place

__all__ = ["LOADERS", "PythonLoader", "TomlLoader", "YamlLoader"]


class YamlLoader:
    """YAML files by the rules of YAML 1.2, with `_base_`; one with a `defaults` list is composed by Hydra."""

    name: str = "yaml"
    suffixes: tuple[str, ...] = (".yaml", ".yml")

    def read(self, path: FilePath, overrides: Sequence[str] = (), /) -> tuple[Layer, Sequence[str]]:
        """Read `path`; choices of config groups among `overrides` are made here, the others returned.

        Raises: ConfigError: naming file, line and column.
        """
        layer = read_with_bases(path)
        if not isinstance(layer.values.get("defaults"), list):
            return layer, overrides
        if len(layer.files) > 1:
            place = layer.places.get(("defaults",), Place(str(path)))
            raise key_problem(place, ("defaults",), f"a Hydra defaults list and {BASE!r} exclude each other; use one")
        from torchalloy.config._hydra import read_hydra  # Hydra takes 150 ms to import

        return read_hydra(path, overrides)


class TomlLoader:
    """TOML files; `Layer.native` is the tomlkit document with its comments."""

    name: str = "toml"
    suffixes: tuple[str, ...] = (".toml",)

    def read(self, path: FilePath, overrides: Sequence[str] = (), /) -> tuple[Layer, Sequence[str]]:
        """Read `path`.

        Raises: ConfigError: naming file, line and column.
        """
        from torchalloy.config._toml import read_toml  # tomlkit takes 25 ms to import

        return read_toml(path), overrides


class PythonLoader:
    """Python files, run in place, with `_base_`; their top-level values are the config."""

    name: str = "python"
    suffixes: tuple[str, ...] = (".py",)

    def read(self, path: FilePath, overrides: Sequence[str] = (), /) -> tuple[Layer, Sequence[str]]:
        """Run `path` and take what it assigned.

        Raises: ConfigError: naming file, line and column, also of what the file itself raises.
        """
        return read_with_bases(path), overrides


LOADERS: tuple[ConfigLoader, ...] = (YamlLoader(), TomlLoader(), PythonLoader())
