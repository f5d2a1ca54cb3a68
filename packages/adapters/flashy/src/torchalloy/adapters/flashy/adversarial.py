"""Losses against an adversary that learns beside the generator."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from torchalloy.adapters.flashy import distrib
from torchalloy.adapters.flashy.utils import readonly

__all__ = ["AdversarialLoss"]


class AdversarialLoss(nn.Module):
    """The loss of a generator against `adversary`, which `train_adv` trains. A high logit means fake.

    Its state holds the optimizer's too, under the key `optimizer`.

    Args:
        adversary: Gives logits of any shape for what it is shown.
        optimizer: Of the adversary's parameters.
        loss: Takes logits and targets of the same shape, 1 for fake; returns a 0-d tensor.
    """

    def __init__(
        self, adversary: nn.Module, optimizer: torch.optim.Optimizer, loss: Any = F.binary_cross_entropy_with_logits
    ) -> None:
        super().__init__()
        self.adversary = adversary
        self.optimizer = optimizer
        self.loss = loss
        distrib.broadcast_model(adversary)

    def train_adv(self, fake: Tensor, real: Tensor) -> Tensor:
        """Teach the adversary one step to tell `fake` from `real`; return its loss, a detached 0-d tensor."""
        on_fake, on_real = self.adversary(fake.detach()), self.adversary(real.detach())
        loss: Tensor = self.loss(on_fake, torch.ones_like(on_fake)) + self.loss(on_real, torch.zeros_like(on_real))
        self.optimizer.zero_grad()
        with distrib.eager_sync_model(self.adversary):
            loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
        self.optimizer.step()
        return loss.detach()

    def forward(self, fake: Tensor) -> Tensor:
        """Return the generator's loss, which falls as the adversary takes `fake` for real.

        Gradients reach `fake`, and no parameter of the adversary.
        """
        with readonly(self.adversary):
            logits = self.adversary(fake)
            loss: Tensor = self.loss(logits, torch.zeros_like(logits))
        return loss

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}optimizer"] = self.optimizer.state_dict()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **kwargs: Any) -> None:
        self.optimizer.load_state_dict(state_dict.pop(f"{prefix}optimizer"))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
