"""dora's names for who this process is among others."""

from typing import NamedTuple

from torchalloy.adapters.flashy.distrib import init, rank, world_size
from torchalloy.distributed import current

__all__ = ["DistribSpec", "get_distrib_spec", "init", "is_master", "rank", "world_size"]


class DistribSpec(NamedTuple):
    """This process among all: its number, their number, its number on this machine, and the machines."""

    rank: int
    world_size: int
    local_rank: int
    node_rank: int
    num_nodes: int
    source: str


def get_distrib_spec() -> DistribSpec:
    """Return what the launcher's environment says; alone without one."""
    ranks = current()
    source = "env" if ranks.num_ranks > 1 else "empty"
    node, nodes = ranks.rank // ranks.num_local_ranks, -(-ranks.num_ranks // ranks.num_local_ranks)
    return DistribSpec(ranks.rank, ranks.num_ranks, ranks.local_rank, node, nodes, source)


def is_master() -> bool:
    """Whether this is rank 0."""
    return rank() == 0
