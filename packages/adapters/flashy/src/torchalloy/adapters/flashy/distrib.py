"""flashy's distributed helpers, and dora's rank and init: identities in one process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, DistributedSampler, Subset

from torchalloy.distributed import broadcast_module, current, device_for, initialise

__all__ = [
    "all_reduce",
    "average_metrics",
    "average_tensors",
    "barrier",
    "broadcast_model",
    "broadcast_object",
    "broadcast_tensors",
    "eager_sync_gradients",
    "eager_sync_model",
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
logger = logging.getLogger("dora.distrib")


def rank() -> int:
    """Return this process's rank; 0 alone."""
    return current().rank


def world_size() -> int:
    """Return the number of processes; 1 alone."""
    return current().num_ranks


def init(backend: str = "nccl") -> None:
    """Join the other processes, if there are any. `backend` is a wish: without CUDA it is gloo."""
    ranks = initialise(device_for("auto", current()) if backend == "nccl" else "cpu")
    if ranks.num_ranks == 1:
        logger.info("world size is 1, skipping init")
    else:
        logger.info("rank %d of %d is here", ranks.rank, ranks.num_ranks)


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
    values = [float(metrics[name]) * count for name in names]
    sums = torch.tensor([*values, count], dtype=torch.float64, device=_exchange_device())
    all_reduce(sums)
    means = dict(zip(names, (sums[:-1] / sums[-1]).tolist(), strict=True))
    return {name: means[name] for name in metrics}


def wrap(model: nn.Module) -> nn.Module:
    """Return `model` in DistributedDataParallel where there are other processes."""
    if not is_distributed():
        return model
    on_cuda = any(parameter.is_cuda for parameter in model.parameters())
    return nn.parallel.DistributedDataParallel(model, [torch.cuda.current_device()] if on_cuda else None)


def broadcast_tensors(tensors: Iterable[Tensor], src: int = 0) -> None:
    """Give every rank the floating-point tensors of rank `src`, in place."""
    if is_distributed():
        broadcast_module(_floating(tensors), src)


def average_tensors(tensors: Iterable[Tensor]) -> None:
    """Average floating-point tensors over the ranks, in place.

    Raises: RuntimeError: on every rank, where the ranks don't have as many.
    """
    if not is_distributed():
        return
    kinds: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for tensor in _floating(tensors):
        kinds.setdefault((tensor.dtype, tensor.device), []).append(tensor)
    for alike in kinds.values():
        flat = torch.cat([tensor.detach().reshape(-1) for tensor in alike])
        dist.all_reduce(flat)
        means = torch.split(flat / world_size(), [tensor.numel() for tensor in alike])
        for tensor, mean in zip(alike, means, strict=True):
            tensor.detach().copy_(mean.view(tensor.shape))


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


@contextmanager
def eager_sync_gradients(params: Iterable[nn.Parameter]) -> Iterator[None]:
    """Average over the ranks the gradients of one backward inside the block; what was accumulated before is added.

    Raises: RuntimeError: from the backward that gives a parameter its second gradient inside the block.
    """
    if not is_distributed():
        yield
        return
    params = [parameter for parameter in params if parameter.requires_grad]
    before = [parameter.grad for parameter in params]
    reached: set[int] = set()

    def note(parameter: Tensor) -> None:
        if id(parameter) in reached:
            raise RuntimeError("a parameter got a second gradient; there can be one backward inside eager_sync")
        reached.add(id(parameter))

    hooks: list[Any] = [p.register_post_accumulate_grad_hook(note) for p in params]
    for parameter in params:
        parameter.grad = None
    try:
        yield
        sync_gradients(params)
    finally:
        for hook in hooks:
            hook.remove()
        for parameter, old in zip(params, before, strict=True):
            if old is not None:
                parameter.grad = old if parameter.grad is None else old + parameter.grad


@contextmanager
def eager_sync_model(model: nn.Module, sync_buffers: bool = True, average_buffers: bool = True) -> Iterator[None]:
    """Average the gradients of one backward inside the block, and average or broadcast buffers behind it."""
    with eager_sync_gradients(model.parameters()):
        yield
    if sync_buffers:
        (average_tensors if average_buffers else broadcast_tensors)(list(model.buffers()))


def broadcast_object(obj: Any = None, src: int = 0, device: Any = None) -> Any:
    """Return the object that rank `src` has, of any type that can be pickled. The ranks trust each other."""
    if not is_distributed():
        return obj
    box = [obj]
    dist.broadcast_object_list(box, src, device=device)
    return obj if rank() == src else box[0]


def loader(dataset: Dataset[Any], *args: Any, shuffle: bool = False, klass: Any = DataLoader, **kwargs: Any) -> Any:
    """Return a loader whose ranks share the data: a DistributedSampler to shuffle, every world-th sample else."""
    if not is_distributed():
        return klass(dataset, *args, shuffle=shuffle, **kwargs)
    if shuffle:
        return klass(dataset, *args, sampler=DistributedSampler(dataset), **kwargs)
    own = Subset(dataset, range(rank(), len(dataset), world_size()))  # type: ignore[arg-type]
    return klass(own, *args, shuffle=False, **kwargs)


def _floating(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Return the tensors that can be averaged, once all ranks have as many of them."""
    floating = [tensor for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]
    number = torch.tensor([len(floating), -len(floating)], device=_exchange_device())
    dist.all_reduce(number, dist.ReduceOp.MAX)
    if number[0] != -number[1]:
        most, least = int(number[0]), -int(number[1])
        text = f"Mismatch in number of params: this rank has {len(floating)}, the ranks have {least} to {most}"
        raise RuntimeError(text)
    return floating


def _exchange_device() -> torch.device:
    """Return where small tensors must live to be exchanged."""
    return torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else torch.device("cpu")
