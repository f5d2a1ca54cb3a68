"""Which process of how many this is."""

import atexit
import os
import sys
from dataclasses import dataclass
from datetime import timedelta

from torchalloy.core import LaunchError

__all__ = ["Ranks", "current", "finish", "initialise"]


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: Number of this process; 0 <= rank < num_ranks.
        num_ranks: Processes in all.
        local_rank: Number of this process on its machine.
        num_local_ranks: Processes on this machine.
    """

    rank: int = 0
    num_ranks: int = 1
    local_rank: int = 0
    num_local_ranks: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and speaks for all."""
        return self.rank == 0


def current() -> Ranks:
    """Return which process this is: as torch.distributed says if it is initialised, else the environment.

    Without either it is the only one. Costs no import of torch.

    Raises: LaunchError: RANK or WORLD_SIZE stands in the environment alone, or isn't a number that fits.
    """
    # Nobody can have initialised what nobody has imported.
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        rank, num_ranks = distributed.get_rank(), distributed.get_world_size()
    elif "RANK" in os.environ or "WORLD_SIZE" in os.environ:
        rank, num_ranks = _number("RANK"), _number("WORLD_SIZE")
    else:
        return Ranks()
    ranks = Ranks(rank, num_ranks, _number("LOCAL_RANK", rank), _number("LOCAL_WORLD_SIZE", num_ranks))
    if not (0 <= rank < num_ranks and 0 <= ranks.local_rank < ranks.num_local_ranks):
        raise LaunchError(f"the environment says this is process RANK={rank} of WORLD_SIZE={num_ranks}, which can't be")
    return ranks


def initialise(device: str = "cpu", *, timeout_s: float = 600.0) -> Ranks:
    """Join the other processes; return which one this is. Does nothing for one process, or where it was done.

    Uses gloo, and for CUDA devices nccl beside it. The launcher's environment says where the others are.

    Args:
        device: Where this process trains: "cpu", "cuda" or "cuda:1".
        timeout_s: How long a process waits for one that doesn't come, here and later in each collective; > 0.

    Raises: LaunchError: the others can't be met.
    """
    ranks = current()
    if ranks.num_ranks == 1:
        return ranks
    import torch
    import torch.distributed as dist

    if dist.is_initialized():
        return ranks
    on_cuda = device.startswith("cuda")
    if on_cuda:
        torch.cuda.set_device(torch.device(device) if ":" in device else ranks.local_rank)
    backend = "cpu:gloo,cuda:nccl" if on_cuda else "gloo"
    try:
        dist.init_process_group(backend, init_method="env://", timeout=timedelta(seconds=timeout_s))
    except (ValueError, RuntimeError) as error:
        raise LaunchError(
            f"process {ranks.rank} of {ranks.num_ranks} can't meet the others: {error}. Start all of them with a "
            "launcher (alloy train --launcher torchrun, or torchrun itself); for one process unset RANK and WORLD_SIZE"
        ) from error
    atexit.register(finish)  # a script may never leave; threads of the group that outlive Python abort the process
    return ranks


def finish() -> None:
    """Leave the other processes; nothing to do for one process."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _number(name: str, default: int | None = None) -> int:
    said = os.environ.get(name)
    if said is None and default is not None:
        return default
    try:
        return int(said or "")
    except ValueError:
        raise LaunchError(
            f"the environment has {name}={said!r} where a number belongs; launchers set RANK, WORLD_SIZE, MASTER_ADDR "
            "and MASTER_PORT together: use one, or unset them all for one process"
        ) from None
