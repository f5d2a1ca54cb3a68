"""Digits in flame's style: a Process, and a module that says who provides what it asks for."""

from typing import Any

import torch
from injector import Module, inject, provider, singleton
from torch import Tensor, nn

from digits.network import Net
from torchalloy.adapters.flame.pytorch.process import BaseProcess
from torchalloy.adapters.flame.pytorch.typing_prelude import (
    Criterion,
    Device,
    Model,
    Optimizer,
    RootConfig,
    TestDataLoader,
    TrainDataLoader,
)
from torchalloy.core import Mean
from torchalloy.data import Digits, Loader, digits

__all__ = ["DigitsModule", "DigitsProcess"]


class DigitsModule(Module):
    """Provides the network, the loss, the optimizer and the data, each once a run."""

    @singleton
    @provider
    def data(self) -> Digits:
        """Read the scans."""
        return digits()

    @singleton
    @provider
    def model(self, config: RootConfig, device: Device) -> Model:
        """Make the network on the run's device."""
        return Net(config["hidden"]).to(device)  # type: ignore[return-value]  # Model is a key; any module may be bound

    @singleton
    @provider
    def criterion(self) -> Criterion:
        """Make the loss."""
        return Criterion(nn.CrossEntropyLoss())

    @singleton
    @provider
    def optimizer(self, model: Model, config: RootConfig) -> Optimizer:
        """Make the optimizer of the network's parameters."""
        return torch.optim.Adam(model.parameters(), lr=config["lr"])

    @singleton
    @provider
    def train_loader(self, data: Digits, config: RootConfig) -> TrainDataLoader:
        """Shuffle the training scans."""
        return TrainDataLoader(Loader(data.train, config["batch_size"], shuffle=True, seed=config["seed"]))  # type: ignore[arg-type]

    @singleton
    @provider
    def test_loader(self, data: Digits) -> TestDataLoader:
        """Take the test scans in order."""
        return TestDataLoader(Loader(data.test, 360))  # type: ignore[arg-type]


class DigitsProcess(BaseProcess):
    """What happens to one batch of scans."""

    @inject
    def __init__(self, model: Model, criterion: Criterion, optimizer: Optimizer, device: Device) -> None:
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer
        self.device = device

    def training_step(self, batch: tuple[Tensor, Tensor]) -> dict[str, Any]:
        """Go forward and backward."""
        loss, output = self.forward_step(batch)
        loss.backward()
        return output

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> dict[str, Any]:
        """Go forward, and count what is right."""
        with torch.no_grad():
            _, output = self.forward_step(batch)
        right = (output["pred"].argmax(1) == output["label"]).sum()
        return {**output, "accuracy": Mean(right, len(output["label"]))}

    def forward_step(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Any]]:
        """Return the loss and what is worth looking at."""
        image, label = (part.to(self.device, non_blocking=True) for part in batch)
        pred = self.model(image)
        loss = self.criterion(pred, label)
        return loss, {"pred": pred, "label": label, "loss": loss}

    def update(self) -> None:
        """Update the weights."""
        self.optimizer.step()
        self.optimizer.zero_grad()

    def train(self, mode: bool = True) -> None:
        """Switch between training and evaluation."""
        self.model.train(mode)
