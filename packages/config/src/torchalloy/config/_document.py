"""One config, whatever it was written in: plain values, and where each of them comes from."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from torchalloy.config._interpolation import escaped
from torchalloy.config._problems import key_problem, problem_at
from torchalloy.config._tree import Path, descend
from torchalloy.core import ConfigError, Place, did_you_mean

__all__ = ["ConfigDocument"]


@dataclass(frozen=True)
class ConfigDocument:
    """A config with origins.

    Attributes:
        tree: The values: dicts, lists, tuples, text, numbers, booleans and None, interpolations resolved.
        name: What errors call the config: its file, or the name a config made in Python was given.
        sources: Every file that was read, the asked one first.
        native: The format's own document with overrides and resolved values in it (a tomlkit document), else None.
        places: Where each value was written, by its path of keys and list indices.
    """

    tree: dict[str, Any]
    name: str
    sources: tuple[FilePath, ...] = ()
    native: Any = None
    places: Mapping[Path, Place] = field(default_factory=dict, repr=False)

    def origin(self, key: str | Path = "") -> Place:
        """Return where the value of `key` comes from: its own place, else that of the nearest key above it.

        Args:
            key: "plugins.0.seed", or a tuple where a key itself holds a dot. "" is the whole config.
        """
        path = self._path(key)
        for length in range(len(path), 0, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return Place(self.name)

    def problem(self, key: str | Path, message: str) -> ConfigError:
        """Return an error that says `message` about `key`: `file:line:column: key 'a.b': message`."""
        return key_problem(self.origin(key), self._path(key), message)

    def unknown_keys(self, known: Iterable[str], at: str | Path = "") -> list[ConfigError]:
        """Return a problem, with the nearest right name, for every key under `at` that is not among `known`."""
        known = list(known)
        above = self._path(at)
        _, node, missing = descend(self.tree, [str(part) for part in above])
        written = node if isinstance(node, dict) and not missing else {}
        return [
            self.problem((*above, key), f"nothing reads this key; {did_you_mean(str(key), known)}")
            for key in written
            if key not in known
        ]

    def to_yaml(self) -> str:
        """Return the values as YAML that loads equal again; tuples as lists, a time of day as text."""
        from torchalloy.config._yaml import dump_yaml  # PyYAML takes 15 ms to import

        return dump_yaml(escaped(self.tree))

    def to_omegaconf(self) -> Any:
        """Return the values as an `omegaconf.DictConfig` of its own; tuples as lists."""
        from omegaconf import OmegaConf  # takes 80 ms to import

        return OmegaConf.create(escaped(self.tree), flags={"allow_objects": True})

    def copy_sources(self, folder: str | os.PathLike[str]) -> tuple[FilePath, ...]:
        """Copy the files that were read into `folder`, as they are and lying to each other as they do.

        Returns: The copies, that of the asked file first; loading it gives the same config without the overrides.
        Raises: ConfigError: a file isn't there any more, or `folder` can't be written.
        """
        import shutil  # brings bz2 and lzma along, and is needed once a run

        if not self.sources:
            return ()
        files = [source.resolve() for source in self.sources]
        root = os.path.commonpath([file.parent for file in files])
        copies = tuple(FilePath(folder) / file.relative_to(root) for file in files)
        for file, copy in zip(files, copies, strict=True):
            try:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
            except OSError as error:
                raise problem_at(Place(str(file)), f"can't be copied to {copy}: {error.strerror}") from error
        return copies

    def _path(self, key: str | Path) -> Path:
        if isinstance(key, tuple):
            return key
        found, _, missing = descend(self.tree, key.split(".") if key else [])
        return (*found, *missing)
