"""What this package offers by name: torch's optimizers, schedules and losses under torch's names, and our schedules."""

from collections.abc import Iterable

from torchalloy.core import Component, hookimpl

__all__ = ["alloy_components"]

_OPTIMIZERS = (
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ASGD",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "SparseAdam",
)
_SCHEDULES = (
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "StepLR",
)
_LOSSES = (
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "TripletMarginLoss",
)


@hookimpl
def alloy_components() -> Iterable[Component]:
    """Offer optimizers, schedules and losses."""
    return [
        *[Component("optimizer", name, f"torch.optim:{name}") for name in _OPTIMIZERS],
        *[Component("schedule", name, f"torch.optim.lr_scheduler:{name}") for name in _SCHEDULES],
        *[Component("loss", name, f"torch.nn:{name}") for name in _LOSSES],
        Component("schedule", "warmup_cosine", "torchalloy.optim:warmup_cosine"),
        Component("schedule", "warmup_stable_decay", "torchalloy.optim:warmup_stable_decay"),
    ]
