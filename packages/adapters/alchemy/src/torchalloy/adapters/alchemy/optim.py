"""The optimizer's wrapper, and AdamW in two versions."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from loguru import logger
from torch.optim import Optimizer

from torchalloy.adapters.alchemy._hf_adamw import CorrectableAdamW
from torchalloy.adapters.alchemy._ranks import share_gradients
from torchalloy.adapters.alchemy._tables import call_with_table
from torchalloy.adapters.alchemy.registry import Registrable
from torchalloy.adapters.alchemy.util import filter_optional_cfg
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import ConfigError

__all__ = ["AdamW", "AlchemyOptimizer", "HFAdamW"]


class AlchemyOptimizer(Registrable, ABC):
    """Wraps a `torch.optim.Optimizer`. A subclass's constructor takes no arguments and sets `self.optimizer`."""

    def __init__(self) -> None:
        super().__init__()
        self._optimizer: Any = None

    @property
    def cfg(self) -> Any:
        """Config table `[optim]`."""
        return sym_tbl().cfg["optim"]

    @property
    def optimizer(self) -> Any:
        """The inner optimizer."""
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        if not isinstance(optimizer, Optimizer):
            logger.warning("the optimizer is set to a {}, which is no torch.optim.Optimizer", type(optimizer).__name__)
        self._optimizer = optimizer
        share_gradients(optimizer)

    @property
    def param_groups(self) -> Any:
        """The inner optimizer's parameter groups."""
        return self.optimizer.param_groups

    @property
    def params(self) -> Iterator[Any]:
        """All parameters of all groups."""
        return (parameter for group in self.param_groups for parameter in group["params"])

    @abstractmethod
    def reset(self, **kwargs: Any) -> None:
        """Build the inner optimizer anew from the config, with `kwargs` on top."""

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad(set_to_none=True)

    def multiply_grads(self, c: Any) -> None:
        """Multiply all gradients by `c`."""
        for parameter in self.params:
            if parameter.grad is not None:
                parameter.grad.mul_(c)

    def get_lr(self) -> list[float]:
        """Return the learning rate of each group."""
        return [group["lr"] for group in self.param_groups]

    def step(self) -> None:
        """Update the parameters."""
        self.optimizer.step()


class _Clipped(AlchemyOptimizer):
    """Clips the norm over all gradients to `max_grad_norm`, then steps."""

    known: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self, **kwargs: Any) -> None:
        """Build the inner optimizer anew from the config, with `kwargs` on top.

        Raises: ConfigError: `max_grad_norm` is missing.
        """
        table = {**self.cfg, **kwargs}
        if "max_grad_norm" not in table:
            raise ConfigError("[optim]: key 'max_grad_norm' is missing; it is the gradients' largest norm, such as 1.0")
        self.max_grad_norm = table["max_grad_norm"]
        options = filter_optional_cfg(table, set(self.known))
        if "betas" in options:
            options["betas"] = tuple(options["betas"])
        self.optimizer = self._make(call_with_table(sym_tbl().model.optim_params, table), options)

    def step(self) -> None:
        """Clip and update."""
        torch.nn.utils.clip_grad_norm_(self.params, self.max_grad_norm)
        super().step()

    @abstractmethod
    def _make(self, params: Any, options: Mapping[str, Any]) -> Optimizer: ...


@AlchemyOptimizer.register()
class AdamW(_Clipped):
    """`torch.optim.AdamW`. Reads `max_grad_norm`, `lr`, `weight_decay`, `betas`, `eps`, `amsgrad` from `[optim]`."""

    known = frozenset({"lr", "weight_decay", "betas", "eps", "amsgrad"})

    def _make(self, params: Any, options: Mapping[str, Any]) -> Optimizer:
        return torch.optim.AdamW(params, **options)


@AlchemyOptimizer.register()
class HFAdamW(_Clipped):
    """AdamW as transformers had it. Reads `correct_bias` in place of `amsgrad`."""

    known = frozenset({"lr", "weight_decay", "betas", "eps", "correct_bias"})

    def _make(self, params: Any, options: Mapping[str, Any]) -> Optimizer:
        return CorrectableAdamW(params, **options)
