"""`slover.lr_scheduler`, spelled as one would expect."""

from torchalloy.adapters.trainframework.slover.lr_scheduler import (
    EmptyLRScheduler,
    LRMultiplierScheduler,
    WarmupCosineLR,
    WarmupMultiStepLR,
    WarmupParamScheduler,
    WarmupPolynomialDecay,
)

__all__ = [
    "EmptyLRScheduler",
    "LRMultiplierScheduler",
    "WarmupCosineLR",
    "WarmupMultiStepLR",
    "WarmupParamScheduler",
    "WarmupPolynomialDecay",
]
