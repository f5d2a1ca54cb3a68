"""The types a flame program injects. Made for a star import, so everything public here is meant to be bound."""

from pathlib import Path
from typing import Dict, List, NewType  # noqa: UP035  (flame's programs use these names from the star import)

import torch
from torch import Tensor, nn
from torch.optim import Optimizer as Optimizer
from torch.optim.lr_scheduler import LRScheduler as LrScheduler  # noqa: F401  (for the star import)
from torch.utils.data import DataLoader, Dataset, Sampler

from torchalloy.adapters.flame.pytorch.experimental.engine import Engine, State

TrainDataset = NewType("TrainDataset", Dataset)  # type: ignore[type-arg]
ValDataset = NewType("ValDataset", Dataset)  # type: ignore[type-arg]
TestDataset = NewType("TestDataset", Dataset)  # type: ignore[type-arg]
TrainDataLoader = NewType("TrainDataLoader", DataLoader)  # type: ignore[type-arg]
ValDataLoader = NewType("ValDataLoader", DataLoader)  # type: ignore[type-arg]
TestDataLoader = NewType("TestDataLoader", DataLoader)  # type: ignore[type-arg]
TrainLoader = NewType("TrainLoader", DataLoader)  # type: ignore[type-arg]
ValLoader = NewType("ValLoader", DataLoader)  # type: ignore[type-arg]
TestLoader = NewType("TestLoader", DataLoader)  # type: ignore[type-arg]
TrainSampler = NewType("TrainSampler", Sampler)  # type: ignore[type-arg]
ValSampler = NewType("ValSampler", Sampler)  # type: ignore[type-arg]
TestSampler = NewType("TestSampler", Sampler)  # type: ignore[type-arg]
RootConfig = NewType("RootConfig", dict)  # type: ignore[type-arg]
ExperimentDir = NewType("ExperimentDir", Path)  # type: ignore[valid-newtype, unused-ignore]
Criterion = NewType("Criterion", nn.Module)
Device = NewType("Device", torch.device)
Dtype = NewType("Dtype", torch.dtype)
Trainer = NewType("Trainer", Engine)
Evaluator = NewType("Evaluator", Engine)
TrainState = NewType("TrainState", State)
ValState = NewType("ValState", State)
TestState = NewType("TestState", State)
TensorDict = Dict[str, Tensor]  # noqa: UP006
TensorList = List[Tensor]  # noqa: UP006


class Model(nn.Module):
    """The key under which a program binds its network; what is bound needn't be an instance.

    Used as a class it hands everything on to `module`, as DataParallel does.
    """

    module: nn.Module

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *args: object, **kwargs: object) -> object:
        """Return what `module` returns."""
        return self.module(*args, **kwargs)
