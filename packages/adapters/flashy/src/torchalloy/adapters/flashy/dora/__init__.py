"""The part of dora that flashy stands on: `from torchalloy.adapters.flashy.dora import hydra_main, get_xp`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from torchalloy.adapters.flashy.dora.git_save import to_absolute_path
from torchalloy.adapters.flashy.dora.xp import XP, get_xp, is_xp

if TYPE_CHECKING:
    from torchalloy.adapters.flashy.dora import distrib, git_save, hydra, xp
    from torchalloy.adapters.flashy.dora.argparse import argparse_main
    from torchalloy.adapters.flashy.dora.hydra import hydra_main

_MODULES = ("distrib", "git_save", "hydra", "xp")
_HOME = {"argparse_main": "argparse", "hydra_main": "hydra"}

__all__ = [
    "XP",
    "argparse_main",
    "distrib",
    "get_xp",
    "git_save",
    "hydra",
    "hydra_main",
    "is_xp",
    "to_absolute_path",
    "xp",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
