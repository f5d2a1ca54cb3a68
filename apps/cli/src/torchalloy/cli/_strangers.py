"""Commands of other packages: whether there can be any is seen from file names; only then are plugins loaded."""

import os
import sys

__all__ = ["OURS", "have_plugins", "offered"]

# Distributions whose commands are in the table, or that have none: their plugins needn't be loaded to find one.
OURS = frozenset(
    {
        "torchalloy",
        "torchalloy_alchemy",
        "torchalloy_checkpoint",
        "torchalloy_cli",
        "torchalloy_config",
        "torchalloy_core",
        "torchalloy_data",
        "torchalloy_di",
        "torchalloy_distributed",
        "torchalloy_engine",
        "torchalloy_flame",
        "torchalloy_flashy",
        "torchalloy_optim",
        "torchalloy_records",
        "torchalloy_registry",
        "torchalloy_runtime",
        "torchalloy_thexp",
        "torchalloy_trainframework",
    }
)


def have_plugins() -> bool:
    """Return whether a distribution that isn't ours declares entry points of the group `torchalloy`.

    Reads `*.dist-info/entry_points.txt` on sys.path: a few milliseconds, where importlib.metadata takes a hundred.
    """
    return any(_declares_plugin(info) for folder in sys.path for info in _infos(folder or "."))


def offered() -> dict[str, tuple[str, str, str]]:
    """Return help, target and distribution of the commands that aren't built in, by name.

    Raises: PluginError: a plugin can't be loaded, or a name is offered twice.
    """
    from torchalloy.cli._table import COMMANDS
    from torchalloy.core import Plugins

    built_in = {name for _, name, _, _ in COMMANDS}
    offers = Plugins.installed().commands()
    return {
        name: (offer.thing.help, offer.thing.target, offer.source)
        for name, offer in offers.items()
        if name not in built_in
    }


def _infos(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return []  # sys.path may name zip files and folders that don't exist
    return [os.path.join(folder, name) for name in names if _project(name) not in OURS]


def _project(info: str) -> str:
    """Return the distribution's name, normalised, from "name-version.dist-info" or "name.egg-info"."""
    return info.removesuffix(".dist-info").removesuffix(".egg-info").partition("-")[0].lower().replace(".", "_")


def _declares_plugin(info: str) -> bool:
    try:
        with open(os.path.join(info, "entry_points.txt"), encoding="utf-8", errors="replace") as file:
            return any(line.strip() == "[torchalloy]" for line in file)
    except OSError:
        return False  # most distributions declare none
