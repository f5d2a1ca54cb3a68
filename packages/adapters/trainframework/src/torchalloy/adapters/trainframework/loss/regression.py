"""Losses of numbers against numbers. Each is its torch counterpart times `lambda_weight`."""

import torch
from torch import nn

from torchalloy.adapters.trainframework.loss.build import LOSS_ARCH_REGISTRY

__all__ = ["L1Loss", "MSELoss", "SmoothL1Loss"]


@LOSS_ARCH_REGISTRY.register()
class L1Loss(nn.L1Loss):
    """Mean absolute difference of two tensors of one shape."""

    def __init__(self, lambda_weight: float = 1.0, size_average: bool | None = None, reduction: str = "mean") -> None:
        super().__init__(size_average=size_average, reduction=reduction)
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, target_tensor)


@LOSS_ARCH_REGISTRY.register()
class MSELoss(nn.MSELoss):
    """Mean squared difference of two tensors of one shape."""

    def __init__(self, lambda_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, target_tensor)


@LOSS_ARCH_REGISTRY.register()
class SmoothL1Loss(nn.SmoothL1Loss):
    """Squared below `beta`, absolute above."""

    def __init__(self, lambda_weight: float = 1.0, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction, beta=beta)
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, target_tensor)
