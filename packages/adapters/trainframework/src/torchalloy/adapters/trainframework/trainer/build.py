"""The registry of trainers."""

from typing import Any

from torchalloy.adapters.trainframework._names import Names

__all__ = ["BUILD_TRAINER_REGISTRY", "build_trainer"]

BUILD_TRAINER_REGISTRY = Names("TRAINER")


def build_trainer(cfg: Any) -> Any:
    """Return the trainer that `cfg.TRAINER.NAME` names, made with the whole config.

    Raises: UnknownRegistered: (a KeyError) where no trainer has this name.
    """
    return BUILD_TRAINER_REGISTRY.get(cfg.TRAINER.NAME)(cfg)
