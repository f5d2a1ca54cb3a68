"""JSON of results that hold NumPy values."""

import json
from typing import Any

import numpy as np

__all__ = ["NpJsonEncoder"]


class NpJsonEncoder(json.JSONEncoder):
    """Writes NumPy integers, floats, booleans and arrays as their plain counterparts."""

    def default(self, o: Any) -> Any:
        """Return what stands for `o`."""
        if isinstance(o, np.generic):
            return o.item()
        if isinstance(o, np.ndarray):
            return o.tolist()
        return super().default(o)
