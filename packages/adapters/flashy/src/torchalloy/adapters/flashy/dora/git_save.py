"""dora's paths. Code isn't cloned here: a run's record names the commit it ran from."""

from pathlib import Path

__all__ = ["to_absolute_path"]


def to_absolute_path(path: str | Path) -> Path:
    """Return `path` as seen from the folder where the program was started."""
    return Path(path).absolute()
