"""`slover`, spelled as one would expect."""

from torchalloy.adapters.trainframework.slover import (
    EmptyLRScheduler,
    LRMultiplierScheduler,
    WarmupCosineLR,
    WarmupMultiStepLR,
    WarmupParamScheduler,
    WarmupPolynomialDecay,
    build_optimizer_with_gradient_clipping,
)

__all__ = [
    "EmptyLRScheduler",
    "LRMultiplierScheduler",
    "WarmupCosineLR",
    "WarmupMultiStepLR",
    "WarmupParamScheduler",
    "WarmupPolynomialDecay",
    "build_optimizer_with_gradient_clipping",
]
