"""Learning rates as functions of the number of updates already taken. torch's own schedulers are offered by name."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from torchalloy.core import ConfigError

__all__ = ["warmup_cosine", "warmup_cosine_factor", "warmup_stable_decay", "warmup_stable_decay_factor"]


def warmup_cosine(optimizer: Optimizer, *, total_steps: int, warmup_steps: int = 0, floor: float = 0.0) -> LambdaLR:
    """Return a schedule, to be stepped once an update, that multiplies each group's rate by `warmup_cosine_factor`."""
    _check(total_steps, warmup_steps, 0, floor)
    return LambdaLR(
        optimizer,
        lambda step: warmup_cosine_factor(step, total_steps=total_steps, warmup_steps=warmup_steps, floor=floor),
    )


def warmup_cosine_factor(step: int, *, total_steps: int, warmup_steps: int = 0, floor: float = 0.0) -> float:
    """Return the factor at `step`: up a straight line to 1, then down half a cosine to `floor`.

    With w = `warmup_steps` and p = (step - w) / (total_steps - w), at most 1: (step + 1) / w below w, and
    floor + (1 - floor) * (1 + cos(pi * p)) / 2 from there on.

    Args:
        step: Updates already taken; >= 0. Past `total_steps` the factor stays at `floor`.
        total_steps: Updates in the whole run; > `warmup_steps`.
        warmup_steps: Updates until the factor is 1; >= 0.
        floor: Factor at the end; 0 <= floor <= 1.

    Returns: A factor in (0, 1], or `floor`.
    Source: the cosine is Loshchilov and Hutter, SGDR, 2017, eq. 5.

    >>> [round(warmup_cosine_factor(step, total_steps=6, warmup_steps=2), 3) for step in range(8)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2


def warmup_stable_decay(
    optimizer: Optimizer, *, total_steps: int, decay_steps: int, warmup_steps: int = 0, floor: float = 0.0
) -> LambdaLR:
    """Return a schedule, stepped once an update, that multiplies each group's rate by `warmup_stable_decay_factor`."""
    _check(total_steps, warmup_steps, decay_steps, floor)
    return LambdaLR(
        optimizer,
        lambda step: warmup_stable_decay_factor(
            step, total_steps=total_steps, decay_steps=decay_steps, warmup_steps=warmup_steps, floor=floor
        ),
    )


def warmup_stable_decay_factor(
    step: int, *, total_steps: int, decay_steps: int, warmup_steps: int = 0, floor: float = 0.0
) -> float:
    """Return the factor at `step`: up a straight line to 1, level, then down a straight line to `floor`.

    (step + 1) / warmup_steps below `warmup_steps`; 1 until `decay_steps` are left; then
    floor + (1 - floor) * (total_steps - step) / decay_steps.

    Args:
        step: Updates already taken; >= 0. Past `total_steps` the factor stays at `floor`.
        total_steps: Updates in the whole run; >= warmup_steps + decay_steps.
        decay_steps: Updates in the way down; >= 1.
        warmup_steps: Updates until the factor is 1; >= 0.
        floor: Factor at the end; 0 <= floor <= 1.

    Source: Hu et al., MiniCPM, 2024, section 4, with a straight line for the way down.

    >>> [warmup_stable_decay_factor(step, total_steps=7, decay_steps=2, warmup_steps=2) for step in range(9)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0]
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    left = max(0, total_steps - step)
    return 1.0 if left >= decay_steps else floor + (1 - floor) * left / decay_steps


def _check(total_steps: int, warmup_steps: int, decay_steps: int, floor: float) -> None:
    if warmup_steps < 0 or total_steps <= warmup_steps:
        raise ConfigError(
            f"schedule: warmup_steps={warmup_steps}; expected 0 <= warmup_steps < total_steps={total_steps}"
        )
    if decay_steps < 0 or total_steps < warmup_steps + decay_steps:
        raise ConfigError(
            f"schedule: warmup_steps={warmup_steps} and decay_steps={decay_steps} don't fit total_steps={total_steps}"
        )
    if not 0 <= floor <= 1:
        raise ConfigError(f"schedule: floor={floor} is a factor; expected 0 <= floor <= 1")
