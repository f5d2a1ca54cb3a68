import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import AveragedModel

from torchalloy.core import CheckpointError, ConfigError, Mean
from torchalloy.optim import (
    EMA,
    canonical_parts,
    detached,
    read_back,
    scalars,
    warmup_cosine,
    warmup_cosine_factor,
    warmup_stable_decay,
)


def rates(make, num_steps, **options):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = make(optimizer, **options)
    taken = []
    for _ in range(num_steps):
        taken.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return taken


def test_warmup_cosine_is_its_closed_form():
    got = rates(warmup_cosine, 30, total_steps=25, warmup_steps=5, floor=0.1)
    up = [2 * (step + 1) / 5 for step in range(5)]
    down = [2 * (0.1 + 0.45 * (1 + math.cos(math.pi * step / 20))) for step in range(20)]
    assert got == pytest.approx(up + down + [0.2] * 5)


def test_without_warmup_the_cosine_is_torchs():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    theirs = []
    for _ in range(20):
        theirs.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates(warmup_cosine, 20, total_steps=20) == pytest.approx(theirs)


def test_warmup_stable_decay_is_its_closed_form():
    got = rates(warmup_stable_decay, 14, total_steps=12, warmup_steps=3, decay_steps=4, floor=0.2)
    down = [2 * (0.2 + 0.8 * left / 4) for left in (4, 3, 2, 1, 0)]
    assert got == pytest.approx([2 / 3, 4 / 3, 2] + [2] * 5 + down + [0.4])


@given(warmup=st.integers(0, 50), rest=st.integers(1, 50), floor=st.floats(0, 1), step=st.integers(0, 200))
def test_factors_stay_in_range(warmup, rest, floor, step):
    factor = warmup_cosine_factor(step, total_steps=warmup + rest, warmup_steps=warmup, floor=floor)
    assert min(floor, 1 / max(1, warmup)) - 1e-12 <= factor <= 1 + 1e-12


def test_a_schedule_goes_on_from_its_state():
    def make():
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
        return optimizer, warmup_cosine(optimizer, total_steps=9, warmup_steps=2)

    optimizer, schedule = make()
    for _ in range(4):
        optimizer.step()
        schedule.step()
    other_optimizer, other = make()
    other_optimizer.load_state_dict(optimizer.state_dict())
    other.load_state_dict(schedule.state_dict())
    optimizer.step()
    schedule.step()
    other_optimizer.step()
    other.step()
    assert other.get_last_lr() == schedule.get_last_lr()


@pytest.mark.parametrize(
    ("make", "options", "says"),
    [
        (warmup_cosine, {"total_steps": 5, "warmup_steps": 5}, "warmup_steps=5"),
        (warmup_cosine, {"total_steps": 5, "floor": 2}, "floor=2"),
        (warmup_stable_decay, {"total_steps": 5, "warmup_steps": 3, "decay_steps": 3}, "don't fit total_steps=5"),
    ],
)
def test_schedules_that_cannot_be_are_refused(make, options, says):
    with pytest.raises(ConfigError, match=says):
        rates(make, 1, **options)


def test_ema_is_its_closed_form():
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(0.0)
    ema = EMA(model, decay=0.75)
    for value in (1.0, 2.0, 3.0):
        model.weight.data.fill_(value)
        ema.update()
    expected = sum(0.25 * 0.75 ** (3 - n) * n for n in (1, 2, 3))
    assert ema.state_dict()["averages"]["weight"].item() == pytest.approx(expected)
    assert ema.num_updates == 3


def test_ema_swaps_in_and_back_even_after_an_error():
    model = nn.Linear(2, 1)
    ema = EMA(model, decay=0.5)
    averages = model.weight.detach().clone()
    model.weight.data.add_(1)
    seen = []

    def fail_after_looking():
        with ema.swapped():
            seen.append(model.weight.detach().clone())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_looking()
    assert torch.equal(seen[0], averages)
    assert torch.equal(model.weight, averages + 1)


def test_ema_leaves_frozen_parameters_out_and_goes_on_from_its_state():
    model = nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    ema = EMA(model)
    ema.update()
    other = EMA(model)
    other.load_state_dict(ema.state_dict())
    assert set(other.state_dict()["averages"]) == {"weight"} and other.num_updates == 1
    with pytest.raises(CheckpointError, match="differ in bias, weight"):
        EMA(nn.Linear(3, 1)).load_state_dict(ema.state_dict())
    with pytest.raises(ConfigError, match="decay is 1"):
        EMA(model, decay=1)


def test_single_parts_bear_the_name_of_their_kind():
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters())
    things = {
        "anything": net,
        "opt": optimizer,
        "sched": torch.optim.lr_scheduler.StepLR(optimizer, 1),
        "averages": EMA(net),
        "amp": torch.amp.GradScaler("cpu"),
        "criterion": nn.CrossEntropyLoss(),
        "again": net,
        "epoch": 3,
        "loader": [1, 2],
    }
    parts = canonical_parts(things)
    assert list(parts) == ["model", "optimizer", "schedule", "ema", "scaler"]
    assert list(parts.values()) == list(things.values())[:5]


def test_several_of_a_kind_bear_their_attributes_too():
    generator, critic = nn.Linear(2, 1), nn.Linear(1, 1)
    parts = canonical_parts(
        {
            "generator": generator,
            "critic": critic,
            "g": torch.optim.SGD(generator.parameters()),
            "c": torch.optim.SGD(critic.parameters()),
        }
    )
    assert set(parts) == {"model.generator", "model.critic", "optimizer.g", "optimizer.c"}


def test_inner_modules_and_wrappers_do_not_make_a_second_model():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    parts = canonical_parts({"head": net[1], "net": net, "fast": torch.compile(net), "parallel": nn.DataParallel(net)})
    assert list(parts) == ["model"] and parts["model"] is net
    assert list(canonical_parts({"net": net, "swa": AveragedModel(net)})) == ["model", "ema"]


class OwnSchedule:
    last_epoch = 0

    def step(self):
        self.last_epoch += 1

    def state_dict(self):
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state):
        self.last_epoch = state["last_epoch"]


def test_a_schedule_of_ones_own_is_one():
    assert list(canonical_parts({"mine": OwnSchedule()})) == ["schedule"]


def test_scalars_keeps_numbers_and_drops_the_rest():
    graph = torch.tensor(2.0, requires_grad=True) * 3
    kept = scalars(
        {"loss": graph, "one": graph.reshape(1, 1), "mean": Mean(graph, 4), "text": "x", "many": torch.ones(2)}
    )
    assert set(kept) == {"loss", "one", "mean"}
    assert not kept["loss"].requires_grad and kept["one"].shape == () and not kept["mean"].total.requires_grad
    assert scalars(graph)["loss"].item() == 6
    assert scalars(None) == scalars("text") == scalars(torch.ones(3)) == {}
    assert detached(Mean("x", 1)) is None


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(-1000, 1000),
            st.floats(-1e3, 1e3, width=32).map(lambda value: torch.tensor(value)),
            st.integers(-1000, 1000).map(lambda value: torch.tensor([value])),
            st.floats(-1e3, 1e3).map(lambda value: torch.tensor(value, dtype=torch.float64, requires_grad=True)),
            st.booleans().map(lambda value: torch.tensor(value)),
        )
    )
)
def test_read_back_gives_every_value_in_its_place(values):
    expected = [value.item() if isinstance(value, torch.Tensor) else value for value in values]
    assert read_back(values) == [float(value) for value in expected]


def test_read_back_takes_results_of_inference_mode():
    with torch.inference_mode():
        values = [torch.tensor(1.0), torch.tensor(2.0)]
    assert read_back(values) == [1.0, 2.0]
