"""Weights that rise or fall over a training."""

import math

__all__ = ["cosine_rampdown", "linear_rampup", "sigmoid_rampup"]


def sigmoid_rampup(current: float, rampup_length: float = 100) -> float:
    """Return exp(-5 (1 - current / rampup_length)^2) with the fraction held in [0, 1]; 1.0 for a length of 0.

    Source: Laine and Aila, Temporal Ensembling, 2017, section 3.
    """
    if rampup_length == 0:
        return 1.0
    left = 1.0 - min(max(current, 0.0), rampup_length) / rampup_length
    return math.exp(-5.0 * left * left)


def linear_rampup(current: float, rampup_length: float = 100, amplitude: float = 1, offset: float = 0) -> float:
    """Return amplitude * current / rampup_length + offset, level from `rampup_length` on; `current` >= 0.

    >>> linear_rampup(25), linear_rampup(300, amplitude=2)
    (0.25, 2.0)
    """
    fraction = min(current / rampup_length, 1.0) if rampup_length else 1.0
    return amplitude * fraction + offset


def cosine_rampdown(current: float, rampdown_length: float) -> float:
    """Return (cos(pi current / rampdown_length) + 1) / 2.

    Raises: AssertionError: unless 0 <= current <= rampdown_length.
    """
    assert 0 <= current <= rampdown_length, f"current is {current}; expected 0 <= current <= {rampdown_length}"
    return (math.cos(math.pi * current / rampdown_length) + 1) / 2
