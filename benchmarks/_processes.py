"""What fresh processes take, one command after the other and round again, and the lines of a table about them."""

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

__all__ = ["Took", "conditions", "measured", "ratios", "spread", "succeeds"]

# Bytecode is kept, as Python does by itself: where a machine is told not to, each start would measure the compiler, and
# only for packages that are installed editable.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["OMP_NUM_THREADS"] = "1"


class Took(NamedTuple):
    """What processes took, each list in the order of the rounds: from start to end, and of the processor's time."""

    wall_ms: list[float]
    cpu_ms: list[float]


def measured(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Took]:
    """Return what each command took in `rounds` rounds; A B C, B C A, ... after one of each to warm up.

    Raises: SystemExit: when a command fails; with what it said.
    """
    for name, command in commands.items():
        succeeds(name, command)
    found = {name: Took([], []) for name in commands}
    for turn in range(rounds):
        first = turn % len(commands)
        names = list(commands)
        for name in names[first:] + names[:first]:
            wall_ms, cpu_ms = once(commands[name])
            found[name].wall_ms.append(wall_ms)
            found[name].cpu_ms.append(cpu_ms)
    return found


def succeeds(name: str, command: Sequence[str]) -> str:
    """Run a command once and return its standard output; leave with its message when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    if done.returncode:
        raise SystemExit(f"{name} ended with status {done.returncode}:\n{done.stderr}")
    return done.stdout


def once(command: Sequence[str]) -> tuple[float, float]:
    """Return the wall time and the processor time of a process, in ms; the latter suffers less from a busy machine."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, check=True)
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall_s * 1e3, cpu_s * 1e3


def ratios(times: Sequence[float], base: Sequence[float]) -> list[float]:
    """Return the ratio of each round: both sides of it were measured within a moment."""
    return [own / other for own, other in zip(times, base, strict=True)]


def spread(values: Sequence[float], digits: int) -> tuple[str, str]:
    """Return the median, and the quartiles, as text."""
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:.{digits}f}", f"{low:.{digits}f} to {high:.{digits}f}"


def conditions(rounds: int, load_before: float) -> str:
    """Return machine, versions, repeats and load as one line."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {version('torch')}, "
        f"torchalloy {version('torchalloy-core')}, {sys.platform}; n = {rounds} fresh processes a row, interleaved; "
        f"load {load_before:.1f} before, {os.getloadavg()[0]:.1f} after"
    )
