"""Files of torch.save, for those who look for them: written at once or not at all, read as weights only."""

import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from torchalloy.checkpoint import _files
from torchalloy.core import CheckpointError

__all__ = ["export_torch", "import_torch"]


def export_torch(path: Path | str, obj: Any) -> Path:
    """Write `obj` with torch.save; a reader or a crash meets the file there was or the new one, whole.

    Returns: `path`.
    Raises: CheckpointError: naming the path and why it can't be written.
    """
    path = Path(path).absolute()
    try:
        _files.make_folders(path.parent)
        with _files.temporary(path) as beside:
            _save(beside, obj)
            os.replace(beside, path)
        _files.sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(f"{path} can't be written: {error.strerror or error}") from error
    except (RuntimeError, pickle.PicklingError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} can't be written: {error}") from error
    return path


def import_torch(path: Path | str, allow: Sequence[Any] = ()) -> Any:
    """Read a file of torch.save onto the CPU, executing nothing: weights, plain data and allow-listed types.

    Args:
        path: A file of torch.save.
        allow: Types and functions that the file may name besides torch's own, as `torch.serialization.safe_globals`
            takes them.

    Raises: CheckpointError: naming the file and what is wrong with it, or the types in it that aren't allowed.
    """
    path = Path(path).absolute()
    try:
        with torch.serialization.safe_globals(list(allow)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path} isn't there") from None
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror or error}") from error
    except Exception as error:
        raise CheckpointError(f"{path}: {_reason(path, allow, error)}") from error


def _save(path: Path, obj: Any) -> None:
    with open(path, "xb") as file:
        torch.save(obj, file)
        file.flush()
        os.fsync(file.fileno())


def _reason(path: Path, allow: Sequence[Any], error: Exception) -> str:
    try:
        with torch.serialization.safe_globals(list(allow)):
            refused = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # a file too damaged even to be searched; the first error says so
        refused = []
    if refused:
        return f"it names {', '.join(sorted(refused))}, which may be more than weights; allow those you trust"
    return f"it isn't a readable file of torch.save: {str(error).splitlines()[0]}"
