"""One folder of `.pth` files, and the note of the newest."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchalloy.adapters.trainframework._errors import MissingWeights
from torchalloy.checkpoint import export_torch, import_torch
from torchalloy.core import CheckpointError

__all__ = ["CheckPointStateDict"]

_TAG = "last_checkpoint"


class CheckPointStateDict:
    """Writes and reads `{"model": ..., "checkpointables": ...}`; nothing that was pickled as code is read.

    Args:
        save_dir: The folder; "" for none, which saves nothing.
        save_to_disk: False on the processes that don't write.
    """

    def __init__(self, save_dir: str = "", save_to_disk: bool = True) -> None:
        self.save_dir = save_dir
        self.save_to_disk = save_to_disk and bool(save_dir)

    def save(self, name: str, state_dict: Mapping[str, Any], **checkpointables: Any) -> None:
        """Write `<name>.pth` and note it as the newest; a crash leaves the old file or the new one, whole."""
        if not self.save_to_disk:
            return
        export_torch(
            Path(self.save_dir) / f"{name}.pth", {"model": dict(state_dict), "checkpointables": checkpointables}
        )
        self.tag_last_checkpoint(f"{name}.pth")

    def load(self, path: str | Path) -> dict[str, Any]:
        """Return what the file at `path` holds, on the CPU.

        Raises: CheckpointError: where it isn't such a file. MissingWeights: (a FileNotFoundError) where there is none.
        """
        if not Path(path).is_file():
            raise MissingWeights(f"no weights at {path}; trainer.weights takes a .pth file of this machine")
        held: Any = import_torch(path)
        if not isinstance(held, dict) or "model" not in held:
            raise CheckpointError(f"{path} holds no 'model'; expected a file that TrainFramework or this adapter wrote")
        return held

    def has_checkpoint(self) -> bool:
        """Return whether the folder has a note of the newest file."""
        return bool(self.save_dir) and (Path(self.save_dir) / _TAG).is_file()

    def get_checkpoint_file(self) -> str:
        """Return the path of the newest file, or "" without a note."""
        return (
            str(Path(self.save_dir) / (Path(self.save_dir) / _TAG).read_text().strip()) if self.has_checkpoint() else ""
        )

    def get_all_checkpoint_files(self) -> list[str]:
        """Return the paths of all `.pth` files in the folder, the newest first."""
        files = Path(self.save_dir).glob("*.pth") if self.save_dir else ()
        return [
            str(path) for path in sorted(files, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
        ]

    def resume_or_load(self, path: str | None, resume: bool = True) -> dict[str, Any]:
        """Return the newest file's content where `resume` and there is one, else that of `path`, else {}."""
        if resume and self.has_checkpoint():
            return self._newest_readable()
        return self.load(path) if path else {}

    def tag_last_checkpoint(self, name: str) -> None:
        """Note `name` as the newest file."""
        written = Path(self.save_dir) / f".{_TAG}.part"
        written.write_text(name)
        written.replace(Path(self.save_dir) / _TAG)

    def _newest_readable(self) -> dict[str, Any]:
        tagged = self.get_checkpoint_file()
        others = [path for path in self.get_all_checkpoint_files() if path != tagged]
        problems = []
        for path in (tagged, *others):
            try:
                return self.load(path)
            except CheckpointError as error:
                problems.append(str(error))
                logging.getLogger(__name__).warning("%s; trying the one before", error)
        raise CheckpointError(f"{self.save_dir} has no checkpoint that can be read: {'; '.join(problems)}")
