"""Schedules that are stepped with the loop's index and give a rate in closed form."""

import bisect
import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from fvcore.common.param_scheduler import (
    CosineParamScheduler,
    MultiStepParamScheduler,
    ParamScheduler,
)
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from torchalloy.adapters.trainframework._errors import WrongValue
from torchalloy.core import did_you_mean

__all__ = [
    "EmptyLRScheduler",
    "LRMultiplierScheduler",
    "WarmupCosineLR",
    "WarmupMultiStepLR",
    "WarmupParamScheduler",
    "WarmupPolynomialDecay",
    "step_scheduler",
]

_MAIN = ("WarmupCosineLR", "WarmupMultiStepLR")


class _ClosedForm(LRScheduler):
    """A schedule whose rates depend on nothing but the index it is stepped with."""

    def step(self, epoch: int | None = None) -> None:
        """Set the rates of index `epoch`, or of the index after the last one."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._last_lr = self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate

    def get_lr(self) -> list[float | torch.Tensor]:
        """Return the rates at `last_epoch`, one a parameter group."""
        return [self.rate(float(base), self.last_epoch) for base in self.base_lrs]

    def rate(self, base: float, index: int) -> float:
        """Return the rate at `index` (0 <= index) of a group whose base rate is `base`."""
        raise NotImplementedError(f"{type(self).__name__} must define rate(base, index)")

    def state_dict(self) -> dict[str, Any]:
        """Return the base rates and the index: all there is to know."""
        return {"base_lrs": [float(base) for base in self.base_lrs], "last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over base rates and index, and report the rates that belong to them."""
        self.base_lrs = list(state_dict["base_lrs"])
        self.last_epoch = int(state_dict["last_epoch"])
        self._last_lr = self.get_lr()


class EmptyLRScheduler(LRScheduler):
    """A rate that stays as it is; `step` only refreshes what is reported."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        super().__init__(optimizer)

    def step(self, epoch: int | None = None) -> None:
        """Report the optimizer's present rates."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._last_lr = self.get_lr()

    def get_lr(self) -> list[float | torch.Tensor]:
        """Return the optimizer's present rates."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return the index; the rates are the optimizer's."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the index."""
        self.last_epoch = int(state_dict["last_epoch"])


class LRMultiplierScheduler(_ClosedForm):
    """Base rate times a multiplier of the share of the run that is done, with a warmup at its start.

    Args:
        optimizer: Its groups' rates are the base rates.
        warmup_factor: Multiplier at index 0, as a share of the main schedule; 0 <= factor.
        warmup_iter: Indices the warmup lasts; past `max_iter` it lasts the whole run.
        lr_scheduler_param: `name` is WarmupMultiStepLR (with `steps`, `gamma`) or WarmupCosineLR (with `start_value`,
            `end_value`).
        max_iter: Length of the run in the loop's index; >= 1.
        last_iter: Index to go on after, or -1.
        warmup_method: "linear" or "constant".

    Raises: WrongValue: (a ValueError) for an unknown name or method, or steps that aren't increasing below `max_iter`.
    Source: detectron2's LRMultiplier and WarmupParamScheduler.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        warmup_factor: float,
        warmup_iter: int,
        lr_scheduler_param: Mapping[str, Any],
        max_iter: int,
        last_iter: int = -1,
        warmup_method: str = "linear",
    ) -> None:
        self._max_iter = max_iter
        self._multiplier = WarmupParamScheduler(
            _main_schedule(lr_scheduler_param, max_iter), warmup_factor, min(warmup_iter / max_iter, 1.0), warmup_method
        )
        super().__init__(optimizer, last_epoch=last_iter)

    def rate(self, base: float, index: int) -> float:
        """Return `base` times the multiplier at share `index / max_iter`."""
        return base * self._multiplier(index / self._max_iter)


class WarmupParamScheduler(ParamScheduler):  # type: ignore[misc]  # fvcore ships no types
    """A multiplier that climbs to `scheduler` over the first `warmup_length` (a share in [0, 1]) of a run.

    Raises: WrongValue: (a ValueError) for a method other than "linear" and "constant".
    """

    def __init__(
        self, scheduler: Any, warmup_factor: float, warmup_length: float, warmup_method: str = "linear"
    ) -> None:
        _check_method(warmup_method)
        self._scheduler, self._length, self._method = scheduler, warmup_length, warmup_method
        self._start = warmup_factor * scheduler(0.0)
        self._end = scheduler(min(warmup_length, 1.0))

    def __call__(self, where: float) -> float:
        """Return the multiplier at share `where` of the run."""
        if where + self.WHERE_EPSILON > self._length:
            return float(self._scheduler(where))
        if self._method == "constant":
            return float(self._start)
        done = where / self._length
        return float(done * self._end + (1.0 - done) * self._start)


class WarmupMultiStepLR(_ClosedForm):
    """Base rate times `gamma` to the number of milestones reached, with a warmup.

    Raises: WrongValue: (a ValueError) for milestones out of order or an unknown method.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        milestones: Sequence[int],
        gamma: float = 0.1,
        warmup_factor: float = 0.001,
        warmup_iter: int = 1000,
        warmup_method: str = "linear",
        last_epoch: int = -1,
    ) -> None:
        if list(milestones) != sorted(milestones):
            raise WrongValue(f"WarmupMultiStepLR: milestones should be increasing, got {list(milestones)}")
        self._milestones, self._gamma = list(milestones), gamma
        self._warmup = _Warmup(warmup_factor, warmup_iter, warmup_method)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, index: int) -> float:
        """Return the rate at `index`."""
        return base * self._warmup.share(index) * self._gamma ** bisect.bisect_right(self._milestones, index)


class WarmupCosineLR(_ClosedForm):
    """Base rate along half a cosine of `max_iter` indices, with a warmup."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        max_iter: int,
        warmup_factor: float = 0.001,
        warmup_iter: int = 1000,
        warmup_method: str = "linear",
        last_epoch: int = -1,
    ) -> None:
        self._max_iter = max_iter
        self._warmup = _Warmup(warmup_factor, warmup_iter, warmup_method)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, index: int) -> float:
        """Return the rate at `index`."""
        return base * self._warmup.share(index) * 0.5 * (1.0 + math.cos(math.pi * index / self._max_iter))


class WarmupPolynomialDecay(_ClosedForm):
    """A polynomial decay after a warmup.

    With `simple` the exponent after the warmup is 0.9, and `power` and `end_lr` count for nothing.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        max_iter: int,
        end_lr: float = 1e-4,
        power: float = 1.0,
        last_epoch: int = -1,
        warmup_factor: float = 0.001,
        warmup_iter: int = 1000,
        warmup_method: str = "linear",
        simple: bool = True,
    ) -> None:
        assert power > 0, f"WarmupPolynomialDecay: power should be > 0, got {power}"
        self._max_iter, self._end_lr, self._power, self._simple = max_iter, end_lr, power, simple
        self._warmup = _Warmup(warmup_factor, warmup_iter, warmup_method)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, index: int) -> float:
        """Return the rate at `index`; past `max_iter` it stays at its end."""
        if index < self._warmup.num_iter:
            falling: float = max(0.0, 1.0 - index / self._max_iter) ** self._power
            return base * self._warmup.share(index) * falling
        left = max(0.0, 1.0 - (index - self._warmup.num_iter) / max(1, self._max_iter - self._warmup.num_iter))
        share: float = left ** (0.9 if self._simple else self._power)
        return base * share if self._simple else (base - self._end_lr) * share + self._end_lr


class _Warmup:
    """The share of the full rate in the first `num_iter` indices."""

    def __init__(self, factor: float, num_iter: int, method: str) -> None:
        _check_method(method)
        self._factor, self.num_iter, self._method = factor, num_iter, method

    def share(self, index: int) -> float:
        """Return the share at `index`, in [0, 1] where the factor is."""
        if index >= self.num_iter:
            return 1.0
        done = index / self.num_iter
        return self._factor if self._method == "constant" else self._factor * (1.0 - done) + done


def step_scheduler(scheduler: Any, epoch: int | None, loss: torch.Tensor) -> None:
    """Step any scheduler as TrainFramework does: with the loop's index, or as its kind demands.

    `ReduceLROnPlateau` gets the loss, and schedulers that take no index are stepped without.
    """
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(loss.item())
    elif isinstance(scheduler, (_ClosedForm, EmptyLRScheduler)):
        scheduler.step(epoch)
    elif isinstance(scheduler, (torch.optim.lr_scheduler.SequentialLR, torch.optim.lr_scheduler.ChainedScheduler)):
        scheduler.step()
    else:
        with warnings.catch_warnings():  # torch calls the index deprecated; these numbers depend on it
            warnings.filterwarnings("ignore", message="The epoch parameter")
            scheduler.step(epoch)


def _main_schedule(node: Mapping[str, Any], max_iter: int) -> Any:
    parameters = {key.lower(): value for key, value in node.items()}
    name = parameters.get("name", "")
    if name == "WarmupCosineLR":
        return CosineParamScheduler(parameters.get("start_value", 1.0), parameters.get("end_value", 0.0))
    if name == "WarmupMultiStepLR":
        return _multi_step(list(parameters.get("steps", ())), parameters.get("gamma", 0.1), max_iter)
    raise WrongValue(f"LRMultiplierScheduler: lr_scheduler_param.name is {name!r}; {did_you_mean(str(name), _MAIN)}")


def _multi_step(steps: list[int], gamma: float, max_iter: int) -> Any:
    kept = [step for step in steps if step <= max_iter]
    if kept != steps:
        logging.getLogger(__name__).warning("steps past max_iter %d are dropped: %s", max_iter, steps[len(kept) :])
    if kept != sorted(set(kept)) or max_iter in kept:
        raise WrongValue(
            f"LRMultiplierScheduler: steps should be increasing and below max_iter {max_iter}, got {steps}"
        )
    if not kept:
        return CosineParamScheduler(1.0, 1.0)
    return MultiStepParamScheduler([gamma**k for k in range(len(kept) + 1)], num_updates=max_iter, milestones=kept)


def _check_method(method: str) -> None:
    if method not in ("constant", "linear"):
        raise WrongValue(f"warmup_method is {method!r}; {did_you_mean(method, ('constant', 'linear'))}")
