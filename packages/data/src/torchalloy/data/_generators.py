"""Every global random generator of the process, as one piece of state."""

import hashlib
import random
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from torchalloy.core import ConfigError

__all__ = ["Generators", "seed_everything"]

_SEED_LIMIT = 2**32  # NumPy's


class Generators:
    """The generators of Python, NumPy, torch and each CUDA device, as something a checkpoint keeps.

    CUDA's are only there once CUDA has been used: before that they have drawn nothing.
    """

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all of them: plain data, NumPy arrays and CPU tensors."""
        used_cuda = torch.cuda.is_initialized()  # torch gives it no types
        return {
            "python": random.getstate(),
            "numpy": np.random.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if used_cuda else [],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put all of them back. Says so by a warning where the state is of more CUDA devices than there are."""
        version, numbers, spare = state["python"]
        random.setstate((version, tuple(numbers), spare))
        np.random.set_state(tuple(state["numpy"]))
        torch.set_rng_state(state["torch"])
        _restore_cuda(state["cuda"])


def seed_everything(seed: int, rank: int = 0) -> int:
    """Seed all global generators and return the seed they got.

    Rank 0 gets `seed` itself, so that a hand-written `torch.manual_seed(seed)` draws the same; another rank gets the
    first 4 bytes of SHA-256 of "seed/rank", so that neighbouring ranks and seeds have nothing in common.

    Args:
        seed: 0 <= seed < 2**32.
        rank: Of this process; >= 0.

    Raises: ConfigError: a seed out of range.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < _SEED_LIMIT:
        raise ConfigError(f"seed: {seed!r} is no integer from 0 to {_SEED_LIMIT - 1}")
    given = seed if rank == 0 else int.from_bytes(hashlib.sha256(f"{seed}/{rank}".encode()).digest()[:4], "big")
    random.seed(given)
    np.random.seed(given)
    torch.manual_seed(given)  # CUDA's too, at once or when it is first used
    return given


def _restore_cuda(states: list[torch.Tensor]) -> None:
    num_devices = torch.cuda.device_count()
    if len(states) > num_devices:
        warnings.warn(
            f"random numbers of CUDA devices {num_devices} to {len(states) - 1} can't go on: here are {num_devices}",
            stacklevel=3,
        )
    for device, state in enumerate(states[:num_devices]):
        torch.cuda.set_rng_state(state, device)
