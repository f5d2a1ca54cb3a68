"""A user's `main` under a decorator: what command lines mean as experiments, and running one."""

from __future__ import annotations

import inspect
import json
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from torchalloy.adapters.flashy.dora.xp import XP
from torchalloy.adapters.flashy.utils import write_and_rename
from torchalloy.core import AlloyError, ConfigError, did_you_mean

__all__ = ["DecoratedMain", "DoraConfig"]

ALWAYS_EXCLUDED = ("dora.*", "slurm.*")
NOT_CARRIED = ("git_save", "grid_package", "history", "shared", "use_rendezvous", "xps")

logger = logging.getLogger("dora")


@dataclass
class DoraConfig:
    """dora's own settings.

    Attributes:
        dir: Where experiments live; made absolute.
        exclude: Shell patterns of dotted names that don't change an experiment's signature.
    """

    dir: str | Path = "./outputs"
    exclude: list[str] = field(default_factory=list)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, Path(value).absolute() if name == "dir" else value)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> DoraConfig:
        """Return the settings of a config's section `dora`; a warning names those of dora that do nothing here.

        Raises: ConfigError: one that dora doesn't have either.
        """
        known = [one.name for one in fields(cls)]
        for name in settings:
            if name in NOT_CARRIED:
                logger.warning("dora.%s does nothing here", name)
            elif name not in known:
                raise ConfigError(f"dora.{name}: there is no such setting; {did_you_mean(str(name), known)}")
        return cls(**{str(name): value for name, value in settings.items() if name in known})

    def is_excluded(self, name: str) -> bool:
        """Whether a dotted name leaves the signature as it is."""
        return any(fnmatchcase(name, pattern) for pattern in (*ALWAYS_EXCLUDED, *self.exclude))


class DecoratedMain(ABC):
    """A user's `main` as experiments: called without arguments, it runs the one that the command line means."""

    def __init__(self, main: Callable[..., Any]) -> None:
        self.main = main

    @cached_property
    def dora(self) -> DoraConfig:
        """dora's own settings."""
        return self._settings()

    @property
    def package(self) -> str:
        """The package that `main` lies in."""
        return self._module.rpartition(".")[0]

    @property
    def main_module(self) -> str:
        """The module that `main` lies in."""
        return self._module.rpartition(".")[2]

    def __call__(self) -> Any:
        try:
            return self.run(sys.argv[1:])
        except AlloyError as error:
            print(f"dora: error: {error}", file=sys.stderr)
            raise SystemExit(2) from error

    def run(self, argv: Sequence[str], clear: Callable[[XP], None] | None = None) -> Any:
        """Run the experiment that `argv` means, going on where it was; return what `main` returns."""
        xp = self.get_xp(argv)
        if clear is not None:
            clear(xp)
        self.init_xp(xp)
        with xp.enter():
            return self._call_main(xp)

    @abstractmethod
    def get_xp(self, argv: Sequence[str]) -> XP:
        """Return the experiment that `argv` means."""

    def get_xp_from_sig(self, sig: str) -> XP:
        """Return the experiment of a signature.

        Raises: RuntimeError: it was never run here.
        """
        return self.get_xp(self.get_argv_from_sig(sig))

    def get_argv_from_sig(self, sig: str) -> list[str]:
        """Return the arguments that made the experiment of a signature.

        Raises: RuntimeError: it was never run here.
        """
        path = Path(self.dora.dir) / "xps" / sig / ".argv.json"
        if not path.exists():
            raise RuntimeError(f"no experiment {sig} in {path.parents[1]}")
        return [str(argument) for argument in json.loads(path.read_text())]

    def get_xp_history(self, xp: XP) -> list[Any]:
        """Return the metrics of an experiment's epochs as they are on disk."""
        return list(json.loads(xp.history.read_text())) if xp.history.exists() else []

    def init_xp(self, xp: XP) -> None:
        """Make the experiment's folder and note what made it."""
        xp.folder.mkdir(parents=True, exist_ok=True)
        with write_and_rename(xp.folder / ".argv.json", "w", pid=True) as file:
            json.dump(xp.argv, file)

    @abstractmethod
    def _settings(self) -> DoraConfig: ...

    @abstractmethod
    def _call_main(self, xp: XP) -> Any: ...

    @property
    def _module(self) -> str:
        if self.main.__module__ != "__main__":
            return self.main.__module__
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        return spec.name if spec is not None else Path(inspect.getfile(self.main)).stem
