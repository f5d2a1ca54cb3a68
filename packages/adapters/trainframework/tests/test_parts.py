"""Schedules, averaged weights, batches, registries and the faces."""

import importlib
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torchalloy.adapters.trainframework.data import (
    EngineDataSet,
    TrainingSampler,
    create_data_loader,
    create_iterable_data_loader,
)
from torchalloy.adapters.trainframework.model.ema import EMA
from torchalloy.adapters.trainframework.slover import (
    LRMultiplierScheduler,
    WarmupCosineLR,
    build_optimizer_with_gradient_clipping,
)
from torchalloy.core import Source

FACES = ["", "comm", "config", "data", "loss", "model", "schedule", "slover", "solver", "trainer", "transforms"]


class Noisy(EngineDataSet):
    """Each sample says its index and what the three generators drew."""

    def __init__(self) -> None:
        super().__init__([])

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.tensor([index, random.random(), np.random.rand(), torch.rand(()).item()])

    def __len__(self) -> int:
        return 10


@pytest.mark.parametrize("face", FACES)
def test_each_face_lists_its_names_in_order(face: str) -> None:
    module = importlib.import_module(f"torchalloy.adapters.trainframework.{face}".rstrip("."))
    assert list(module.__all__) == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_the_plugin_and_the_face_import_no_torch() -> None:
    code = (
        "import sys, torchalloy.adapters.trainframework._plugin as p; p.alloy_styles(); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_the_readme_schedule_has_its_published_values() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    steps = [40000, 120000, 180000, 240000]
    param = {"NAME": "WarmupMultiStepLR", "STEPS": steps, "GAMMA": 0.1}
    schedule = LRMultiplierScheduler(optimizer, 0.01, 500, param, 200000)
    expected = {
        0: 1e-4,
        1: 1.198e-4,
        250: 5.05e-3,
        499: 9.9802e-3,
        500: 1e-2,
        39999: 1e-2,
        40000: 1e-3,
        120000: 1e-4,
        180000: 1e-5,
    }
    for index, rate in expected.items():
        schedule.step(index)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate, rel=1e-6)
    assert schedule.state_dict() == {"base_lrs": [0.01], "last_epoch": 180000}


def test_schedules_refuse_what_they_do_not_know() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(ValueError, match="did you mean 'WarmupCosineLR'"):
        LRMultiplierScheduler(optimizer, 0.1, 4, {"name": "WarmupCosinLR"}, 20)
    with pytest.raises(ValueError, match="below max_iter 20"):
        LRMultiplierScheduler(optimizer, 0.1, 4, {"name": "WarmupMultiStepLR", "steps": [20]}, 20)
    with pytest.raises(ValueError, match="did you mean 'linear'"):
        WarmupCosineLR(optimizer, 20, warmup_method="liner")


def test_gradients_are_clipped_one_by_one_or_by_group() -> None:
    for by_group, expected in ((False, [0.6, 0.8, 1.0]), (True, [3 / 13, 4 / 13, 12 / 13])):
        weights = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))]
        clip = {"ENABLED": True, "CLIP_TYPE": "norm", "CLIP_VALUE": 1.0, "GROUP": by_group}
        optimizer = build_optimizer_with_gradient_clipping(clip, torch.optim.SGD)(weights, lr=1.0)
        weights[0].grad, weights[1].grad = torch.tensor([3.0, 4.0]), torch.tensor([12.0])
        optimizer.step()
        assert torch.cat([-one.detach() for one in weights]).tolist() == pytest.approx(expected, rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    decay=st.floats(0, 1), values=st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=6), counts=st.booleans()
)
def test_the_average_follows_its_recurrence(decay: float, values: list[float], counts: bool) -> None:
    weight = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))
    ema, shadow = EMA([weight], decay, 0 if counts else None), 0.0
    for number, value in enumerate(values, start=1):
        weight.data.fill_(value)
        ema.update([weight])
        used = min(decay, (1 + number) / (10 + number)) if counts else decay
        shadow = used * shadow + (1 - used) * value
    assert ema.shadow_params[0].item() == pytest.approx(shadow, abs=1e-9)
    ema.store([weight])
    ema.copy([weight])
    assert weight.item() == pytest.approx(shadow, abs=1e-9)
    ema.copy_back([weight])
    assert weight.item() == values[-1]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), epoch=st.integers(1, 3), start=st.integers(0, 3))
def test_batches_entered_anywhere_are_those_of_the_whole_epoch(seed: int, epoch: int, start: int) -> None:
    batches = create_data_loader(Noisy(), 3, 0, shuffle=True, seed=seed)
    assert isinstance(batches, Source)
    whole, rest = list(batches.batches(epoch)), list(batches.batches(epoch, start))
    assert len(whole) == len(batches) == 4
    assert all(torch.equal(a, b) for a, b in zip(whole[start:], rest, strict=True))


def test_an_endless_stream_can_be_entered_anywhere_whatever_the_number_of_workers() -> None:
    alone, helped = (create_iterable_data_loader(Noisy(), 4, num_workers, seed=1) for num_workers in (0, 2))
    whole = [next(alone) for _ in range(7)]
    late = helped.batches(1, 4)
    assert all(torch.equal(one, next(late)) for one in whole[4:])
    first_pass = torch.cat(whole)[:10, 0]
    assert sorted(first_pass.tolist()) == list(range(10))


def test_loading_leaves_the_generators_as_they_were() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    next(create_iterable_data_loader(Noisy(), 4, 0, seed=1))
    assert torch.equal(torch.rand(2), expected)


def test_the_sampler_gives_each_rank_its_stride() -> None:
    whole = TrainingSampler(5, seed=2)
    shares = [iter(TrainingSampler(5, seed=2, rank=rank, world_size=2)) for rank in (0, 1)]
    stream = iter(whole)
    assert [next(stream) for _ in range(12)] == [next(shares[place % 2]) for place in range(12)]
    with pytest.raises(TypeError):
        TrainingSampler(2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        TrainingSampler(0)
