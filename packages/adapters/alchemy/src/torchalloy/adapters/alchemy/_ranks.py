"""Joining the processes of a run: the same weights at the start, averaged gradients from then on."""

from typing import Any
from weakref import WeakSet

from torch.optim import Optimizer

from torchalloy.distributed import average_gradients, broadcast_module, current

__all__ = ["join_ranks", "share_gradients"]

_shared: WeakSet[Optimizer] = WeakSet()


def join_ranks(module: Any, optimizer: Any) -> None:
    """Give all ranks the weights of the first, and average their gradients."""
    if current().num_ranks > 1:
        broadcast_module(module)
        share_gradients(optimizer)


def share_gradients(optimizer: Any) -> None:
    """Average the gradients of an optimizer's parameters over the ranks from now on, once only."""
    if current().num_ranks > 1 and isinstance(optimizer, Optimizer) and optimizer not in _shared:
        _shared.add(optimizer)
        average_gradients(optimizer)
