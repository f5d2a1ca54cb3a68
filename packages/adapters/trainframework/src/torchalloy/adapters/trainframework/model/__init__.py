"""Models: a network with the optimizer and the schedule that belong to it."""

from torchalloy.adapters.trainframework.model.base_model import BaseModel
from torchalloy.adapters.trainframework.model.build import (
    BUILD_MODEL_REGISTRY,
    BUILD_NETWORK_REGISTRY,
    build_model,
    build_network,
)
from torchalloy.adapters.trainframework.model.ema import EMA, ema_wrapper

__all__ = [
    "BUILD_MODEL_REGISTRY",
    "BUILD_NETWORK_REGISTRY",
    "BaseModel",
    "EMA",
    "build_model",
    "build_network",
    "ema_wrapper",
]
