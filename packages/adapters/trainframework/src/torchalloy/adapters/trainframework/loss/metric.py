"""Losses of distances between samples. Each is its torch counterpart times `lambda_weight`."""

from collections.abc import Callable

import torch
from torch import nn

from torchalloy.adapters.trainframework.loss.build import LOSS_ARCH_REGISTRY

__all__ = ["TripletMarginLoss", "TripletMarginWithDistanceLoss"]


@LOSS_ARCH_REGISTRY.register()
class TripletMarginLoss(nn.TripletMarginLoss):
    """The positive should be nearer to the anchor than the negative, by `margin`."""

    def __init__(
        self,
        lambda_weight: float = 1.0,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)
        self.lambda_weight = lambda_weight

    def forward(self, anchor: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss of three tensors (N, D)."""
        return self.lambda_weight * super().forward(anchor, positive, negative)


@LOSS_ARCH_REGISTRY.register()
class TripletMarginWithDistanceLoss(nn.TripletMarginWithDistanceLoss):
    """The same with a distance of the user's own."""

    def __init__(
        self,
        lambda_weight: float = 1.0,
        distance_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(distance_function=distance_function, margin=margin, swap=swap, reduction=reduction)
        self.lambda_weight = lambda_weight

    def forward(self, anchor: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss of three tensors (N, D)."""
        return self.lambda_weight * super().forward(anchor, positive, negative)
