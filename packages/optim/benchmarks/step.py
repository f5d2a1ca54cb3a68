"""Time of a whole training step against the loop written by hand, 50 steps of one and 50 of the other in one process.

python packages/optim/benchmarks/step.py
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from torchalloy.core import State
from torchalloy.optim import EMA, supervised, warmup_cosine
from torchalloy.optim._backward import backward
from torchalloy.optim._quick import quick_step

DIM, CLASSES, BATCH, BLOCK, ROUNDS = 64, 10, 32, 50, 150
Take = Callable[[Tensor, Tensor], object]

loss_of = nn.CrossEntropyLoss()


def main() -> None:
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}, one thread;")
    print(f"Linear {DIM}-{DIM}-{CLASSES}, ReLU, batch {BATCH}, SGD; {ROUNDS} pairs of {BLOCK} steps")
    print("| step | us, median | ratio to the hand loop, median | quartiles |\n| --- | --- | --- | --- |")
    hand, ways = by_hand(), {name: make() for name, make in WAYS.items()}
    for take in (hand, *ways.values()):
        block_us(take)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, take in ways.items():
            times[name].append((block_us(hand), block_us(take)))
    for name, pairs in times.items():
        low, middle, high = statistics.quantiles([own / base for base, own in pairs], n=4)
        own_us = statistics.median(own for _, own in pairs)
        print(f"| {name} | {own_us:.1f} | {middle:.3f} | {low:.3f} to {high:.3f} |")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(DIM, DIM), nn.ReLU(), nn.Linear(DIM, CLASSES)).train()


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=1e-3)


def by_hand() -> Take:
    model = network()
    optimizer = sgd(model)

    def take(x: Tensor, y: Tensor) -> object:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return take


def by_hand_clipping() -> Take:
    model = network()
    optimizer = sgd(model)

    def take(x: Tensor, y: Tensor) -> object:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return take


def short_backward_only() -> Take:
    model = network()
    optimizer = sgd(model)

    def take(x: Tensor, y: Tensor) -> object:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        backward(loss)
        optimizer.step()
        return loss

    return take


def quick_step_only() -> Take:
    model = network()
    optimizer = sgd(model)
    quick = quick_step(optimizer)

    def take(x: Tensor, y: Tensor) -> object:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        quick()
        return loss

    return take


def inlined() -> Take:
    """No optimizer, no `.grad`: what a hand that knows the formula of SGD writes."""
    model = network()
    parameters = list(model.parameters())

    def take(x: Tensor, y: Tensor) -> object:
        loss = loss_of(model(x), y)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, gradients, alpha=-1e-3)
        return loss

    return take


def ours(**options: object) -> Take:
    model = network()
    return stepping(supervised(model, loss_of, sgd(model), **options))


def with_schedule() -> Take:
    model = network()
    optimizer = sgd(model)
    return stepping(supervised(model, loss_of, optimizer, schedule=warmup_cosine(optimizer, total_steps=10**6)))


def with_ema() -> Take:
    model = network()
    return stepping(supervised(model, loss_of, sgd(model), ema=EMA(model)))


def with_hook() -> Take:
    model = network()
    optimizer = sgd(model)
    optimizer.register_step_pre_hook(lambda *_: None)
    return stepping(supervised(model, loss_of, optimizer))


def stepping(step: Callable[..., object]) -> Take:
    state = State()
    return lambda x, y: step((x, y), state)


def block_us(take: Take) -> float:
    begin = time.perf_counter()
    for x, y in BATCHES:
        take(x, y)
    return (time.perf_counter() - begin) / BLOCK * 1e6


WAYS: dict[str, Callable[[], Take]] = {
    "the hand loop again": by_hand,
    "supervised": ours,
    "the hand loop with clip_grad_norm_": by_hand_clipping,
    "supervised, clip_norm": lambda: ours(clip_norm=1.0),
    "supervised, accumulate=4": lambda: ours(accumulate=4),
    "supervised, schedule": with_schedule,
    "supervised, EMA": with_ema,
    "supervised, a step pre-hook (no way around torch's wrappers)": with_hook,
    "the hand loop, only with our backward": short_backward_only,
    "the hand loop, only with our optimizer step": quick_step_only,
    "inlined by hand, no optimizer": inlined,
}
BATCHES = [(torch.randn(BATCH, DIM), torch.randint(CLASSES, (BATCH,))) for _ in range(BLOCK)]

if __name__ == "__main__":
    main()
