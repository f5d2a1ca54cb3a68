"""Optimizers by the name torch gives them."""

from typing import Any

import torch

from torchalloy.adapters.trainframework._errors import UnknownRegistered
from torchalloy.core import did_you_mean

__all__ = ["import_optimizer"]


def import_optimizer(name: str) -> Any:
    """Return the class `torch.optim.<name>`.

    Raises: UnknownRegistered: (a KeyError) with the nearest name.
    """
    known = {key: value for key, value in vars(torch.optim).items() if isinstance(value, type)}
    if name not in known:
        raise UnknownRegistered(
            f"solver.generator.optimizer.type: no {name!r} in torch.optim; {did_you_mean(name, known)}"
        )
    return known[name]
