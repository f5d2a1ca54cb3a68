"""Which sample comes at which place: a pure function of (seed, epoch)."""

import hashlib

import torch

__all__ = ["order_seed", "sample_order"]


def order_seed(seed: int, epoch: int) -> int:
    """Return the seed of the generator that shuffles `epoch`: the first 8 bytes of SHA-256 of "seed/epoch", big-endian.

    A hash, because seeds that differ by one then have nothing in common, and (seed 1, epoch 2) isn't (seed 2, epoch 1).

    >>> order_seed(0, 1)
    12193625726240080634
    """
    return int.from_bytes(hashlib.sha256(f"{seed}/{epoch}".encode()).digest()[:8], "big")


def sample_order(num_samples: int, *, seed: int, epoch: int) -> torch.Tensor:
    """Return the indices of all samples in the order of `epoch`: (num_samples,) int64, on the CPU.

    It is `torch.randperm(num_samples, generator=torch.Generator().manual_seed(order_seed(seed, epoch)))`: no global
    generator is read or moved.
    """
    return torch.randperm(num_samples, generator=torch.Generator().manual_seed(order_seed(seed, epoch)))
