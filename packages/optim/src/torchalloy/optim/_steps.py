"""Steps for batches of (input, target): the most common case, as short as it can be."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer

from torchalloy.core import Mean, RecipeError, State, Step, did_you_mean
from torchalloy.optim._scalars import detached
from torchalloy.optim._update import Update

__all__ = ["counted", "scored", "supervised"]

Loss = Callable[[Any, Any], Any]

_PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def supervised(
    model: nn.Module, loss: Loss, optimizer: Optimizer | Update, *, precision: str = "fp32", **options: Any
) -> Step:
    """Return the train step for batches (x, y): `update.step(loss(model(x), y))`, giving {"loss": ...} off the graph.

    Without options it computes what the loop `zero_grad, loss, backward, step` computes, bit for bit. The model is put
    into train mode when it isn't. A batch without samples (a rank's share of a short last batch) gives zero gradients.

    Args:
        model: On its device already.
        loss: (output, y) -> a 0-d tensor, or `Mean(total, count)`; see `counted`.
        optimizer: Or a ready `Update`, which then takes no options. The step's `update` attribute is the one in use.
        precision: "fp32", "bf16" or "fp16" for forward and loss, by autocast; fp16 makes a GradScaler if none is given.
        options: Those of `Update`.

    Raises: RecipeError: an unknown precision, options beside a ready update.
    """
    dtype = _dtype(precision)
    if dtype is torch.float16 and not isinstance(optimizer, Update):
        options.setdefault("scaler", GradScaler(_device_type(model)))
    return _Supervised(model, _forward(model, loss, dtype), _as_update(optimizer, options))


def scored(model: nn.Module, loss: Loss, *, precision: str = "fp32") -> Step:
    """Return the evaluation step for batches (x, y): {"loss": Mean} and, for classes, {"accuracy": Mean}.

    The sums are exact over batches of any sizes and over ranks. Accuracy is there where y holds class indices: integers
    of the output's shape without axis 1. The model is put into eval mode when it isn't, and no graph is built.

    Args:
        model: On its device already.
        loss: (output, y) -> a 0-d tensor that is a mean over the batch, or `Mean(total, count)`.
        precision: "fp32", "bf16" or "fp16" for forward and loss, by autocast.

    Raises: RecipeError: an unknown precision.
    """

    def measured(output: Any, y: Any) -> dict[str, Mean]:
        return {"loss": _weighted(loss(output, y), len(y)), **_accuracy(output, y)}

    forward = _forward(model, measured, _dtype(precision))

    def step(batch: Any, _: State) -> dict[str, Mean]:
        x, y = batch
        if model.training:
            model.eval()
        with torch.inference_mode():
            metrics: dict[str, Mean] = forward(x, y)
            return metrics

    return step


def counted(loss: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Mean]:
    """Return `loss`, a mean over the samples of a batch, as `Mean(total, count)`: then windows and ranks are exact.

    Not for a loss that divides by something else than the number of samples (class weights, `ignore_index`): let that
    one return its own `Mean`.
    """
    return lambda output, y: Mean(loss(output, y) * len(y), len(y))


class _Supervised:
    """The step of `supervised`."""

    __slots__ = ("_forward", "_model", "_step", "_was_mean", "update")

    def __init__(self, model: nn.Module, forward: Callable[[Any, Any], Any], update: Update) -> None:
        self._model = model
        self._forward = forward
        self._step = update.step
        self._was_mean: bool | None = None  # what the loss returns; unknown before the first batch
        self.update = update

    def __call__(self, batch: Any, _: State) -> dict[str, Any]:
        x, y = batch
        if not self._model.training:
            self._model.train()
        if type(y) is Tensor and not y.numel():
            return self._empty()
        loss = self._forward(x, y)
        self._step(loss)
        if type(loss) is Tensor:
            self._was_mean = False
            return {"loss": loss.detach()}
        self._was_mean = isinstance(loss, Mean)
        return {"loss": detached(loss)}

    def _empty(self) -> dict[str, Any]:
        if self._was_mean is None:
            raise RecipeError("supervised: the first batch has no samples; use fewer ranks or a larger data set")
        groups = self.update.optimizer.param_groups
        nothing = sum(p.sum() * 0 for group in groups for p in group["params"] if p.requires_grad)
        self._step(Mean(nothing, 0) if self._was_mean else cast(Tensor, nothing))
        return {"loss": Mean(0.0, 0)}


def _forward(model: nn.Module, loss: Loss, dtype: torch.dtype | None) -> Callable[[Any, Any], Any]:
    if dtype is None:
        return lambda x, y: loss(model(x), y)
    device = _device_type(model)

    def forward(x: Any, y: Any) -> Any:
        with torch.autocast(device, dtype=dtype):
            return loss(model(x), y)

    return forward


def _device_type(model: nn.Module) -> str:
    return next((parameter.device.type for parameter in model.parameters()), "cpu")


def _dtype(precision: str) -> torch.dtype | None:
    if precision not in _PRECISIONS:
        raise RecipeError(f"precision: no {precision!r}; {did_you_mean(precision, _PRECISIONS)}")
    return _PRECISIONS[precision]


def _as_update(optimizer: Optimizer | Update, options: dict[str, Any]) -> Update:
    if not isinstance(optimizer, Update):
        return Update(optimizer, **options)
    if options:
        raise RecipeError(f"supervised: the update is made already; give {', '.join(sorted(options))} to Update itself")
    return optimizer


def _weighted(value: Any, num_samples: int) -> Mean:
    if isinstance(value, Mean):
        return value
    return Mean(value * num_samples if num_samples else 0.0, num_samples)


def _accuracy(output: Any, y: Any) -> dict[str, Mean]:
    if not (isinstance(output, Tensor) and isinstance(y, Tensor)) or y.dtype not in _INDEX_TYPES:
        return {}
    if output.ndim != y.ndim + 1 or output.shape[:1] + output.shape[2:] != y.shape:
        return {}
    return {"accuracy": Mean((output.argmax(1) == y).sum(), y.numel())}


_INDEX_TYPES = (torch.int64, torch.int32, torch.int16, torch.uint8)
