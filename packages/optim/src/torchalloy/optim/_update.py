"""One update of the weights: everything between a loss and the next forward pass."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from torchalloy.core import Mean, RecipeError, Stateful
from torchalloy.optim._backward import backward
from torchalloy.optim._ema import EMA
from torchalloy.optim._quick import quick_step

__all__ = ["Update"]


class Update:
    """An optimizer with all that belongs to its update: accumulation, clipping, scaling, schedule, averages, a counter.

    `step(loss)` takes the loss of one batch: gradients of the last window are dropped, the loss goes backward, and when
    the window is full the optimizer, the schedule and the averages make their step. What isn't asked for isn't in the
    way: which of these `step` does is decided when the update is made.

    A loss is a 0-d tensor (a mean over its batch), or `Mean(total, count)`. Means of a window count alike, as in
    `(loss / accumulate).backward()`; `Mean`s count by their counts, so a window equals one big batch whatever the sizes
    in it, over all ranks of torch.distributed too where gradients are averaged over ranks.

    Gradients stay in `.grad` until the next window begins. Step pre-hooks of the optimizer (where gradients are
    averaged over ranks) come before clipping, everything else in torch's own order.

    Args:
        optimizer: Any but those whose step needs a closure.
        schedule: Stepped once an update. Not for one that wants a metric.
        accumulate: Batches in a window; >= 1.
        clip_norm: Largest norm of all gradients together; the norm found is in `grad_norm`.
        clip_value: Largest absolute value of a gradient's elements; clipped before the norm.
        ema: Averaged once an update.
        scaler: For float16.
        name: Tells several updates' parts apart, as in `optimizer.generator`.

    Attributes:
        num_updates: Steps of the optimizer since this was made; those before a resume too where `update` is kept.
        grad_norm: 0-d tensor on the gradients' device, unread: the norm before clipping, where `clip_norm` is given.

    Raises: RecipeError: an optimizer or schedule that can't be stepped like this, a number out of range.
    """

    step: Callable[[Tensor | Mean], None]

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        schedule: LRScheduler | None = None,
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        ema: EMA | None = None,
        scaler: GradScaler | None = None,
        name: str = "",
    ) -> None:
        _check(optimizer, schedule, accumulate, clip_norm, clip_value)
        self.optimizer = optimizer
        self.schedule = schedule
        self.accumulate = accumulate
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.ema = ema
        self.scaler = scaler
        self.name = name
        self.num_updates = 0
        self.grad_norm: Tensor | None = None
        self._num_batches = 0  # in the window under way
        self._count: Any = None  # of their Means, or None where the losses are plain
        self._quick_step = quick_step(optimizer)
        self._clips = clip_norm is not None or clip_value is not None
        plain = accumulate == 1 and scaler is None and not self._clips
        self.step = self._plain_step() if plain else self._window_step

    def flush(self) -> None:
        """Make the update of a window that isn't full, if one is under way: at the end of an epoch or of the run."""
        if self._num_batches:
            self._finish()

    def parts(self) -> dict[str, Stateful]:
        """Return what a checkpoint keeps, by canonical name. `update` is there where a window can be under way."""
        there = {"optimizer": self.optimizer, "schedule": self.schedule, "ema": self.ema, "scaler": self.scaler}
        parts: dict[str, Any] = {kind: part for kind, part in there.items() if part is not None}
        if self.accumulate > 1:
            parts["update"] = self
        return {f"{kind}.{self.name}" if self.name else kind: part for kind, part in parts.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the counter and the window under way, with its gradients in the optimizer's order."""
        window_open = self._num_batches > 0
        return {
            "num_updates": self.num_updates,
            "num_batches": self._num_batches,
            "count": self._count,
            "gradients": [parameter.grad for parameter in self._parameters()] if window_open else [],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on in the window that `state_dict()` describes."""
        self.num_updates = state["num_updates"]
        self._num_batches = state["num_batches"]
        self._count = state["count"]
        if self._num_batches:
            for parameter, gradient in zip(self._parameters(), state["gradients"], strict=True):
                parameter.grad = None if gradient is None else gradient.detach().to(parameter.device, copy=True)

    def _plain_step(self) -> Callable[[Tensor | Mean], None]:
        """Return a step for windows of one batch, with nothing done to the gradients."""
        optimizer, quick = self.optimizer, self._quick_step
        afterwards = [part.step for part in (self.schedule,) if part] + [part.update for part in (self.ema,) if part]

        def step(loss: Tensor | Mean) -> None:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    parameter.grad = None
            backward(loss if type(loss) is Tensor else _mean_over_ranks(loss))
            quick()
            self.num_updates += 1

        def step_and_more(loss: Tensor | Mean) -> None:
            step(loss)
            for act in afterwards:
                act()

        return step_and_more if afterwards else step

    def _window_step(self, loss: Tensor | Mean) -> None:
        if not self._num_batches:
            for parameter in self._parameters():
                parameter.grad = None
        backward(self._scaled(self._share(loss)))
        self._num_batches += 1
        if self._num_batches == self.accumulate:
            self._finish()

    def _share(self, loss: Tensor | Mean) -> Tensor:
        """Return what of a batch's loss goes into the gradients before the window's end is known."""
        if self.accumulate == 1:
            return _mean_over_ranks(loss)
        if self._num_batches and isinstance(loss, Mean) != (self._count is not None):
            raise RecipeError("update: losses of one window must all be tensors, or all be Mean(total, count)")
        if isinstance(loss, Mean):
            self._count = loss.count if self._count is None else self._count + loss.count
            total: Tensor = loss.total
            return total
        return loss / self.accumulate

    def _scaled(self, loss: Tensor) -> Tensor:
        scaled: Tensor = loss if self.scaler is None else self.scaler.scale(loss)
        return scaled

    def _finish(self) -> None:
        """Make the update of the window under way, full or not."""
        if self._clips or self._count is not None or self._num_batches < self.accumulate or self.scaler is not None:
            self._prepared_step()
        else:
            self._quick_step()
        self._num_batches, self._count = 0, None
        self.num_updates += 1
        if self.schedule is not None:
            self.schedule.step()
        if self.ema is not None:
            self.ema.update()

    def _prepared_step(self) -> None:
        """Step after the optimizer's own pre-hooks, and then we, did what is to be done to the gradients."""
        hooks = self.optimizer._optimizer_step_pre_hooks
        arguments: tuple[Any, ...] = (self.optimizer,)
        named: dict[str, Any] = {}
        for hook in tuple(hooks.values()):
            arguments, named = hook(self.optimizer, arguments, named) or (arguments, named)
        self._prepare()
        done = dict(hooks)
        hooks.clear()  # the step would call them again
        try:
            self._take(arguments[1:], named)
        finally:
            hooks.update(done)

    def _prepare(self) -> None:
        if self.scaler is not None:
            self.scaler.unscale_(self.optimizer)
        gradients = [parameter.grad for parameter in self._parameters() if parameter.grad is not None]
        if not gradients:
            return
        if self._count is not None:
            torch._foreach_div_(gradients, _count_over_ranks(self._count, gradients[0].device))
        elif self._num_batches < self.accumulate:
            torch._foreach_mul_(gradients, self.accumulate / self._num_batches)
        if self.clip_value is not None:
            clip_grad_value_(self._parameters(), self.clip_value)
        if self.clip_norm is not None:
            self.grad_norm = clip_grad_norm_(self._parameters(), self.clip_norm)

    def _take(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self.scaler is not None:
            self.scaler.step(self.optimizer, *arguments, **named)
            self.scaler.update()
        elif arguments or named:
            self.optimizer.step(*arguments, **named)
        else:
            self._quick_step()

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]


def _mean_over_ranks(loss: Tensor | Mean) -> Tensor:
    """Return the loss whose gradients, averaged over ranks, are those of the one mean over all ranks' samples."""
    if not isinstance(loss, Mean):
        return loss
    mean: Tensor = loss.total / _count_over_ranks(loss.count, loss.total.device)
    return mean


def _count_over_ranks(count: Any, device: torch.device) -> Any:
    """Return `count`, or its average over the ranks of torch.distributed."""
    group = torch.distributed
    if not (group.is_available() and group.is_initialized() and group.get_world_size() > 1):
        return count
    average = torch.as_tensor(count, dtype=torch.float32, device=device).detach().clone()
    group.all_reduce(average)
    return average / group.get_world_size()


def _check(
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    accumulate: int,
    clip_norm: float | None,
    clip_value: float | None,
) -> None:
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise RecipeError(
            f"update: {type(optimizer).__name__}.step needs a closure that computes the loss again, and an update has"
            " the loss already; call this optimizer in a step of your own"
        )
    if isinstance(schedule, ReduceLROnPlateau):
        raise RecipeError(
            "update: ReduceLROnPlateau wants a metric; step it where the metric is known, after validation"
        )
    if not isinstance(accumulate, int) or accumulate < 1:
        raise RecipeError(f"update: accumulate is {accumulate!r}; expected an integer >= 1")
    for name, value in (("clip_norm", clip_norm), ("clip_value", clip_value)):
        if value is not None and not value > 0:
            raise RecipeError(f"update: {name} is {value}; expected a number > 0, or None for no clipping")
