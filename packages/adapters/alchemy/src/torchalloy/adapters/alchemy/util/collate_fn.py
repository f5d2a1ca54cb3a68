"""From a list of samples to a batch of tensors."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate, default_convert

from torchalloy.adapters.alchemy.registry import Registrable

__all__ = ["CollateFn", "DefaultCollateFn"]


class CollateFn(Registrable, ABC):
    """A family of collate functions."""

    @abstractmethod
    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return the batch of `inputs`."""


@CollateFn.register("Default")
class DefaultCollateFn(CollateFn):
    """Stacks arrays and tensors key by key, zero-padded to the largest size in every dimension.

    Keys whose values are no arrays, or arrays of different numbers of dimensions, stay plain lists. Samples that aren't
    mappings go to torch's own collate function.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Return the batch of `inputs`: a dict with the keys of the first sample."""
        if not isinstance(inputs, list | tuple):
            return default_convert(inputs)  # a loader without batching hands over single samples
        if not all(isinstance(sample, Mapping) for sample in inputs):
            return default_collate(list(inputs))
        return {key: _stack([_as_tensor(sample[key]) for sample in inputs]) for key in inputs[0]}


def _as_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" else value


def _stack(values: list[Any]) -> Any:
    if not all(isinstance(value, Tensor) for value in values) or len({value.dim() for value in values}) != 1:
        return values
    if all(value.shape == values[0].shape for value in values):
        return torch.stack(values)
    size = [max(sizes) for sizes in zip(*(value.shape for value in values), strict=True)]
    padded = values[0].new_zeros((len(values), *size))
    for row, value in zip(padded, values, strict=True):
        row[tuple(slice(0, n) for n in value.shape)] = value
    return padded
