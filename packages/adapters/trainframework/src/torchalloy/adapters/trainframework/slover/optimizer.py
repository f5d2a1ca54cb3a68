"""Optimizers that clip their gradients before they step."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from torchalloy.adapters.trainframework._errors import WrongValue
from torchalloy.core import did_you_mean

__all__ = ["build_optimizer_with_gradient_clipping"]


def build_optimizer_with_gradient_clipping(
    clip_cfg: Mapping[str, Any], optimizer_class: type[torch.optim.Optimizer]
) -> type[torch.optim.Optimizer]:
    """Return `optimizer_class`, or a subclass of it that clips first where `clip_cfg.ENABLED`.

    Each parameter is clipped by itself, or each parameter group as one where `GROUP`; never all groups together.

    Raises: WrongValue: (a ValueError) for a `CLIP_TYPE` other than "value" and "norm".
    """
    if not clip_cfg.get("ENABLED", clip_cfg.get("ENABLE", False)):
        return optimizer_class
    clip, by_group = _clip(clip_cfg), bool(clip_cfg.get("GROUP", False))

    def step(self: Any, closure: Callable[[], float] | None = None) -> Any:
        for group in self.param_groups:
            for parameters in [group["params"]] if by_group else [[one] for one in group["params"]]:
                clip(parameters)
        return optimizer_class.step(self, closure)

    return type(f"{optimizer_class.__name__}WithGradientClip", (optimizer_class,), {"step": step})


def _clip(cfg: Mapping[str, Any]) -> Callable[[Iterable[torch.Tensor]], object]:
    kind, value = cfg.get("CLIP_TYPE", "value"), float(cfg.get("CLIP_VALUE", 1.0))
    norm_type = float(cfg.get("NORM_TYPE", 2.0))
    if kind == "value":
        return lambda parameters: clip_grad_value_(parameters, value)
    if kind == "norm":
        return lambda parameters: clip_grad_norm_(parameters, value, norm_type)
    raise WrongValue(f"clip_gradients.clip_type is {kind!r}; {did_you_mean(str(kind), ('norm', 'value'))}")
