"""dora's `hydra_main`: a config composed by Hydra becomes an experiment with a signature and a folder."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torchalloy.adapters.flashy.dora.xp import XP, plain_data, signature
from torchalloy.adapters.flashy.utils import write_and_rename
from torchalloy.core import ConfigError

__all__ = ["HydraMain", "hydra_main"]

ALWAYS_EXCLUDED = ("dora.*", "slurm.*")


class HydraMain:
    """A user's `main(cfg)` as experiments: called without arguments, it runs the one that the command line means."""

    def __init__(self, main: Callable[[Any], Any], config_name: str, config_path: str, version_base: str | None) -> None:
        self.main = main
        self.config_name = config_name
        self.config_dir = (Path(inspect.getfile(main)).parent / config_path).resolve()
        self.version_base = version_base
        settings = self._compose([]).get("dora") or {}
        exclude = list(settings.get("exclude", []))
        self.dora = SimpleNamespace(dir=Path(settings.get("dir", "./outputs")).absolute(), exclude=exclude)

    def __call__(self) -> Any:
        xp = self.get_xp(sys.argv[1:])
        self.init_xp(xp)
        with xp.enter():
            return self.main(xp.cfg)

    def get_xp(self, argv: Sequence[str]) -> XP:
        """Return the experiment that the overrides `argv` mean."""
        argv = _last_of_each(argv)
        groups = [argument for argument in argv if (self.config_dir / argument.lstrip("+").partition("=")[0]).is_dir()]
        base, cfg = self._compose(groups), self._compose(argv)
        delta = [[name, value] for name, value in self._delta(base, cfg, groups) if not self._is_excluded(name)]
        delta = sorted(plain_data(delta))
        return XP(self.dora, cfg, list(argv), signature(delta), delta)

    def get_xp_from_sig(self, sig: str) -> XP:
        """Return the experiment of a signature.

        Raises: RuntimeError: it was never run here.
        """
        path = Path(self.dora.dir) / "xps" / sig / ".argv.json"
        if not path.exists():
            raise RuntimeError(f"no experiment {sig} in {path.parents[1]}")
        return self.get_xp(json.loads(path.read_text()))

    def init_xp(self, xp: XP) -> None:
        """Make the experiment's folder and note what made it."""
        xp.folder.mkdir(parents=True, exist_ok=True)
        with write_and_rename(xp.folder / ".argv.json", "w") as file:
            json.dump(xp.argv, file)

    def _compose(self, overrides: Sequence[str]) -> Any:
        from hydra import compose, initialize_config_dir
        from hydra.errors import HydraException

        if not self.config_dir.is_dir():
            raise ConfigError(f"{self.config_dir}: no such config folder; config_path is taken beside the file of {self.main.__name__}")
        try:
            with initialize_config_dir(str(self.config_dir), version_base=self.version_base, job_name=self.main.__name__):
                return compose(self.config_name, list(overrides))
        except HydraException as error:
            raise ConfigError(f"{self.config_dir / self.config_name}: {error}") from error

    def _delta(self, base: Any, cfg: Any, groups: Sequence[str]) -> Iterator[tuple[str, Any]]:
        for override in groups:
            name, _, choice = override.partition("=")
            yield name.lstrip("+"), choice
        yield from _differences(plain_data(base), plain_data(cfg), "")

    def _is_excluded(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in (*ALWAYS_EXCLUDED, *self.dora.exclude))


def hydra_main(config_name: str, config_path: str, version_base: str | None = "1.1") -> Callable[[Callable[[Any], Any]], HydraMain]:
    """Return the decorator that makes `main(cfg)` run as an experiment.

    Args:
        config_name: The primary config, without its suffix.
        config_path: Its folder, relative to the decorated function's file.
        version_base: Hydra's.

    Experiments live in `<dora.dir>/xps/<signature>`; the working directory stays as it is.
    """
    return lambda main: HydraMain(main, config_name, config_path, version_base)


def _last_of_each(argv: Sequence[str]) -> list[str]:
    """Keep the last override of each key, in order."""
    last: dict[str, str] = {}
    for argument in argv:
        assert "=" in argument, f"override {argument!r} has no '='"
        key = argument.partition("=")[0]
        last.pop(key, None)
        last[key] = argument
    return list(last.values())


def _differences(base: Mapping[str, Any], cfg: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name in sorted(base):
        assert name in cfg, f"key {prefix}{name} is gone from the config"
        if isinstance(base[name], dict) and isinstance(cfg[name], dict):
            yield from _differences(base[name], cfg[name], f"{prefix}{name}.")
        elif base[name] != cfg[name]:
            yield f"{prefix}{name}", cfg[name]
    for name in cfg:
        if name not in base:
            yield f"{prefix}{name}", cfg[name]
