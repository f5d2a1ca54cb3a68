"""The Process: what happens to one batch, with everything it needs injected."""

from collections.abc import Mapping
from typing import Any, Optional

import torch
from injector import inject, singleton
from torch import nn
from torch.amp import GradScaler, autocast
from torch.optim import Optimizer

from torchalloy.adapters.flame.pytorch.typing_prelude import Criterion, Model

__all__ = ["BaseProcess", "SupervisedProcess"]


class BaseProcess:
    """What the engine calls: a step for training, one for validation, an update, and the switch between the modes.

    A subclass writes `forward_step`; `forward` is its other name.
    """

    def forward_step(self, batch: Any) -> tuple[Any, Any]:
        """Return (loss, output) for one batch."""
        return self.forward(batch)

    def forward(self, batch: Any) -> tuple[Any, Any]:
        """Return (loss, output) for one batch."""
        if type(self).forward_step is BaseProcess.forward_step:
            raise NotImplementedError(f"{type(self).__name__} defines neither forward_step nor forward")
        return self.forward_step(batch)

    def training_step(self, batch: Any) -> Any:
        """Go forward and backward on one batch; doesn't update the weights."""

    def validation_step(self, batch: Any) -> Any:
        """Go forward on one batch."""

    def update(self) -> None:
        """Update the weights."""

    def train(self, mode: bool = True) -> None:
        """Switch to training, or with `mode` False to evaluation."""

    def eval(self) -> None:
        """Switch to evaluation."""
        self.train(mode=False)


@singleton
class SupervisedProcess(BaseProcess):
    """Supervised training on (data, label) batches.

    A scaler that is injected and enabled turns mixed precision on; the injector makes one where CUDA is available
    unless a module provides another, as it did for flame.

    `update` zeroes the gradients after the optimizer's step, so calling it every k-th batch accumulates them.
    """

    @inject
    def __init__(
        self,
        model: Model,
        optimizer: Optimizer,
        criterion: Criterion,
        grad_scaler: Optional[GradScaler] = None,  # noqa: UP045  (the injector reads Optional as "may be missing")
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.criterion = criterion
        first = _first_tensor(model)
        self.device, self.dtype = first.device, first.dtype
        self.grad_scaler = grad_scaler or GradScaler(self.device.type, enabled=False)
        self.use_amp = self.grad_scaler.is_enabled()

    def forward(self, batch: Any) -> tuple[torch.Tensor, Mapping[str, Any]]:
        """Return the loss and {"pred", "label", "loss", "batch_size"} for one batch, on the model's device."""
        data, label = batch
        data, label = data.to(self.device, non_blocking=True), label.to(self.device, non_blocking=True)
        with autocast(self.device.type, enabled=self.use_amp):
            pred = self.model(data)
            loss = self.criterion(pred, label)
        return loss, {"pred": pred, "label": label, "loss": loss, "batch_size": label.size(0)}

    def training_step(self, batch: Any) -> Any:
        """Go forward and backward on one batch and return the output."""
        loss, output = self.forward_step(batch)
        self.grad_scaler.scale(loss).backward()
        return output

    def validation_step(self, batch: Any) -> Any:
        """Go forward on one batch without gradients and return the output."""
        with torch.no_grad():
            _, output = self.forward_step(batch)
        return output

    def update(self) -> None:
        """Step the optimizer and zero the gradients."""
        self.grad_scaler.step(self.optimizer)
        self.grad_scaler.update()
        self.optimizer.zero_grad()

    def train(self, mode: bool = True) -> None:
        """Switch the model."""
        self.model.train(mode)


def _first_tensor(model: nn.Module) -> torch.Tensor:
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor
    raise Exception(f"{type(model).__name__} has neither parameters nor buffers, so it has no device")
