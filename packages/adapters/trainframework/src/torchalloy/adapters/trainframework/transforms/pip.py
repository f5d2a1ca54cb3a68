"""`transforms.pipe`, as some of TrainFramework's pages spell it."""

from torchalloy.adapters.trainframework.transforms.pipe import TransformCompose

__all__ = ["TransformCompose"]
