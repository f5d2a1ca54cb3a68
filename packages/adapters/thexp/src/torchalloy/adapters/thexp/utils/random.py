"""The state of every random generator, taken, put back and seeded."""

import hashlib
import random as python_random
from typing import Any

import numpy as np
import torch

__all__ = ["fix_seed", "get_state", "hashseed", "set_state"]


def get_state() -> dict[str, Any]:
    """Return the states of NumPy's, torch's, CUDA's (None without) and Python's generators."""
    return {
        "numpy": np.random.get_state(),
        "torch": torch.random.get_rng_state(),
        "torch.cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None,
        "random": python_random.getstate(),
    }


def set_state(state: dict[str, Any]) -> None:
    """Put the states back; where CUDA is there, make cuDNN deterministic too."""
    np.random.set_state(state["numpy"])
    torch.random.set_rng_state(state["torch"])
    python_random.setstate(state["random"])
    if torch.cuda.is_available() and state["torch.cuda"] is not None:
        cuda = state["torch.cuda"]
        torch.cuda.set_rng_state_all(cuda if isinstance(cuda, list) else [cuda])
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False


def fix_seed(*seed: Any) -> dict[str, Any]:
    """Seed all generators with the last argument, 10 without one, and return their state."""
    number = int(seed[-1]) if seed else 10  # thexp's has a stray first parameter, so callers pass one or two
    python_random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
    return get_state()


def hashseed(name: int | str) -> int:
    """Return a seed for a name: an int is its own, a string gives the sum of the bytes of its MD5."""
    return name if isinstance(name, int) else sum(hashlib.md5(name.encode(), usedforsecurity=False).digest())
