"""Losses by name, and losses composed of them."""

from torchalloy.adapters.trainframework.loss.build import LOSS_ARCH_REGISTRY, build_loss
from torchalloy.adapters.trainframework.loss.classification import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    MultiLabelSoftMarginLoss,
    NLLLoss,
    SoftMarginLoss,
)
from torchalloy.adapters.trainframework.loss.metric import TripletMarginLoss, TripletMarginWithDistanceLoss
from torchalloy.adapters.trainframework.loss.pipe import LossCompose, LossKeyCompose, LossKeyCompose2
from torchalloy.adapters.trainframework.loss.regression import L1Loss, MSELoss, SmoothL1Loss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "L1Loss",
    "LOSS_ARCH_REGISTRY",
    "LossCompose",
    "LossKeyCompose",
    "LossKeyCompose2",
    "MSELoss",
    "MultiLabelSoftMarginLoss",
    "NLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
    "build_loss",
]
