"""The registry of losses."""

import inspect
from typing import Any

from torchalloy.adapters.trainframework._names import Names, construct

__all__ = ["LOSS_ARCH_REGISTRY", "build_loss"]

LOSS_ARCH_REGISTRY = Names("LOSS")


def build_loss(name: str, **kwargs: Any) -> Any:
    """Return the loss registered as `name`, made with `kwargs`; `weights` may stand for `lambda_weight`.

    Raises:
        UnknownRegistered: (a KeyError) where no loss has this name.
        WrongArguments: (a TypeError) where it doesn't take one of `kwargs`.
    """
    make = LOSS_ARCH_REGISTRY.get(name)
    takes = inspect.signature(make).parameters
    if "weights" in kwargs and "weights" not in takes and "lambda_weight" in takes:
        kwargs["lambda_weight"] = kwargs.pop("weights")
    return construct(make, kwargs, f"loss {name!r}")
