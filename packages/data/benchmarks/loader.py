"""Time of a shuffled batch of 128 from memory, against `x[order[i:i + 128]]`, alternating in one process.

python packages/data/benchmarks/loader.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader

from torchalloy.data import Loader, TensorData

BATCH, ROUNDS = 128, 21
SHAPES = {(64,): 25_600, (1, 28, 28): 25_600, (3, 32, 32): 6_400}


def main() -> None:
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, Python {platform.python_version()}, batch {BATCH}, {ROUNDS} rounds, one thread")
    print("| sample | way | us a batch | ratio to direct, median | quartiles |\n| --- | --- | --- | --- | --- |")
    for shape, num_samples in SHAPES.items():
        for name, times, ratios in compare(shape, num_samples):
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(f"| {shape} | {name} | {statistics.median(times):.1f} | {middle:.2f} | {low:.2f} to {high:.2f} |")


def compare(shape: tuple[int, ...], num_samples: int) -> list[tuple[str, list[float], list[float]]]:
    """Return (name, us a batch, ratios to direct indexing next to it) for each way."""
    x, y = torch.randn(num_samples, *shape), torch.randint(10, (num_samples,))
    ways = {"direct": lambda: direct(x, y), **loaders(x, y)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            times[name].append(epoch_us(way))
    base = times["direct"]
    return [(name, own, [a / b for a, b in zip(own, base, strict=True)]) for name, own in times.items()]


def loaders(x: torch.Tensor, y: torch.Tensor) -> dict[str, Callable[[], Iterator[object]]]:
    data = TensorData(x, y)
    ours, reusing = Loader(data, BATCH, shuffle=True), Loader(data, BATCH, shuffle=True, reuse_buffers=True)
    theirs = DataLoader(data, BATCH, shuffle=True)
    return {
        "Loader": lambda: iter(ours),
        "Loader, reuse_buffers=True": lambda: iter(reusing),
        "torch DataLoader": lambda: iter(theirs),
    }


def direct(x: torch.Tensor, y: torch.Tensor) -> Iterator[object]:
    order = torch.randperm(len(x))
    for start in range(0, len(x), BATCH):
        index = order[start : start + BATCH]
        yield x[index], y[index]


def epoch_us(way: Callable[[], Iterator[object]]) -> float:
    """Return the mean time of a batch over one epoch, the first batch (and the permutation) left out."""
    iterator, count = way(), 0
    next(iterator)
    begin = time.perf_counter()
    for _ in iterator:
        count += 1
    return (time.perf_counter() - begin) / count * 1e6


if __name__ == "__main__":
    main()
