"""flame's names on torchalloy's Engine: change `flame` to `torchalloy.adapters.flame` in the imports."""

__version__ = "0.1.1"

__all__ = ["__version__"]
