"""A small project of a user's, in flame's style, for the runtime's tests to train, break and kill."""

import os
import signal
import time
from pathlib import Path

import torch
from injector import Module, provider, singleton

from torchalloy.adapters.flame.pytorch.process import SupervisedProcess
from torchalloy.adapters.flame.pytorch.typing_prelude import (
    Criterion,
    Model,
    Optimizer,
    RootConfig,
    TrainDataLoader,
    ValDataLoader,
)
from torchalloy.data import Loader, TensorData


class Parts(Module):
    @singleton
    @provider
    def model(self) -> Model:
        return torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 2))

    @singleton
    @provider
    def criterion(self) -> Criterion:
        return torch.nn.CrossEntropyLoss()

    @singleton
    @provider
    def optimizer(self, model: Model, config: RootConfig) -> Optimizer:
        return torch.optim.Adam(model.parameters(), lr=config.get("lr", 0.01))

    @singleton
    @provider
    def data(self) -> TensorData:
        generator = torch.Generator().manual_seed(0)
        return TensorData(torch.randn(40, 8, generator=generator), torch.randint(2, (40,), generator=generator))

    @singleton
    @provider
    def train(self, data: TensorData) -> TrainDataLoader:
        return Loader(data, 8, shuffle=True)

    @singleton
    @provider
    def valid(self, data: TensorData) -> ValDataLoader:
        return Loader(data, 40)


class Process(SupervisedProcess):
    """Trains; where the environment says so it fails or kills itself at a step, or is slow."""

    steps = 0

    def training_step(self, batch):
        Process.steps += 1
        if os.environ.get("FAIL_AT") == str(Process.steps):
            raise ValueError("my own mistake")
        if os.environ.get("KILL_AT") == str(Process.steps):
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ.get("SLOW"):
            Path("slow").touch()
            time.sleep(0.05)
        return super().training_step(batch)


class NoProcess:
    """Lacks what a Process has."""
