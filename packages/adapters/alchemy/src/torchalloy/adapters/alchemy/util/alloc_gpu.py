"""Another place of `alloc_cuda`."""

from torchalloy.adapters.alchemy.util.device import alloc_cuda

__all__ = ["alloc_cuda"]
