"""The part of dora that flashy stands on: `from torchalloy.adapters.flashy.dora import hydra_main, get_xp`."""

from typing import TYPE_CHECKING, Any

from torchalloy.adapters.flashy.dora.xp import XP, get_xp, is_xp

if TYPE_CHECKING:
    from torchalloy.adapters.flashy.dora.hydra import hydra_main

__all__ = ["XP", "get_xp", "hydra_main", "is_xp"]


def __getattr__(name: str) -> Any:
    if name == "hydra_main":
        from torchalloy.adapters.flashy.dora.hydra import hydra_main

        return hydra_main
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
