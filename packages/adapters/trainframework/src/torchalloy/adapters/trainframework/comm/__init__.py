"""This process among all that train together; alone, each answer is that of a single process."""

from typing import Any

import torch.distributed as group

__all__ = ["all_gather", "get_rank", "get_world_size", "is_main_process", "synchronize"]


def get_world_size() -> int:
    """Return how many processes train together; >= 1."""
    return group.get_world_size() if _joined() else 1


def get_rank() -> int:
    """Return this process's number, from 0."""
    return group.get_rank() if _joined() else 0


def is_main_process() -> bool:
    """Return whether this is the process that writes files."""
    return get_rank() == 0


def synchronize() -> None:
    """Wait until every process is here."""
    if get_world_size() > 1:
        group.barrier()


def all_gather(obj: Any) -> list[Any]:
    """Return `obj` of each process, by rank."""
    if get_world_size() == 1:
        return [obj]
    gathered: list[Any] = [None] * get_world_size()
    group.all_gather_object(gathered, obj)
    return gathered


def _joined() -> bool:
    return group.is_available() and group.is_initialized()
