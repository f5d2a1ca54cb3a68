"""Data sets by name, and batches of them with an exact address."""

from torchalloy.adapters.trainframework.data.build import BUILD_DATASET_REGISTRY, build_dataset
from torchalloy.adapters.trainframework.data.common import ToIterableDataset
from torchalloy.adapters.trainframework.data.data_loader import (
    EndlessBatches,
    EpochBatches,
    create_data_loader,
    create_iterable_data_loader,
)
from torchalloy.adapters.trainframework.data.dataset import EngineDataSet
from torchalloy.adapters.trainframework.data.samplers import TrainingSampler

__all__ = [
    "BUILD_DATASET_REGISTRY",
    "EndlessBatches",
    "EngineDataSet",
    "EpochBatches",
    "ToIterableDataset",
    "TrainingSampler",
    "build_dataset",
    "create_data_loader",
    "create_iterable_data_loader",
]
