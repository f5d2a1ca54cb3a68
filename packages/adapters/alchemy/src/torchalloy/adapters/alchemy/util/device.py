"""Which device a run gets: a free GPU, or the CPU."""

import importlib
import importlib.util
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from loguru import logger

from torchalloy.adapters.alchemy._errors import BadArgument

__all__ = ["CPU", "alloc", "alloc1", "alloc_cuda", "check_installed"]

CPU = {"device": "cpu"}
FREE_BELOW_BYTES = 1500 * 1024 * 1024


def check_installed() -> bool:
    """Whether pynvml is there to ask GPUs how busy they are."""
    return importlib.util.find_spec("pynvml") is not None


def alloc1(device: Sequence[int] | None = None) -> dict[str, Any]:
    """Return the device of one run; see `alloc`."""
    return next(alloc([list(device or ())]))


def alloc(preferred: Iterable[Sequence[int]], wait_time: float = 240.0) -> Iterator[dict[str, Any]]:
    """Yield a device for each list of allowed GPU ids; the CPU, with a message, where there is no GPU to ask.

    Args:
        preferred: Lists of ids; an empty one allows all, `[-1]` is the CPU.
        wait_time: Seconds between two looks while none is free.

    Yields: `{"device": "cpu"}`, or `{"device": "cuda:0", "desc": name, "driver": version}`.
    """
    for ids in preferred:
        if list(ids) == [-1]:
            yield dict(CPU)
        elif why := _why_no_gpu():
            logger.warning("the run goes to the CPU: {}", why)
            yield dict(CPU)
        else:
            yield from alloc_cuda([ids], wait_time)


def alloc_cuda(preferred: Iterable[Sequence[int]], wait_time: float = 240.0) -> Iterator[dict[str, Any]]:
    """Yield a free GPU for each list of allowed ids, chosen at random; the environment's `ALL_GPU="0,2"` narrows them.

    Raises: BadArgument (a ValueError): an id that doesn't exist, or GPUs that can't be asked.
    """
    handed_out: set[int] = set()
    for ids in preferred:
        if why := _why_no_gpu():
            raise BadArgument(f"device {list(ids)}: {why}")
        candidates = _candidates(ids)
        while not (free := [index for index in candidates if index not in handed_out and _is_free(index)]):
            logger.info("no GPU of {} is free; looking again in {} s", candidates, wait_time)
            time.sleep(wait_time)
            handed_out.clear()
        chosen = random.choice(free)
        handed_out.add(chosen)
        yield _described(chosen)


def _why_no_gpu() -> str | None:
    if not torch.cuda.is_available():
        return "torch finds no GPU it can use"
    if not check_installed():
        return "pynvml isn't installed, so GPUs can't be asked whether they are free (pip install nvidia-ml-py)"
    return None


def _candidates(ids: Sequence[int]) -> list[int]:
    allowed = [int(index) for index in os.environ.get("ALL_GPU", "").split(",") if index.strip()]
    there = range(torch.cuda.device_count())
    wanted = list(ids) or allowed or list(there)
    missing = [index for index in wanted if index not in there]
    if missing:
        raise BadArgument(f"device {missing}: there is no such GPU; there are {list(there)}")
    kept = [index for index in wanted if not allowed or index in allowed]
    if not kept:
        raise BadArgument(f"device {list(ids)}: the environment's ALL_GPU allows only {allowed}")
    return kept


def _is_free(index: int) -> bool:
    free_bytes, total_bytes = torch.cuda.mem_get_info(index)
    return total_bytes - free_bytes < FREE_BELOW_BYTES


def _described(index: int) -> dict[str, Any]:
    nvml: Any = importlib.import_module("pynvml")
    nvml.nvmlInit()
    driver = nvml.nvmlSystemGetDriverVersion()
    return {"device": f"cuda:{index}", "desc": torch.cuda.get_device_name(index), "driver": str(driver)}
