"""What a step's output says in numbers, and how the numbers get off the device."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from torchalloy.core import Mean

__all__ = ["detached", "read_back", "scalars"]


def detached(value: Any) -> Any:
    """Return `value` as a metric that holds no graph, or None if it is none.

    A number stays, a tensor of one element becomes a detached 0-d one on its device, a `Mean` has both done to its
    parts. Nothing is read back.

    >>> detached(torch.tensor([2.0], requires_grad=True)), detached("two"), detached(True)
    (tensor(2.), None, True)
    """
    if isinstance(value, Tensor):
        return value.detach().reshape(()) if value.numel() == 1 else None
    if isinstance(value, Mean):
        total, count = detached(value.total), detached(value.count)
        return None if total is None or count is None else Mean(total, count)
    return value if isinstance(value, Real) else None


def scalars(output: Any) -> dict[str, Any]:
    """Return the named metrics in what a step returned: those entries of a mapping that `detached` takes.

    Something that isn't a mapping has no names, except a single metric, which is called "loss".

    >>> scalars({"loss": torch.tensor(1.0), "logits": torch.zeros(2, 3), "lr": 0.1, 3: 4.0})
    {'loss': tensor(1.), 'lr': 0.1}
    """
    named = output if isinstance(output, Mapping) else {"loss": output}
    kept = {name: detached(value) for name, value in named.items() if isinstance(name, str)}
    return {name: value for name, value in kept.items() if value is not None}


def read_back(values: Sequence[Any]) -> list[float]:
    """Return many numbers and tensors of one element as floats, with one read for each device and dtype among them.

    A device is waited for once, not once a value.

    >>> read_back([torch.tensor(1), 2, torch.tensor([3])])
    [1.0, 2.0, 3.0]
    """
    numbers = [0.0] * len(values)
    alike: dict[tuple[torch.device, torch.dtype], tuple[list[int], list[Tensor]]] = {}
    for place, value in enumerate(values):
        if isinstance(value, Tensor):
            places, tensors = alike.setdefault((value.device, value.dtype), ([], []))
            places.append(place)
            tensors.append(value.reshape(()) if value.ndim else value)
        else:
            numbers[place] = float(value)
    with torch.no_grad():
        for places, tensors in alike.values():
            for place, number in zip(places, torch.stack(tensors).tolist(), strict=True):
                numbers[place] = float(number)
    return numbers
