"""Transforms of records of images, boxes and points, by name."""

from torchalloy.adapters.trainframework.transforms.build import BUILD_TRANSFORMER_REGISTRY, build_transformer
from torchalloy.adapters.trainframework.transforms.pipe import TransformCompose
from torchalloy.adapters.trainframework.transforms.transforms import (
    BasicColorTransform,
    Normalize,
    RandomBrightness,
    RandomCLAHE,
    RandomColorJitter,
    RandomContrast,
    RandomFlip,
    RandomGamma,
    RandomGaussianBlur,
    RandomHue,
    RandomSaturation,
    Resize,
    ToGray,
)

__all__ = [
    "BUILD_TRANSFORMER_REGISTRY",
    "BasicColorTransform",
    "Normalize",
    "RandomBrightness",
    "RandomCLAHE",
    "RandomColorJitter",
    "RandomContrast",
    "RandomFlip",
    "RandomGamma",
    "RandomGaussianBlur",
    "RandomHue",
    "RandomSaturation",
    "Resize",
    "ToGray",
    "TransformCompose",
    "build_transformer",
]
