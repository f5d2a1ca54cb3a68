"""Trainers: data, model and files of one run."""

from torchalloy.adapters.trainframework.trainer.build import BUILD_TRAINER_REGISTRY, build_trainer
from torchalloy.adapters.trainframework.trainer.trainer import BaseTrainer

__all__ = ["BUILD_TRAINER_REGISTRY", "BaseTrainer", "build_trainer"]
