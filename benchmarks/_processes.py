"""Wall times of fresh processes, one command after the other and round again, and the lines of a table about them."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version

__all__ = ["conditions", "milliseconds", "ratios", "spread", "succeeds"]

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def milliseconds(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """Return the wall times of each command in ms, `rounds` of each; A B C, B C A, ... after a round to warm up.

    Raises: SystemExit: when a command fails; with what it said.
    """
    for name, command in commands.items():
        succeeds(name, command)
    found: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds):
        first = turn % len(commands)
        names = list(commands)
        for name in names[first:] + names[:first]:
            found[name].append(once_ms(commands[name]))
    return found


def succeeds(name: str, command: Sequence[str]) -> str:
    """Run a command once and return its standard output; leave with its message when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=ONE_THREAD, check=False)
    if done.returncode:
        raise SystemExit(f"{name} ended with status {done.returncode}:\n{done.stderr}")
    return done.stdout


def once_ms(command: Sequence[str]) -> float:
    """Return the wall time of a process from start to end."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ONE_THREAD, check=True)
    return (time.perf_counter() - began) * 1e3


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
