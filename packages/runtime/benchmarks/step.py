"""Time of a training step against the loop written by hand, with nothing beside it and with all a user gets by default.

python packages/runtime/benchmarks/step.py

The batches come from a source that holds the clock: before every fiftieth batch it stops the engine's clock, runs and
times fifty steps of the hand loop, and goes on. So both alternate every few milliseconds in one process, and a core
that is faster for a second is so for both. Everything that happens in a step and at the end of a window is inside;
set-up, the end of the run and its checkpoint are outside. Read the ratios: times drift with the machine.

Each level is there twice: with the step of torchalloy.optim, and with the hand loop's own lines as the step, which says
what the engine and its company cost a user who writes the step.

The calls are counted by cProfile (Python's own functions and those of C alike), as calls a step above the hand loop's;
a count doesn't flicker.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cProfile
import platform
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn

from torchalloy.core import Budget, Recipe, Stage, State, Step
from torchalloy.distributed import current
from torchalloy.engine import link, run
from torchalloy.optim import canonical_parts, supervised
from torchalloy.records import JsonlSink, RunFolder, Sinks, TensorBoardSink
from torchalloy.runtime._session import Session
from torchalloy.runtime._settings import Logging, Settings

DIM, CLASSES, BATCH = 64, 10, 32
BLOCK, WARM_UP, NUM_STEPS, ROUNDS = 50, 200, 2250, 6
Pairs = list[tuple[float, float]]
Row = Callable[["Clocked"], None]
MakeStep = Callable[[nn.Module, nn.Module, torch.optim.Optimizer], Step]

loss_of = nn.CrossEntropyLoss()


def main() -> None:
    """Print the conditions and one line a row."""
    torch.set_num_threads(1)
    began = os.getloadavg()[0]
    pairs: dict[str, Pairs] = {name: [] for name, _, _ in ROWS}
    for _ in range(ROUNDS):
        for name, take, _ in ROWS:
            data = Clocked(NUM_STEPS)
            take(data)
            pairs[name] += data.pairs()
    floor = calls_a_step(by_hand)
    calls = {name: calls_a_step(take) - floor for name, take, _ in ROWS}
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}, "
        f"torchalloy {version('torchalloy-runtime')}; Linear {DIM}-{DIM}-{CLASSES}, ReLU, batch {BATCH}, SGD, one "
        f"thread; n = {len(pairs['the hand loop again'])} pairs of {BLOCK} steps a row; load {began:.1f} before, "
        f"{os.getloadavg()[0]:.1f} after\n"
    )
    print("| step | hand loop, us | ours, us | ratio, median | quartiles | calls above | target |")
    print("|---|---|---|---|---|---|---|")
    for name, _, target in ROWS:
        hand, own = (statistics.median(times) for times in zip(*pairs[name], strict=True))
        low, median, high = statistics.quantiles([mine / base for base, mine in pairs[name]], n=4)
        ratio = f"{median:.3f} | {low:.3f} to {high:.3f}"
        print(f"| {name} | {hand:.1f} | {own:.1f} | {ratio} | {calls[name]:+.1f} | {target} |")


class Clocked:
    """A source of batches that exist already, and the clock."""

    def __init__(self, num_steps: int, *, with_hand_loop: bool = True) -> None:
        self._num_steps = num_steps
        self._hand = HandLoop() if with_hand_loop else None
        self._own_us: list[float] = []
        self._hand_us: list[float] = []

    def __len__(self) -> int:
        return self._num_steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.batches(1, 0)

    def batches(self, _: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches; before each block, let the hand loop have its turn."""
        now, began = time.perf_counter, 0.0
        for place in range(start, self._num_steps):
            if place % BLOCK == 0 and place >= WARM_UP and self._hand is not None:
                ended = now()
                if place > WARM_UP:
                    self._own_us.append((ended - began) / BLOCK * 1e6)
                self._hand_us.append(self._hand.block_us())
                began = now()
            yield BATCHES[place % len(BATCHES)]

    def pairs(self) -> Pairs:
        """Return microseconds a step: (the hand loop around a block, the block)."""
        around = zip(self._hand_us, self._hand_us[1:], strict=False)
        return [((before + after) / 2, own) for (before, after), own in zip(around, self._own_us, strict=True)]


class HandLoop:
    """What everybody writes."""

    def __init__(self) -> None:
        self._model, self._optimizer = model_and_optimizer()

    def block_us(self) -> float:
        """Take a block of steps; return microseconds a step."""
        model, optimizer, batches = self._model, self._optimizer, BATCHES[:BLOCK]
        began = time.perf_counter()
        for x, y in batches:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
        return (time.perf_counter() - began) / BLOCK * 1e6


def model_and_optimizer() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(DIM, DIM), nn.ReLU(), nn.Linear(DIM, CLASSES)).train()
    return model, torch.optim.SGD(model.parameters(), lr=1e-3)


def by_hand(data: Clocked) -> None:
    """The same loop once more, over the clocked batches: how far a ratio of 1 spreads."""
    model, optimizer = model_and_optimizer()
    for x, y in data:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()


def bare(recipe: Recipe) -> None:
    """The engine and the step; nobody reads what the step returns."""
    run(link(recipe), State())


def default(recipe: Recipe) -> None:
    """Record, progress as lines, running metrics, JSON lines and TensorBoard once a window of 50 steps."""
    session(recipe, Logging())


def every_step(recipe: Recipe) -> None:
    """All of that, and each step's own metrics in both sinks."""
    session(recipe, Logging(each_step=True))


def session(recipe: Recipe, log: Logging) -> None:
    with tempfile.TemporaryDirectory() as runs, open(os.devnull, "w") as stream:
        record = RunFolder.create(Path(runs), "bench", style="script", seed=0, command=["bench"])
        settings = Settings("script", log=log)
        Session(
            recipe,
            State(),
            settings,
            current(),
            record,
            make_sinks=lambda made: Sinks([JsonlSink(made.path / "metrics.jsonl"), TensorBoardSink(made.path / "tb")]),
            stream=stream,
        ).run()


def over(make_step: MakeStep, go: Callable[[Recipe], None]) -> Row:
    """Return the row that lets `go` run what `make_step` makes over the clocked batches."""

    def take(data: Clocked) -> None:
        model, optimizer = model_and_optimizer()
        work = (Stage("train", data, make_step(model, loss_of, optimizer)),)
        go(Recipe(work, Budget(epochs=1), canonical_parts({"model": model, "optimizer": optimizer})))

    return take


def written_by_user(model: nn.Module, loss: nn.Module, optimizer: torch.optim.Optimizer) -> Step:
    """The hand loop's own lines as a step, as users of a style write them."""

    def step(batch: tuple[Tensor, Tensor], _: State) -> dict[str, Tensor]:
        x, y = batch
        optimizer.zero_grad()
        found = loss(model(x), y)
        found.backward()
        optimizer.step()
        return {"loss": found.detach()}

    return step


def calls_a_step(take: Row) -> float:
    """Return the calls of a step; those of set-up and end are the same in both runs, and fall out."""
    short, long = (num_calls(take, steps) for steps in (500, 1500))
    return (long - short) / 1000


def num_calls(take: Row, steps: int) -> int:
    data, profile = Clocked(steps, with_hand_loop=False), cProfile.Profile()
    profile.runcall(take, data)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]  # not in the stubs


_generator = torch.Generator().manual_seed(0)
BATCHES = [
    (torch.randn(BATCH, DIM, generator=_generator), torch.randint(CLASSES, (BATCH,), generator=_generator))
    for _ in range(64)
]
ROWS: list[tuple[str, Row, str]] = [
    ("the hand loop again", by_hand, ""),
    ("optim.supervised, no extras", over(supervised, bare), "1.02, 25 calls; try 0.90"),
    ("optim.supervised, everything by default", over(supervised, default), "1.05, 40 calls"),
    ("optim.supervised, a metric at every step", over(supervised, every_step), "1.08"),
    ("the user's own step, no extras", over(written_by_user, bare), "1.02, 25 calls"),
    ("the user's own step, everything by default", over(written_by_user, default), "1.05, 40 calls"),
    ("the user's own step, a metric at every step", over(written_by_user, every_step), "1.08"),
]

if __name__ == "__main__":
    main()
