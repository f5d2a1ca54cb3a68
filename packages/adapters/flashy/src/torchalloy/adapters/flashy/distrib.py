"""flashy's distributed helpers, and dora's rank and init: identities in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Subset

from torchalloy.distributed import current, initialise

__all__ = [
    "all_reduce",
    "average_metrics",
    "average_tensors",
    "barrier",
    "broadcast_model",
    "broadcast_tensors",
    "init",
    "is_distributed",
    "is_rank_zero",
    "loader",
    "rank",
    "rank_zero_only",
    "sync_gradients",
    "sync_model",
    "world_size",
    "wrap",
]

T = TypeVar("T")


def rank() -> int:
    """Return this process's rank; 0 alone."""
    return current().rank


def world_size() -> int:
    """Return the number of processes; 1 alone."""
    return current().num_ranks


def init(backend: str = "nccl") -> None:
    """Join the other processes, if there are any. `backend` is a wish: without CUDA it is gloo."""
    initialise("auto" if backend == "nccl" else "cpu")


def is_rank_zero() -> bool:
    """Whether this is rank 0."""
    return rank() == 0


def is_distributed() -> bool:
    """Whether there are other processes."""
    return world_size() > 1


def barrier() -> None:
    """Wait for all processes."""
    if is_distributed():
        dist.barrier()


def rank_zero_only(function: Callable[..., T]) -> Callable[..., T | None]:
    """Return `function` doing nothing, and returning None, on ranks other than 0."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> T | None:
        return function(*args, **kwargs) if is_rank_zero() else None

    return wrapped


def all_reduce(tensor: Tensor, op: Any = dist.ReduceOp.SUM) -> None:
    """Reduce `tensor` over all ranks, in place."""
    if is_distributed():
        dist.all_reduce(tensor, op)


def average_metrics(metrics: Mapping[str, Any], count: float = 1.0) -> Mapping[str, Any]:
    """Return the mean of each metric over the ranks, weighted by `count`; alone, the very object given.

    Raises: RuntimeError: the ranks don't have the same names.
    """
    if not is_distributed():
        return metrics
    names = sorted(metrics)
    everyone: list[Any] = [None] * world_size()
    dist.all_gather_object(everyone, names)
    if any(other != names for other in everyone):
        raise RuntimeError(f"ranks have different metrics: {everyone}")
    sums = torch.tensor([float(metrics[name]) * count for name in names] + [count], dtype=torch.float64)
    all_reduce(sums)
    means = dict(zip(names, (sums[:-1] / sums[-1]).tolist(), strict=True))
    return {name: means[name] for name in metrics}


def wrap(model: nn.Module) -> nn.Module:
    """Return `model` in DistributedDataParallel where there are other processes."""
    if not is_distributed():
        return model
    return nn.parallel.DistributedDataParallel(model, [torch.cuda.current_device()] if torch.cuda.is_available() else None)


def broadcast_tensors(tensors: Iterable[Tensor], src: int = 0) -> None:
    """Give every rank the floating-point tensors of rank `src`, in place."""
    _check_and_call(tensors, lambda tensor: dist.broadcast(tensor, src))


def average_tensors(tensors: Iterable[Tensor]) -> None:
    """Average floating-point tensors over the ranks, in place."""

    def average(tensor: Tensor) -> None:
        dist.all_reduce(tensor)
        tensor /= world_size()

    _check_and_call(tensors, average)


def broadcast_model(model: nn.Module, src: int = 0) -> None:
    """Give every rank the parameters and buffers of rank `src`."""
    broadcast_tensors([parameter.data for parameter in model.parameters()], src)
    broadcast_tensors(model.buffers(), src)


def sync_gradients(params: Iterable[nn.Parameter]) -> None:
    """Average the gradients there are, after a backward."""
    average_tensors([parameter.grad for parameter in params if parameter.grad is not None])


def sync_model(model: nn.Module, sync_buffers: bool = True, average_buffers: bool = True) -> None:
    """Average gradients, and average or broadcast buffers, after a backward."""
    sync_gradients(model.parameters())
    if sync_buffers:
        (average_tensors if average_buffers else broadcast_tensors)(list(model.buffers()))


def loader(dataset: Dataset[Any], *args: Any, shuffle: bool = False, klass: Any = DataLoader, **kwargs: Any) -> Any:
    """Return a loader whose ranks share the data: a DistributedSampler to shuffle, every world-th sample else."""
    if not is_distributed():
        return klass(dataset, *args, shuffle=shuffle, **kwargs)
    if shuffle:
        return klass(dataset, *args, sampler=DistributedSampler(dataset), **kwargs)
    own = Subset(dataset, range(rank(), len(dataset), world_size()))  # type: ignore[arg-type]
    return klass(own, *args, shuffle=False, **kwargs)


def _check_and_call(tensors: Iterable[Tensor], call: Callable[[Tensor], Any]) -> None:
    if not is_distributed():
        return
    floating = [tensor for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]
    device = floating[0].device if floating else torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
    number = torch.tensor([len(floating), -len(floating)], device=device)
    dist.all_reduce(number, dist.ReduceOp.MAX)
    if number[0] != -number[1]:
        raise RuntimeError(f"Mismatch in number of params: this rank has {len(floating)}, another {int(number[0])}")
    for tensor in floating:
        call(tensor)
