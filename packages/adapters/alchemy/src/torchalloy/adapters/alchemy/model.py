"""The model's wrapper, and how a loss becomes an update."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from loguru import logger
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from torchalloy.adapters.alchemy._errors import BadArgument
from torchalloy.adapters.alchemy._tables import call_with_table, warn_unknown_keys
from torchalloy.adapters.alchemy.registry import Registrable
from torchalloy.adapters.alchemy.util.sym import sym_tbl

__all__ = ["AlchemyModel", "BackwardHandler", "DefaultBackwardHandler"]


class BackwardHandler(Registrable, ABC):
    """A family of ways to go from losses to an update."""

    @abstractmethod
    def backward(
        self,
        losses: Tensor | Sequence[Tensor],
        weights: Sequence[float] | None = None,
        requires_grad: bool = True,
        names: Sequence[str] | None = None,
    ) -> float:
        """Return the weighted sum of the losses; with `requires_grad` also propagate it back and update.

        Args:
            losses: 0-d tensors, or one.
            weights: One for each loss; 1 by default.
            requires_grad: Without it nothing is touched, and neither optimizer nor scheduler need be there.
            names: What messages call the losses.
        """


@BackwardHandler.register("Default")
class DefaultBackwardHandler(BackwardHandler):
    """Updates after every `period` steps; gradients of the steps between add up, undivided.

    With the global symbol `debug` each loss is propagated by itself, so that the one that fails can be named.
    """

    def __init__(self, period: int = 1, **kwargs: Any) -> None:
        super().__init__()
        if isinstance(period, bool) or not isinstance(period, int) or period < 1:
            raise BadArgument(f"[backward] period is {period!r}; it should be an integer of at least 1")
        warn_unknown_keys("[backward]", kwargs, ("period",))
        self.period = period

    def backward(
        self,
        losses: Tensor | Sequence[Tensor],
        weights: Sequence[float] | None = None,
        requires_grad: bool = True,
        names: Sequence[str] | None = None,
    ) -> float:
        """Return the weighted sum of the losses; with `requires_grad` also propagate it back and update in its turn.

        Raises: BadArgument (a ValueError): numbers of losses, weights and names differ.
        """
        parts = [losses] if isinstance(losses, Tensor) else list(losses)
        weights = [1.0] * len(parts) if weights is None else list(weights)
        names = [f"unnamed{index}" for index in range(len(parts))] if names is None else list(names)
        if not len(parts) == len(weights) == len(names) or not parts:
            raise BadArgument(
                f"{len(parts)} losses, {len(weights)} weights, {len(names)} names: these should be as many"
            )
        weighted = [part if weight == 1 else part * weight for part, weight in zip(parts, weights, strict=True)]
        total = weighted[0] if len(weighted) == 1 else torch.stack([part.reshape(()) for part in weighted]).sum()
        if requires_grad:
            self._update(total, weighted, names)
        return float(total.detach())

    def _update(self, total: Tensor, weighted: Sequence[Tensor], names: Sequence[str]) -> None:
        table = sym_tbl()
        step = table.train_sched.cur_step
        if step % self.period == 0:
            table.optim.zero_grad()
        if table.try_get_global("debug"):
            _propagate_by_name(weighted, names)
        else:
            total.backward()
        if (step + 1) % self.period == 0:
            table.optim.step()
            table.train_sched.step_lr()


class AlchemyModel(Registrable, ABC):
    """Wraps a `torch.nn.Module`: calls it, makes the loss, and has it propagated back.

    A subclass's constructor takes no arguments, calls this one, and sets `self.model`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._model: Any = None
        self.backward: Any = _backward_handler(self.backward_cfg)

    @property
    def model_cfg(self) -> Any:
        """Config table `[model]`."""
        return sym_tbl().cfg["model"]

    @property
    def criterion_cfg(self) -> Any:
        """Config table `[criterion]`, or None."""
        return sym_tbl().cfg.get("criterion")

    @property
    def backward_cfg(self) -> Any:
        """Config table `[backward]`, or None."""
        return sym_tbl().cfg.get("backward")

    @property
    def model(self) -> Any:
        """The inner module."""
        return self._model

    @model.setter
    def model(self, model: Any) -> None:
        if not isinstance(model, nn.Module):
            logger.warning("the model is set to a {}, which is no torch.nn.Module", type(model).__name__)
        self._model = model

    @property
    def module(self) -> Any:
        """The inner module without a data-parallel wrapper around it."""
        wrapped = isinstance(self._model, DataParallel | DistributedDataParallel)
        return self._model.module if wrapped else self._model

    def train(self, mode: bool = True) -> None:
        """Set training mode."""
        self.model.train(mode)

    def eval(self) -> None:
        """Set evaluation mode."""
        self.model.eval()

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move the inner module, and return it."""
        return self.model.to(*args, **kwargs)

    def max_positions(self) -> Any:
        """Return the longest input the model takes, or None."""
        return None

    def set_requires_grad(self, requires_grad: bool, mode: str, **kwargs: Any) -> None:
        """Freeze or thaw the part of the model called `mode`."""
        raise NotImplementedError(f"{type(self).__name__} has no set_requires_grad(); define it to freeze parts of it")

    @abstractmethod
    def optim_params(self, **kwargs: Any) -> Any:
        """Return what the optimizer should train: parameters or groups; `kwargs` is config table `[optim]`."""

    @abstractmethod
    def forward(self, batch: Any, needs_loss: bool, requires_grad: bool, **kwargs: Any) -> Any:
        """Return the outputs as a mapping; with `needs_loss` also "loss", a float; with `requires_grad` also update."""

    @classmethod
    def save(cls, model: Any, path: str | Path, **kwargs: Any) -> None:
        """Write the weights of an inner module into the folder `path`, as `model.pt`."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), folder / "model.pt")


def _propagate_by_name(weighted: Sequence[Tensor], names: Sequence[str]) -> None:
    for index, (loss, name) in enumerate(zip(weighted, names, strict=True)):
        try:
            loss.backward(retain_graph=index + 1 < len(weighted))
        except RuntimeError:
            logger.error("loss {!r} can't be propagated back", name)
            raise


def _backward_handler(table: Mapping[str, Any] | None) -> Any:
    if table is None:
        return DefaultBackwardHandler()
    if "type" not in table:
        return call_with_table(DefaultBackwardHandler, table)
    return BackwardHandler.from_registry(table["type"], **table)
