"""Batches with an exact address: loaders that can be entered anywhere, every generator as state, and real data."""

from torchalloy.data._digits import Digits, digits
from torchalloy.data._generators import Generators, seed_everything
from torchalloy.data._loader import Loader
from torchalloy.data._order import order_seed, sample_order
from torchalloy.data._replay import Replay, as_source
from torchalloy.data._tensors import TensorData

__all__ = [
    "Digits",
    "Generators",
    "Loader",
    "Replay",
    "TensorData",
    "as_source",
    "digits",
    "order_seed",
    "sample_order",
    "seed_everything",
]
