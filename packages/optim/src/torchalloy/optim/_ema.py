"""Averaged weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from torchalloy.core import CheckpointError, ConfigError

__all__ = ["EMA"]


class EMA:
    """The exponential moving average of a model's trainable parameters: average += (1 - decay) * (parameter - average).

    Args:
        model: Its parameters that require a gradient when this is made are averaged, each on its own device.
        decay: 0 <= decay < 1; the average looks back about 1 / (1 - decay) updates.

    Raises: ConfigError: a decay out of range.
    """

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ConfigError(f"EMA: decay is {decay}; expected 0 <= decay < 1")
        self.decay = decay
        self.num_updates = 0
        named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        self._parameters: list[torch.Tensor] = list(named.values())
        self._averages = {name: parameter.detach().clone() for name, parameter in named.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Move the averages towards the present parameters."""
        if self._parameters:
            torch._foreach_lerp_(list(self._averages.values()), self._parameters, 1 - self.decay)
        self.num_updates += 1

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Have the averages in the model for the length of a `with` block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state_dict(self) -> dict[str, Any]:
        """Return the averages by parameter name, and how many updates they have seen."""
        return {"num_updates": self.num_updates, "averages": dict(self._averages)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the averages. Raises: CheckpointError: other names or shapes than the model's."""
        ours = {name: tuple(average.shape) for name, average in self._averages.items()}
        theirs = {name: tuple(average.shape) for name, average in state["averages"].items()}
        if ours != theirs:
            differing = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
            raise CheckpointError(f"ema: the model and the state differ in {', '.join(differing)}")
        for name, average in self._averages.items():
            average.copy_(state["averages"][name])
        self.num_updates = state["num_updates"]

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, average in zip(self._parameters, self._averages.values(), strict=True):
            present = parameter.clone()
            parameter.copy_(average)
            average.copy_(present)
