"""Time the engine itself takes for a step, around a step that does nothing: no torch, no data, only the loop.

python packages/engine/benchmarks/engine_alone.py

Blocks of all rows alternate in one process, so that a core that is faster for a second is so for every row. The bare
loop is what nobody can go below: Python's `for` and the call of the step.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from torchalloy.core import Budget, Every, Handlers, Recipe, Stage, State
from torchalloy.engine import link, run

BLOCK, ROUNDS = 20_000, 150
BATCHES = [None] * BLOCK


def main() -> None:
    """Print the conditions and one line a row: median, quartiles and least of the blocks."""
    began = os.getloadavg()[0]
    rows = make_rows()
    times_us: dict[str, list[float]] = {name: [] for name in rows}
    for turn in range(-3, ROUNDS):
        for name, block in rows.items():
            taken_us = block_us(block)
            if turn >= 0:  # the rounds before are to warm up
                times_us[name].append(taken_us)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torchalloy "
        f"{version('torchalloy-engine')}; n = {ROUNDS} blocks of {BLOCK} steps, alternating; "
        f"load {began:.1f} before, {os.getloadavg()[0]:.1f} after\n"
    )
    print("| a step that does nothing | us a step, median | quartiles | least | target |\n|---|---|---|---|---|")
    for name, found in times_us.items():
        low, median, high = statistics.quantiles(found, n=4)
        print(f"| {name} | {median:.3f} | {low:.3f} to {high:.3f} | {min(found):.3f} | {TARGETS.get(name, '')} |")


def block_us(block: Callable[[], None]) -> float:
    """Return microseconds a step."""
    began = time.perf_counter()
    block()
    return (time.perf_counter() - began) / BLOCK * 1e6


def bare_loop() -> None:
    """What is left when there is no engine."""
    state = State()
    for batch in BATCHES:
        nothing(batch, state)


def engine(*handlers: Handlers) -> Callable[[], None]:
    """Return a block of steps on the engine; its set-up, once in 20,000 steps, is in the time."""
    work = (Stage("train", BATCHES, nothing),)
    program = link(Recipe(work, Budget(epochs=1), handlers=handlers))

    def block() -> None:
        run(program, State())

    return block


def nothing(_: Any, __: Any) -> None:
    """Be a step, or a handler."""


def five_at_three_points() -> tuple[Handlers, ...]:
    """Five handlers before the step, and ten after it: five of a style (its after-step), five of plugins (its log)."""
    style = [Handlers(f"style {place}", before_step=nothing, after_step=nothing) for place in range(5)]
    return (*style, *(Handlers(f"plugin {place}", after_step=nothing) for place in range(5)))


def make_rows() -> dict[str, Callable[[], None]]:
    """Make the rows anew."""
    rhythms = (Handlers(f"window {place}", after_step=Every(50, nothing)) for place in range(5))
    return {
        "bare `for` loop": bare_loop,
        NO_HANDLERS: engine(),
        "five handlers every 50 steps": engine(*rhythms),
        FIVE: engine(*five_at_three_points()),
    }


NO_HANDLERS, FIVE = "no handlers", "five handlers at each of three points"
TARGETS = {NO_HANDLERS: "0.5", FIVE: "1.5"}

if __name__ == "__main__":
    main()
