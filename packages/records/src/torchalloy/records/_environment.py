"""What a run ran on, small enough for its summary."""

import platform
import sys
from importlib import metadata

from torchalloy.core import __version__

__all__ = ["describe_environment"]


def describe_environment() -> dict[str, str | None]:
    """Return the versions of python, torch and torchalloy, and the platform. Imports nothing heavy.

    `torch` is that of the loaded module, else of the installed distribution, else None.
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.release()}-{platform.machine()}",
        "torch": _torch_version(),
        "torchalloy": __version__,
    }


def _torch_version() -> str | None:
    if "torch" in sys.modules:
        return str(sys.modules["torch"].__version__)
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return None
