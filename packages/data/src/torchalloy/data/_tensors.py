"""Data that is in memory already."""

from typing import Any

import torch
from torch.utils.data import TensorDataset

from torchalloy.core import ConfigError

__all__ = ["TensorData", "held_tensors"]


class TensorData(TensorDataset):
    """Samples held as tensors: sample i is `(tensors[0][i], tensors[1][i], ...)`.

    Args:
        tensors: One or more, each (N, ...) of any dtype; all on one device.

    Raises: ConfigError: no tensor, one without a first axis, or lengths that differ.
    """

    def __init__(self, *tensors: torch.Tensor) -> None:
        lengths = [tensor.shape[0] if tensor.ndim else None for tensor in tensors]
        if not tensors or None in lengths or len(set(lengths)) > 1:
            raise ConfigError(f"TensorData: expected tensors of one length along axis 0; got the lengths {lengths}")
        super().__init__(*tensors)

    def to(self, device: str | torch.device) -> "TensorData":
        """Return the same data on `device`; a loader then makes its batches there."""
        return TensorData(*(tensor.to(device) for tensor in self.tensors))


def held_tensors(dataset: Any) -> tuple[torch.Tensor, ...] | None:
    """Return the tensors behind `dataset` if its samples are exactly their rows, else None.

    A subclass with its own `__getitem__` may change samples, so it has to be asked for each of them.
    """
    if isinstance(dataset, TensorDataset) and type(dataset).__getitem__ is TensorDataset.__getitem__:
        return dataset.tensors
    return None
