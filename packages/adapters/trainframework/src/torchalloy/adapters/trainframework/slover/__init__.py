"""Learning-rate schedules and clipping optimizers, under the name TrainFramework gave this package."""

from torchalloy.adapters.trainframework.slover.lr_scheduler import (
    EmptyLRScheduler,
    LRMultiplierScheduler,
    WarmupCosineLR,
    WarmupMultiStepLR,
    WarmupParamScheduler,
    WarmupPolynomialDecay,
)
from torchalloy.adapters.trainframework.slover.optimizer import build_optimizer_with_gradient_clipping

__all__ = [
    "EmptyLRScheduler",
    "LRMultiplierScheduler",
    "WarmupCosineLR",
    "WarmupMultiStepLR",
    "WarmupParamScheduler",
    "WarmupPolynomialDecay",
    "build_optimizer_with_gradient_clipping",
]
