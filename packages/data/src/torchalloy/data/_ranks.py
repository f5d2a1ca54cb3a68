"""Whose share of a global batch this process takes."""

import torch

from torchalloy.core import ConfigError

__all__ = ["share"]


def share(rank: int | None, num_ranks: int | None, batch_size: int) -> tuple[int, int]:
    """Return (rank, number of ranks): those given, else those of torch.distributed, else (0, 1).

    Raises: ConfigError: when a global batch has fewer samples than there are ranks.
    """
    if rank is None or num_ranks is None:
        rank, num_ranks = _joined()
    if batch_size < num_ranks:
        raise ConfigError(
            f"Loader: batch_size={batch_size} is the global batch and can't be shared by {num_ranks} ranks;"
            f" use batch_size >= {num_ranks}"
        )
    return rank, num_ranks


def _joined() -> tuple[int, int]:
    group = torch.distributed
    if group.is_available() and group.is_initialized():
        return group.get_rank(), group.get_world_size()
    return 0, 1
