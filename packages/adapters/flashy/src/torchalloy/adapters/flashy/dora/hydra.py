"""dora's `hydra_main`: a config composed by Hydra becomes an experiment with a signature and a folder."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torchalloy.adapters.flashy.dora.main import DecoratedMain, DoraConfig
from torchalloy.adapters.flashy.dora.xp import XP, plain_data, signature
from torchalloy.core import ConfigError

__all__ = ["HydraMain", "hydra_main"]


class HydraMain(DecoratedMain):
    """A user's `main(cfg)` as experiments that Hydra's overrides name."""

    def __init__(
        self, main: Callable[[Any], Any], config_name: str, config_path: str, version_base: str | None
    ) -> None:
        super().__init__(main)
        self.config_name = config_name
        self.config_dir = (Path(inspect.getfile(main)).parent / config_path).resolve()
        self.version_base = version_base

    def get_xp(self, argv: Sequence[str]) -> XP:
        """Return the experiment that the overrides `argv` mean.

        Raises: ConfigError: an override without '=', or one that Hydra can't use.
        """
        argv = _last_of_each(argv)
        groups = [argument for argument in argv if self._is_group(argument)]
        base, cfg = self._compose(groups), self._compose(argv)
        delta = [[name, value] for name, value in self._delta(base, cfg, groups) if not self.dora.is_excluded(name)]
        delta = sorted(plain_data(delta))
        return XP(self.dora, cfg, argv, signature(delta), delta)

    def _settings(self) -> DoraConfig:
        return DoraConfig.of(self._plain(self._compose([]).get("dora") or {}))

    def _call_main(self, xp: XP) -> Any:
        return self.main(xp.cfg)

    def _is_group(self, argument: str) -> bool:
        name = argument.lstrip("+").partition("=")[0].partition("@")[0]
        return (self.config_dir / name).is_dir()

    def _compose(self, overrides: Sequence[str]) -> Any:
        from hydra import compose, initialize_config_dir
        from hydra.errors import HydraException

        folder, name = self.config_dir, self.main.__name__
        if not folder.is_dir():
            raise ConfigError(f"{folder}: no such config folder; config_path is taken beside the file of {name}")
        try:
            with initialize_config_dir(str(folder), version_base=self.version_base, job_name=name):
                return compose(self.config_name, list(overrides))
        except HydraException as error:
            raise ConfigError(f"{folder / self.config_name}: {error}") from error

    def _delta(self, base: Any, cfg: Any, groups: Sequence[str]) -> Iterator[tuple[str, Any]]:
        for override in groups:
            name, _, choice = override.partition("=")
            yield name.lstrip("+"), choice
        yield from _differences(self._plain(base), self._plain(cfg), "")

    def _plain(self, config: Any) -> Any:
        from omegaconf.errors import OmegaConfBaseException

        try:
            return plain_data(config)
        except OmegaConfBaseException as error:
            raise ConfigError(f"{self.config_dir / self.config_name}: {error}") from error


def hydra_main(
    config_name: str, config_path: str, version_base: str | None = "1.1"
) -> Callable[[Callable[[Any], Any]], HydraMain]:
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
        if "=" not in argument:
            raise ConfigError(f"override {argument!r} has no '='; an override is KEY=VALUE")
        key = argument.partition("=")[0]
        last.pop(key, None)
        last[key] = argument
    return list(last.values())


def _differences(base: Mapping[str, Any], cfg: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name in sorted(base):
        if name not in cfg:
            raise ConfigError(f"key {prefix}{name} is gone; an override may change a key, not remove it")
        if isinstance(base[name], dict) and isinstance(cfg[name], dict):
            yield from _differences(base[name], cfg[name], f"{prefix}{name}.")
        elif base[name] != cfg[name]:
            yield f"{prefix}{name}", cfg[name]
    for name in cfg:
        if name not in base:
            yield f"{prefix}{name}", cfg[name]
