"""What the processes of a run say to each other. With one process each of these is the identity, without torch's help.

Every process calls the same ones in the same order; one that is missing makes the others wait for the timeout that
`initialise` was given, then raise.
"""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Union

from torchalloy.distributed._buckets import buckets, spread
from torchalloy.distributed._ranks import current

if TYPE_CHECKING:
    import torch

__all__ = ["agree_stop", "barrier", "broadcast_module", "broadcast_object", "exchange_device", "reduce_means"]

_BUCKET_BYTES = 64 << 20


def barrier() -> None:
    """Return when every process has called this."""
    reduce_means([(0.0, 0.0)])


def agree_stop(flag: bool) -> bool:
    """Return whether any process says so."""
    ((total, _),) = reduce_means([(float(flag), 0.0)])
    return total > 0


def reduce_means(values: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Add (total, count) pairs over all processes, in float64; every process gets the same sums.

    Args:
        values: As many on each process, in the same order; numbers or 0-d tensors.
    """
    pairs = [(float(total), float(count)) for total, count in values]
    if current().num_ranks == 1 or not pairs:
        return pairs
    import torch
    import torch.distributed as dist

    sums = torch.tensor(pairs, dtype=torch.float64, device=exchange_device())
    dist.all_reduce(sums)
    return [(total, count) for total, count in sums.tolist()]


def broadcast_object(value: Any, src: int = 0) -> Any:
    """Return the value that process `src` has: anything JSON can say (tuples become lists).

    Raises: TypeError: on `src`, for what JSON can't say; the others wait for their timeout then.
    """
    if current().num_ranks == 1:
        return json.loads(json.dumps(value))
    import torch
    import torch.distributed as dist

    content = json.dumps(value).encode("ascii") if current().rank == src else b""
    size = torch.tensor([len(content)], device=exchange_device())
    dist.broadcast(size, src)
    letters = torch.frombuffer(bytearray(content or int(size)), dtype=torch.uint8).to(exchange_device())
    dist.broadcast(letters, src)
    return json.loads(bytes(letters.tolist()))


def broadcast_module(target: Union["torch.nn.Module", Iterable["torch.Tensor"]], src: int = 0) -> None:
    """Give the parameters and buffers of a module, or some tensors, the values they have on process `src`, in place.

    Args:
        target: The same on each process but for the values; shapes (...), any dtype, any device that the process
            group serves.
    """
    if current().num_ranks == 1:
        return
    import torch
    import torch.distributed as dist

    tensors = [*target.parameters(), *target.buffers()] if isinstance(target, torch.nn.Module) else list(target)
    with torch.no_grad():
        for group in buckets((tensor for tensor in tensors if tensor.numel()), _BUCKET_BYTES):
            flat = torch.cat([tensor.detach().reshape(-1) for tensor in group])
            # As bytes, since backends don't know every dtype.
            dist.broadcast(flat.view(torch.uint8), src)
            for tensor, value in zip(group, spread(flat, group), strict=True):
                tensor.copy_(value)


def exchange_device() -> "torch.device":
    """Return where small tensors must live to be exchanged: the CPU where a backend serves it, so that no GPU waits."""
    import torch
    import torch.distributed as dist

    kinds = dist.get_backend_config()
    served_on_cpu = "cpu:" in kinds or dist.get_backend() == "gloo"
    return torch.device("cpu") if served_on_cpu else torch.device("cuda", torch.cuda.current_device())
