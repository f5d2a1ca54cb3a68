"""From the setting `device` to the device of this process."""

import re

from torchalloy.core import ConfigError, did_you_mean
from torchalloy.distributed._ranks import Ranks

__all__ = ["device_for"]

_INDEXED = re.compile(r"cuda:(\d+)")


def device_for(setting: str, ranks: Ranks) -> str:
    """Return the device that `setting` means for this process: "cpu", "cuda" or "cuda:1".

    Args:
        setting: "auto" (a GPU where there is one), "cpu", "cuda", or a certain GPU as "cuda:1".
        ranks: Several processes take one GPU each, by their number on the machine.

    Raises: ConfigError: the setting is unknown, or there is no such device; says what would work.
    """
    if setting == "cpu":
        return "cpu"
    indexed = _INDEXED.fullmatch(setting)
    if setting not in ("auto", "cuda") and indexed is None:
        raise ConfigError(f"device: {setting!r} is unknown; {did_you_mean(setting, ['auto', 'cpu', 'cuda', 'cuda:0'])}")
    import torch

    num_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if num_gpus == 0:
        return _without_gpu(setting)
    if indexed is not None:
        return _that_gpu(int(indexed[1]), num_gpus, ranks)
    return _own_gpu(setting, num_gpus, ranks)


def _without_gpu(setting: str) -> str:
    import torch

    if setting == "auto":
        return "cpu"
    why = "sees no GPU" if torch.version.cuda or torch.version.hip else "was built without CUDA"
    raise ConfigError(
        f"device: {setting!r} isn't available: this torch ({torch.__version__}) {why}; use 'cpu' or 'auto'"
    )


def _that_gpu(index: int, num_gpus: int, ranks: Ranks) -> str:
    if ranks.num_local_ranks > 1:
        raise ConfigError(
            f"device: 'cuda:{index}' is one GPU for {ranks.num_local_ranks} processes; "
            "use 'cuda', which gives each its own"
        )
    if index >= num_gpus:
        raise ConfigError(f"device: there is no 'cuda:{index}'; this machine has {_gpus(num_gpus)}")
    return f"cuda:{index}"


def _own_gpu(setting: str, num_gpus: int, ranks: Ranks) -> str:
    if ranks.num_local_ranks == 1:
        return "cuda"
    if ranks.num_local_ranks > num_gpus:
        raise ConfigError(
            f"device: {setting!r} for {ranks.num_local_ranks} processes, but this machine has {_gpus(num_gpus)}; "
            f"start at most {num_gpus}, or use 'cpu'"
        )
    return f"cuda:{ranks.local_rank}"


def _gpus(count: int) -> str:
    names = ", ".join(f"'cuda:{index}'" for index in range(count))
    return f"{count} GPU{'s' if count > 1 else ''}: {names}"
