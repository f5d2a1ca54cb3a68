"""TrainFramework's names on torchalloy's Engine: change `engine` to `torchalloy.adapters.trainframework` in imports.

The modules lie where users of TrainFramework look for them; importing this face imports no torch.
"""

__all__ = ["TORCH_VERSION"]

TORCH_VERSION: tuple[int, int]


def __getattr__(name: str) -> tuple[int, int]:
    """Give `TORCH_VERSION`, major and minor of the installed torch, when it is first asked for."""
    if name != "TORCH_VERSION":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    major, minor = version("torch").split(".")[:2]
    return int(major), int(minor)
