"""What one reading costs each sink, and one look the progress lines: python packages/records/benchmarks/bench_sinks.py

A reading is taken once a window of 50 steps, so a step costs a fiftieth of these. `file.write` is the floor: the same
bytes appended to an open file without a thought.
"""

import io
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

from torchalloy.core import Reading, State
from torchalloy.records import CsvSink, JsonlSink, Progress, Sinks, TensorBoardSink

NUM_BLOCKS, BLOCK = 40, 250


def main() -> None:
    """Print the median and the quartiles of each, in microseconds a call; blocks of the cases alternate."""
    with tempfile.TemporaryDirectory() as folder:
        calls = {
            f"{name}, {num_metrics} metrics": call
            for num_metrics in (2, 10)
            for name, call in cases(Path(folder) / str(num_metrics), num_metrics)
        }
        times_us: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(NUM_BLOCKS):
            for name, call in calls.items():
                times_us[name].append(block_us(call))
    print(
        f"{platform.platform()}, Python {platform.python_version()}, {NUM_BLOCKS} alternating blocks of {BLOCK} calls"
    )
    print("| case | median us | quartiles |\n|---|---|---|")
    for name, found in times_us.items():
        low, median, high = statistics.quantiles(found, n=4)
        print(f"| {name} | {median:.2f} | {low:.2f}-{high:.2f} |")
    print(f"imported by the first TensorBoard reading: {'tensorboard' in sys.modules}; torch: {'torch' in sys.modules}")


def cases(folder: Path, num_metrics: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the cases by name."""
    folder.mkdir()
    reading = Reading("train", {f"metric{place}": 0.123456789 for place in range(num_metrics)}, 1000, "batches")
    line = json.dumps({"stage": "train", "values": dict(reading.values), "step": 1000}).encode()
    floor = (folder / "floor").open("ab", buffering=0)
    yield "file.write", lambda: void(floor.write(line))
    jsonl, tensorboard = JsonlSink(folder / "m.jsonl"), TensorBoardSink(folder / "tb")
    both = Sinks([JsonlSink(folder / "n.jsonl"), TensorBoardSink(folder / "tc")])
    table = CsvSink(folder / "m.csv")
    yield "jsonl", lambda: jsonl.write(reading)
    yield "tensorboard", lambda: tensorboard.write(reading)
    yield "Sinks(jsonl, tensorboard), the default", lambda: both.write(reading)
    yield "csv", lambda: table.write(reading)
    yield "progress lines: reading and look", look_and_read(reading)


def look_and_read(reading: Reading) -> Callable[[], None]:
    """Return what progress does once a window while it has nothing to write yet."""
    progress, state = Progress(io.StringIO(), line_every_s=1e9), State(stage="train", epoch=1, epoch_length=10**9)
    handlers = progress.handlers()
    assert handlers.run_start is not None and handlers.after_step is not None
    handlers.run_start(SimpleNamespace(state=state))
    look = handlers.after_step.handle  # type: ignore[union-attr]

    def call() -> None:
        state.local_iteration += 50
        progress.write(reading)
        look(state, None)

    return call


def block_us(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(BLOCK):
        call()
    return (time.perf_counter() - began) / BLOCK * 1e6


def void(_: object) -> None:
    """Take a value and give none."""


if __name__ == "__main__":
    main()
