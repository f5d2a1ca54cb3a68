"""When a `.pth` file is written, what is in it, and which old ones go."""

import re
from pathlib import Path
from typing import Any

from torchalloy.adapters.trainframework.checkpoint.checkpoint_state_dict import CheckPointStateDict

__all__ = ["CheckPointerManager"]


class CheckPointerManager:
    """Writes `<prefix>_<iteration, 7 digits>.pth` every `check_period` iterations and `<prefix>_final.pth` at the end.

    Args:
        max_iter: Iterations in the run; None where it is open.
        save_dir: The folder; "" saves nothing.
        check_period: Saves when `(iteration + 1) % check_period == 0`; 0 for no numbered files.
        file_prefix: How file names begin.
        max_keep: Newest numbered files that stay, those of earlier processes included; None for all.
        save_to_disk: False on the processes that don't write.
    """

    def __init__(
        self,
        max_iter: int | None = None,
        save_dir: str = "",
        check_period: int = 0,
        file_prefix: str = "model",
        max_keep: int | None = None,
        *,
        save_to_disk: bool = True,
    ) -> None:
        self.max_iter = max_iter
        self.check_period = check_period
        self.file_prefix = file_prefix
        self.max_keep = max_keep
        self.checkpointer = CheckPointStateDict(save_dir, save_to_disk)
        self.recent_checkpoints: list[str] = self._numbered()

    def save(self, model: Any, iteration: int) -> None:
        """Write what is due after `iteration` (from 0)."""
        if not self.checkpointer.save_to_disk:
            return
        if self.check_period > 0 and (iteration + 1) % self.check_period == 0:
            self._write(f"{self.file_prefix}_{iteration:07d}", model, iteration)
            self._rotate()
        if self.max_iter is not None and iteration >= self.max_iter - 1:
            self._write(f"{self.file_prefix}_final", model, iteration)

    def resume_or_load(self, path: str | None, resume: bool = True) -> tuple[Any, Any, int]:
        """Return the weights, what else a resumed run needs, and the iteration it goes on with.

        Only the folder's own newest file gives the latter two, and only where `resume`; weights alone come from `path`.
        """
        held = self.checkpointer.resume_or_load(path, resume)
        if not (resume and self.checkpointer.has_checkpoint()):
            return held.get("model"), None, 0
        extras = held.get("checkpointables", {})
        return held["model"], extras, int(extras.get("iteration", -1)) + 1

    @staticmethod
    def compose_state_dict(model: Any, iteration: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a file holds: the weights, and the `checkpointables` with the iteration among them."""
        return model.get_state_dict(), {**model.get_addition_state_dict(), "iteration": iteration}

    def _write(self, name: str, model: Any, iteration: int) -> None:
        weights, extras = self.compose_state_dict(model, iteration)
        self.checkpointer.save(name, weights, **extras)

    def _rotate(self) -> None:
        self.recent_checkpoints = self._numbered()
        while self.max_keep is not None and len(self.recent_checkpoints) > self.max_keep:
            Path(self.recent_checkpoints.pop(0)).unlink(missing_ok=True)

    def _numbered(self) -> list[str]:
        """Return the numbered files of this prefix, the oldest first."""
        pattern = re.compile(re.escape(self.file_prefix) + r"_\d{7,}\.pth")
        found = [path for path in self.checkpointer.get_all_checkpoint_files() if pattern.fullmatch(Path(path).name)]
        return sorted(found, key=lambda path: int(Path(path).stem.rpartition("_")[2]))
