"""A running mean of the weights, which models may generate with."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["EMA", "ema_wrapper"]


class EMA:
    """Shadow copies of the parameters that require a gradient. Buffers (batch norm's statistics) aren't averaged.

    Args:
        parameters: The network's parameters, in a fixed order.
        decay_rate: Share of the shadow that stays at each update; in [0, 1].
        num_updates: Updates made so far, which lowers the decay of the first ones; None for the plain decay.
    """

    def __init__(
        self, parameters: Iterable[torch.nn.Parameter], decay_rate: float, num_updates: int | None = None
    ) -> None:
        assert 0.0 <= decay_rate <= 1.0, f"EMA: decay_rate should be in [0, 1], got {decay_rate}"
        self.decay_rate = decay_rate
        self.num_updates = num_updates
        self.shadow_params = [one.detach().clone() for one in parameters if one.requires_grad]
        self.saved_params: list[torch.Tensor] = []

    @torch.no_grad()
    def update(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Move the shadows towards `parameters`: shadow = d * shadow + (1 - d) * parameter.

        d is `decay_rate`, or min(decay_rate, (1 + n) / (10 + n)) at the n-th update where updates are counted.
        """
        decay = self._next_decay()
        for shadow, parameter in self._pairs(parameters):
            shadow.sub_((1.0 - decay) * (shadow - parameter))

    @torch.no_grad()
    def copy(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Write the shadows into `parameters`."""
        for shadow, parameter in self._pairs(parameters):
            parameter.copy_(shadow)

    def store(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Remember `parameters` for `copy_back`."""
        self.saved_params = [one.detach().clone() for one in parameters if one.requires_grad]

    @torch.no_grad()
    def copy_back(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Write what `store` remembered into `parameters`, and forget it."""
        trained = [one for one in parameters if one.requires_grad]
        for saved, parameter in zip(self.saved_params, trained, strict=True):
            parameter.copy_(saved)
        self.saved_params = []

    def to(self, device: Any = None, dtype: torch.dtype | None = None) -> None:
        """Move the shadows, and cast those that are floating point."""
        self.shadow_params = [_moved(one, device, dtype) for one in self.shadow_params]
        self.saved_params = [_moved(one, device, dtype) for one in self.saved_params]

    def state_dict(self) -> dict[str, Any]:
        """Return decay, count and shadows; parameters that wait for `copy_back` aren't part of it."""
        return {
            "decay_rate": self.decay_rate,
            "num_updates": self.num_updates,
            "shadow_params": self.shadow_params,
            "saved_params": [],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over decay, count and shadows.

        Raises: ValueError: for another number of shadows.
        """
        if len(state_dict["shadow_params"]) != len(self.shadow_params):
            raise ValueError(
                f"EMA: the state holds {len(state_dict['shadow_params'])} parameters,"
                f" the network {len(self.shadow_params)}"
            )
        self.decay_rate, self.num_updates = state_dict["decay_rate"], state_dict["num_updates"]
        for shadow, kept in zip(self.shadow_params, state_dict["shadow_params"], strict=True):
            shadow.copy_(kept)

    def _next_decay(self) -> float:
        if self.num_updates is None:
            return self.decay_rate
        self.num_updates += 1
        return min(self.decay_rate, (1 + self.num_updates) / (10 + self.num_updates))

    def _pairs(self, parameters: Iterable[torch.nn.Parameter]) -> Iterator[tuple[torch.Tensor, torch.nn.Parameter]]:
        trained = [one for one in parameters if one.requires_grad]
        if len(trained) != len(self.shadow_params):
            raise ValueError(f"EMA holds {len(self.shadow_params)} parameters, the network has {len(trained)} to train")
        return zip(self.shadow_params, trained, strict=True)


@contextmanager
def ema_wrapper(model: Any) -> Iterator[None]:
    """Give `model.g_model` the averaged weights for the length of a `with` block, whatever happens in it.

    Does nothing for a model without an `ema`.
    """
    ema: EMA | None = getattr(model, "ema", None)
    if ema is None:
        yield
        return
    trained = [one for one in model.g_model.parameters() if one.requires_grad]
    kept = [one.detach().clone() for one in trained]  # not in `ema`, so that these blocks may stand inside each other
    ema.copy(trained)
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, value in zip(trained, kept, strict=True):
                parameter.copy_(value)


def _moved(tensor: torch.Tensor, device: Any, dtype: torch.dtype | None) -> torch.Tensor:
    return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)
