"""Random states by name, in files that execute nothing when read."""

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from torchalloy.adapters.thexp.utils import random
from torchalloy.checkpoint import export_torch, import_torch

__all__ = ["RndManager"]


class RndManager:
    """Keeps random states as `<save_dir>/<name>.rnd`.

    Args:
        save_dir: Made when the first state is saved.
    """

    STATE_DATESET = "dataset"
    STATE_MODEL = "model"
    STATE_TRAIN_BEGIN = "begin"
    STATE_BREAK = "break"

    def __init__(self, save_dir: str | Path = "./rnd") -> None:
        self.save_dir = Path(save_dir)

    def save_rnd_state(self, name: str) -> str:
        """Save the present states as `name`; return the file."""
        return str(export_torch(self._file(name), _portable(random.get_state())))

    def have_rnd_state(self, name: str) -> bool:
        """Return whether `name` was saved."""
        return self._file(name).exists()

    def get_rnd_state(self, name: str) -> dict[str, Any] | None:
        """Return the states saved as `name`, or None.

        Raises: CheckpointError: the file is damaged, or was written by thexp itself, whose pickles could run anything.
        """
        return _native(import_torch(self._file(name))) if self.have_rnd_state(name) else None

    def load_rnd_state(self, name: str, not_exist_save: bool = False) -> bool:
        """Put back the states saved as `name`; return whether they were there. If not, save them if asked to."""
        state = self.get_rnd_state(name)
        if state is not None:
            random.set_state(state)
        elif not_exist_save:
            self.save_rnd_state(name)
        return state is not None

    def del_rnd_state(self, name: str) -> None:
        """Forget `name`, if it was saved."""
        self._file(name).unlink(missing_ok=True)

    def mark(self, name: str) -> bool:
        """Begin the same randomness at this place in every run: seed from the name once, put it back later.

        Returns: False the first time, True later.
        """
        if not self.have_rnd_state(name):
            random.fix_seed(random.hashseed(name))
            self.save_rnd_state(name)
            return False
        return self.load_rnd_state(name)

    def shuffle(self, name: str = "shuffle", seed: int | None = None) -> str:
        """Seed anew, by the clock unless `seed` is given, and save the state as `name`; return the file."""
        random.fix_seed(self.int_time() if seed is None else seed)
        return self.save_rnd_state(name)

    def list(self) -> list[str]:
        """Return the names that were saved, sorted."""
        return sorted(file.stem for file in self.save_dir.glob("*.rnd"))

    @staticmethod
    def int_time() -> int:
        """Return the microseconds of the present second."""
        return int(math.modf(time.time())[0] * 1_000_000)

    def _file(self, name: str) -> Path:
        return self.save_dir / f"{name}.rnd"


def _portable(state: dict[str, Any]) -> dict[str, Any]:
    kind, keys, *rest = state["numpy"]
    return {**state, "numpy": (kind, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest)}


def _native(state: dict[str, Any]) -> dict[str, Any]:
    kind, keys, *rest = state["numpy"]
    return {**state, "numpy": (kind, keys.numpy().astype(np.uint32), *rest)}
