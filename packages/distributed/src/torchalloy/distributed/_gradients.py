"""Gradients averaged over all processes, for any optimizer, without wrapping the model.

When: at the end of each backward pass that reaches the optimizer's parameters, so that clipping, scaling, a closure and
checks for NaN meet the average, as with torch's DistributedDataParallel; and before an optimizer's step whose gradients
came in another way (`torch.autograd.grad`, assignment). Averaging is linear and leaves an average as it is, so backward
passes may accumulate.
"""

import itertools
from typing import TYPE_CHECKING, Any, Protocol

from torchalloy.core import RecipeError
from torchalloy.distributed._buckets import buckets, spread
from torchalloy.distributed._collectives import exchange_device
from torchalloy.distributed._ranks import current

if TYPE_CHECKING:
    import torch

__all__ = ["Averaging", "average_gradients"]

_BUCKET_BYTES = 25 << 20
_numbers = itertools.count()
_due: "dict[int, dict[int, Averaging]]" = {}  # whose parameters have been reached, by backward pass


class _Handle(Protocol):
    def remove(self) -> None: ...


def average_gradients(optimizer: "torch.optim.Optimizer") -> "Averaging":
    """Average the gradients of an optimizer's parameters over all processes from now on. With one process: nothing.

    Every process makes the same backward passes and steps. A gradient that some processes don't have counts as zero
    there; one that no process has stays None.

    Returns: A handle; `remove()` ends it.
    Raises: RecipeError: later, from the step or backward pass, for sparse gradients.
    """
    return Averaging(optimizer, current().num_ranks)


class Averaging:
    """Keeps one optimizer's gradients averaged."""

    def __init__(self, optimizer: "torch.optim.Optimizer", num_ranks: int) -> None:
        self._optimizer = optimizer
        self._num_ranks = num_ranks
        self._number = next(_numbers)
        self._averaged = False  # since the last step
        self._on_parameters: dict[torch.Tensor, _Handle] = {}
        self._on_steps: tuple[_Handle, ...] = ()
        if num_ranks > 1:
            self._on_steps = (
                optimizer.register_step_pre_hook(self._before_step),
                optimizer.register_step_post_hook(self._after_step),
            )
            self._watch(self._parameters())

    def average(self) -> None:
        """Average now; for those who change gradients by hand before the step."""
        if self._num_ranks == 1:
            return
        import torch

        parameters = self._parameters()
        self._watch(parameters)
        with torch.no_grad():
            _average(parameters, self._num_ranks)
        self._averaged = True

    def remove(self) -> None:
        """Average no more."""
        for handle in (*self._on_steps, *self._on_parameters.values()):
            handle.remove()
        self._on_steps = ()
        self._on_parameters.clear()

    def _parameters(self) -> list["torch.Tensor"]:
        groups = self._optimizer.param_groups
        return [parameter for group in groups for parameter in group["params"] if parameter.requires_grad]

    def _watch(self, parameters: list["torch.Tensor"]) -> None:
        for parameter in parameters:
            if parameter not in self._on_parameters and parameter.is_leaf:
                handle: _Handle = parameter.register_post_accumulate_grad_hook(self._reached)
                self._on_parameters[parameter] = handle

    def _reached(self, _: "torch.Tensor") -> None:
        import torch

        # By pass, since one may run inside another, and one that failed half-way must not hold up the next.
        backward = torch._C._current_graph_task_id()
        if backward not in _due:
            torch.autograd.Variable._execution_engine.queue_callback(lambda: _average_due(backward))
        _due.setdefault(backward, {})[self._number] = self

    def _before_step(self, *_: Any) -> None:
        if not self._averaged:
            self.average()

    def _after_step(self, *_: Any) -> None:
        self._averaged = False


def _average_due(backward: int) -> None:
    # Another process may have reached the optimizers' parameters in another order; their numbers are the same.
    for _, averaging in sorted(_due.pop(backward).items()):
        averaging.average()


def _average(parameters: list["torch.Tensor"], num_ranks: int) -> None:
    import torch
    import torch.distributed as dist

    if any(parameter.grad is not None and parameter.grad.is_sparse for parameter in parameters):
        raise RecipeError("sparse gradients can't be averaged over processes; build the Embedding with sparse=False")
    groups = list(buckets(parameters, _BUCKET_BYTES))
    held = torch.tensor([parameter.grad is not None for group in groups for parameter in group], dtype=torch.int32)
    held = held.to(exchange_device())
    flats = [torch.cat([_gradient(parameter) for parameter in group]).div_(num_ranks) for group in groups]
    for work in [dist.all_reduce(flat, async_op=True) for flat in (held, *flats)]:
        work.wait()
    somewhere = iter(held.tolist())
    for group, flat in zip(groups, flats, strict=True):
        for parameter, mean in zip(group, spread(flat, group), strict=True):
            if next(somewhere):
                _give(parameter, mean)


def _gradient(parameter: "torch.Tensor") -> "torch.Tensor":
    return parameter.new_zeros(parameter.numel()) if parameter.grad is None else parameter.grad.reshape(-1)


def _give(parameter: "torch.Tensor", mean: "torch.Tensor") -> None:
    if parameter.grad is None:
        parameter.grad = mean.clone()
    else:
        parameter.grad.copy_(mean)
