"""Losses of scores against classes. Each is its torch counterpart times `lambda_weight`."""

import torch
from torch import nn

from torchalloy.adapters.trainframework.loss.build import LOSS_ARCH_REGISTRY

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "MultiLabelSoftMarginLoss",
    "NLLLoss",
    "SoftMarginLoss",
]


@LOSS_ARCH_REGISTRY.register()
class CrossEntropyLoss(nn.CrossEntropyLoss):
    """Cross entropy of logits (N, C, ...) against class numbers (N, ...) or (N, 1, ...)."""

    def __init__(
        self,
        lambda_weight: float = 1.0,
        weight: torch.Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(_tensor(weight), None, ignore_index, None, reduction, label_smoothing)
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, _class_numbers(input_tensor, target_tensor))


@LOSS_ARCH_REGISTRY.register()
class NLLLoss(nn.NLLLoss):
    """Negative log likelihood of log probabilities (N, C, ...) against class numbers (N, ...) or (N, 1, ...)."""

    def __init__(
        self,
        lambda_weight: float = 1.0,
        weight: torch.Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(_tensor(weight), None, ignore_index, None, reduction)
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, _class_numbers(input_tensor, target_tensor))


@LOSS_ARCH_REGISTRY.register()
class BCELoss(nn.BCELoss):
    """Binary cross entropy of probabilities."""

    def __init__(self, lambda_weight: float = 1.0, weight: torch.Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(_tensor(weight), reduction=reduction)
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, target_tensor)


@LOSS_ARCH_REGISTRY.register()
class BCEWithLogitsLoss(nn.BCEWithLogitsLoss):
    """Binary cross entropy of logits."""

    def __init__(
        self,
        lambda_weight: float = 1.0,
        weight: torch.Tensor | None = None,
        reduction: str = "mean",
        pos_weight: torch.Tensor | None = None,
    ) -> None:
        super().__init__(_tensor(weight), reduction=reduction, pos_weight=_tensor(pos_weight))
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, target_tensor)


@LOSS_ARCH_REGISTRY.register()
class SoftMarginLoss(nn.SoftMarginLoss):
    """Logistic loss of scores against -1 and 1."""

    def __init__(self, lambda_weight: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, target_tensor)


@LOSS_ARCH_REGISTRY.register()
class MultiLabelSoftMarginLoss(nn.MultiLabelSoftMarginLoss):
    """Several labels a sample: scores (N, C) against 0 and 1 of the same shape."""

    def __init__(self, lambda_weight: float = 1.0, weight: torch.Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(_tensor(weight), reduction=reduction)
        self.lambda_weight = lambda_weight

    def forward(self, input_tensor: torch.Tensor, target_tensor: torch.Tensor) -> torch.Tensor:
        """Return the weighted loss."""
        return self.lambda_weight * super().forward(input_tensor, target_tensor)


def _class_numbers(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Drop the channel of a target that has the scores' rank."""
    if target.dim() != scores.dim():
        return target
    assert target.shape[1] == 1, (
        f"a target with the rank of its scores needs one channel of class numbers, got shape {tuple(target.shape)}"
    )
    return target.squeeze(1)


def _tensor(weight: object) -> torch.Tensor | None:
    """Accept the lists that a config holds."""
    return weight if weight is None or isinstance(weight, torch.Tensor) else torch.tensor(weight)
