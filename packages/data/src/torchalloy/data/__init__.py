"""Batches with an exact address: loaders that can be entered anywhere, every generator as state, and real data.

Importing the face imports no torch, so that looking at what is installed stays quick; using a name does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOME = {
    "Digits": "_digits",
    "digits": "_digits",
    "Generators": "_generators",
    "seed_everything": "_generators",
    "Loader": "_loader",
    "order_seed": "_order",
    "sample_order": "_order",
    "Replay": "_replay",
    "as_source": "_replay",
    "TensorData": "_tensors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return found
