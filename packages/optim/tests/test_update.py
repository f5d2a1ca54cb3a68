import cProfile
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from torchalloy.core import Mean, RecipeError, State, Stateful
from torchalloy.optim import EMA, Update, counted, scored, supervised, warmup_cosine

STATE = State()


def network(width=8, classes=3):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes))


def batches(sizes, width=8, classes=3):
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(n, width, generator=generator), torch.randint(classes, (n,), generator=generator)) for n in sizes
    ]


def weights(model):
    return [parameter.detach().clone() for parameter in model.parameters()]


def same(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def close(ours, theirs):
    return all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(ours, theirs, strict=True))


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), **{"lr": 0.1, "momentum": 0.9, **options})


MAKERS = {
    "sgd": lambda m: torch.optim.SGD(m.parameters(), lr=0.1),
    "momentum": sgd,
    "adam": lambda m: torch.optim.Adam(m.parameters(), lr=0.01),
    "groups": lambda m: torch.optim.AdamW([{"params": m[0].parameters()}, {"params": m[2].parameters(), "lr": 0.1}]),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("extra", ["none", "schedule", "clip_norm", "clip_value", "everything"])
def test_losses_and_weights_equal_the_hand_loop_bit_for_bit(make, extra):
    clips = {"clip_norm": {"clip_norm": 0.1}, "clip_value": {"clip_value": 0.01}}
    clips["everything"] = {"clip_norm": 0.1, "clip_value": 0.01}
    scheduled = extra in ("schedule", "everything")
    loss_of, data = nn.CrossEntropyLoss(), batches([32] * 12)

    model = network()
    optimizer = make(model)
    schedule = warmup_cosine(optimizer, total_steps=10, warmup_steps=3) if scheduled else None
    step = supervised(model, loss_of, optimizer, schedule=schedule, **clips.get(extra, {}))
    ours = [step(batch, STATE)["loss"].item() for batch in data]

    twin = network()
    optimizer = make(twin)
    schedule = warmup_cosine(optimizer, total_steps=10, warmup_steps=3) if scheduled else None
    theirs = []
    for x, y in data:
        optimizer.zero_grad()
        loss = loss_of(twin(x), y)
        loss.backward()
        if "clip_value" in clips.get(extra, {}):
            clip_grad_value_(twin.parameters(), 0.01)
        if "clip_norm" in clips.get(extra, {}):
            clip_grad_norm_(twin.parameters(), 0.1)
        optimizer.step()
        if schedule:
            schedule.step()
        theirs.append(loss.item())
    assert ours == theirs
    assert same(weights(model), weights(twin))


@settings(deadline=None, max_examples=12)
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=9), accumulate=st.integers(1, 4), clip=st.booleans())
def test_windows_of_any_sizes_equal_the_big_batches(sizes, accumulate, clip):
    data, options = batches(sizes), {"clip_norm": 0.05} if clip else {}
    model, twin = network(), network()
    small = supervised(model, counted(nn.functional.cross_entropy), sgd(model), accumulate=accumulate, **options)
    big = supervised(twin, nn.functional.cross_entropy, sgd(twin), **options)
    for batch in data:
        small(batch, STATE)
    small.update.flush()
    for start in range(0, len(data), accumulate):
        window = data[start : start + accumulate]
        big((torch.cat([x for x, _ in window]), torch.cat([y for _, y in window])), STATE)
    assert close(weights(model), weights(twin))
    assert small.update.num_updates == big.update.num_updates == -(-len(data) // accumulate)


def test_plain_losses_of_a_window_count_alike():
    data = batches([4, 4, 4, 4, 4])
    model, twin = network(), network()
    step = supervised(model, nn.functional.cross_entropy, sgd(model), accumulate=2)
    for batch in data:
        step(batch, STATE)
    step.update.flush()
    step.update.flush()
    optimizer = sgd(twin)
    for window in (data[:2], data[2:4], data[4:]):
        optimizer.zero_grad()
        for x, y in window:
            (nn.functional.cross_entropy(twin(x), y) / len(window)).backward()
        optimizer.step()
    assert close(weights(model), weights(twin))
    assert step.update.num_updates == 3


@settings(deadline=None, max_examples=8)
@given(stop=st.integers(0, 9), mean=st.booleans())
def test_a_run_cut_inside_a_window_gives_the_same_rest(stop, mean):
    data = batches([4] * 9)
    loss = counted(nn.functional.cross_entropy) if mean else nn.functional.cross_entropy

    def make():
        model = network()
        optimizer = sgd(model)
        update = Update(optimizer, schedule=warmup_cosine(optimizer, total_steps=4), accumulate=3, ema=EMA(model, 0.5))
        return model, supervised(model, loss, update)

    whole_model, whole = make()
    for batch in data:
        whole(batch, STATE)

    model, step = make()
    for batch in data[:stop]:
        step(batch, STATE)
    kept = {"model": model.state_dict(), **{name: part.state_dict() for name, part in step.update.parts().items()}}
    assert set(kept) == {"model", "optimizer", "schedule", "ema", "update"}
    model, step = make()
    for name, part in {"model": model, **step.update.parts()}.items():
        part.load_state_dict(kept[name])
    for batch in data[stop:]:
        step(batch, STATE)
    assert same(weights(model), weights(whole_model))
    assert step.update.num_updates == 3
    assert same(step.update.ema.state_dict()["averages"].values(), whole.update.ema.state_dict()["averages"].values())


def num_calls(take):
    """Interpreter calls, of Python and of C, in one call of `take`."""
    take()
    profile = cProfile.Profile()
    profile.runcall(take)
    return sum(entry.callcount for entry in profile.getstats())


def test_a_step_makes_fewer_calls_than_the_hand_loop():
    model, twin = network(), network()
    loss_of, (batch,) = nn.CrossEntropyLoss(), batches([32])
    step, optimizer = supervised(model, loss_of, sgd(model)), sgd(twin)

    def by_hand():
        x, y = batch
        optimizer.zero_grad()
        loss_of(twin(x), y).backward()
        optimizer.step()

    assert num_calls(lambda: step(batch, STATE)) < num_calls(by_hand)


def test_step_hooks_come_before_clipping_and_are_called_once():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    seen = []

    def double(held, *_):
        for parameter in held.param_groups[0]["params"]:
            parameter.grad *= 1000
        seen.append(1)

    optimizer.register_step_pre_hook(double)
    before = weights(model)
    step = supervised(model, nn.functional.cross_entropy, optimizer, clip_norm=0.5)
    step(batches([4])[0], STATE)
    moved = torch.cat([(a - b).flatten() for a, b in zip(before, weights(model), strict=True)]).norm()
    assert seen == [1]
    assert moved.item() == pytest.approx(0.5, rel=1e-3)
    assert step.update.grad_norm > 0.5
    step(batches([4])[0], STATE)
    assert seen == [1, 1]


def test_parameters_added_later_are_cleared_too():
    model = network()
    optimizer = torch.optim.SGD(model[0].parameters(), lr=0.1)
    step = supervised(model, nn.functional.cross_entropy, optimizer)
    (batch,) = batches([4])
    step(batch, STATE)
    optimizer.add_param_group({"params": list(model[2].parameters())})
    step(batch, STATE)
    once = model[2].weight.grad.clone()
    twin = network()
    assert once.norm() > 0
    model.load_state_dict(twin.state_dict())
    step(batch, STATE)
    nn.functional.cross_entropy(twin(batch[0]), batch[1]).backward()
    assert torch.equal(model[2].weight.grad, twin[2].weight.grad)


def test_parts_bear_the_name_of_their_update():
    model = network()
    assert set(Update(sgd(model)).parts()) == {"optimizer"}
    parts = Update(sgd(model), ema=EMA(model), accumulate=2, name="generator").parts()
    assert set(parts) == {"optimizer.generator", "ema.generator", "update.generator"}
    assert all(isinstance(part, Stateful) for part in parts.values())


def test_a_scaler_scales_and_unscales_before_clipping():
    model, twin = network(), network()
    data = batches([8] * 4)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    step = supervised(model, nn.functional.cross_entropy, sgd(model), scaler=scaler, clip_norm=0.1, accumulate=2)
    plain = supervised(twin, nn.functional.cross_entropy, sgd(twin), clip_norm=0.1, accumulate=2)
    for batch in data:
        step(batch, STATE)
        plain(batch, STATE)
    assert close(weights(model), weights(twin))
    model[0].weight.data[:] = torch.inf
    before = weights(model)[2:]
    for batch in data[:2]:
        step(batch, STATE)
    assert same(weights(model)[2:], before)  # gradients that aren't finite leave the weights alone
    assert scaler.get_scale() == 512.0


def test_bfloat16_is_used_in_forward_only():
    seen = []
    model = network()
    model.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    step = supervised(model, nn.functional.cross_entropy, sgd(model), precision="bf16")
    step(batches([4])[0], STATE)
    scored(model, nn.functional.cross_entropy, precision="bf16")(batches([4])[0], STATE)
    assert seen == [torch.bfloat16] * 2
    assert model[0].weight.dtype == model[0].weight.grad.dtype == torch.float32
    assert supervised(model, nn.functional.cross_entropy, sgd(model), precision="fp16").update.scaler is not None


def test_scored_adds_up_to_the_whole_set():
    model = network()
    data = batches([5, 3, 1, 0, 4])
    step = scored(model, nn.functional.cross_entropy)
    outputs = [step(batch, STATE) for batch in data]
    x, y = torch.cat([x for x, _ in data]), torch.cat([y for _, y in data])
    with torch.no_grad():
        logits = model(x)
    for name, expected in (
        ("loss", nn.functional.cross_entropy(logits, y)),
        ("accuracy", (logits.argmax(1) == y).float().mean()),
    ):
        total, count = (sum(float(output[name][at]) for output in outputs) for at in (0, 1))
        assert count == 13
        assert total / count == pytest.approx(float(expected), rel=1e-5)
    assert not model.training


def test_scored_takes_a_mean_and_targets_that_are_no_classes():
    model = network()
    step = scored(model, lambda output, y: Mean(((output - y) ** 2).sum(), y.numel()))
    output = step((torch.zeros(2, 8), torch.zeros(2, 3)), STATE)
    assert set(output) == {"loss"} and output["loss"].count == 6


def test_steps_switch_the_models_mode():
    model = network()
    train = supervised(model, nn.functional.cross_entropy, sgd(model))
    valid = scored(model, nn.functional.cross_entropy)
    (batch,) = batches([4])
    modes = []
    for step in (valid, train, valid):
        step(batch, STATE)
        modes.append(model.training)
    assert modes == [False, True, False]


def test_metrics_hold_no_graph():
    model = network()
    (batch,) = batches([4])
    assert not supervised(model, nn.functional.cross_entropy, sgd(model))(batch, STATE)["loss"].requires_grad
    total, count = supervised(model, counted(nn.functional.cross_entropy), sgd(model))(batch, STATE)["loss"]
    assert not total.requires_grad and count == 4


def test_a_batch_without_samples_moves_nothing_but_momentum():
    model = network()
    step = supervised(model, nn.functional.cross_entropy, sgd(model, momentum=0.0))
    full, empty = batches([4, 0])
    with pytest.raises(RecipeError, match="first batch has no samples"):
        step(empty, STATE)
    step(full, STATE)
    before = weights(model)
    assert step(empty, STATE) == {"loss": Mean(0.0, 0)}
    assert same(weights(model), before)


RANKS = """
import sys
import torch
import torch.distributed as dist
from torch import nn
from torchalloy.core import State
from torchalloy.optim import counted, supervised

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", store=dist.FileStore(folder + "/store", 2), rank=rank, world_size=2)
torch.manual_seed(0)
model, twin = nn.Linear(4, 3), nn.Linear(4, 3)
twin.load_state_dict(model.state_dict())
optimizer, alone = (torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9) for m in (model, twin))

def average(held, *_):
    for group in held.param_groups:
        for parameter in group["params"]:
            dist.all_reduce(parameter.grad)
            parameter.grad /= 2

optimizer.register_step_pre_hook(average)
loss_of = nn.functional.cross_entropy
for accumulate in (1, 2):
    step = supervised(model, counted(loss_of), optimizer, accumulate=accumulate, clip_norm=0.3)
    for window in range(4):
        xs, ys = [], []
        for _ in range(accumulate):
            num_samples = (2, 3, 1, 5)[window]  # odd: the ranks' shares differ, and of one sample rank 1 has none
            x, y = torch.randn(num_samples, 4), torch.randint(3, (num_samples,))
            xs.append(x)
            ys.append(y)
            step((x[rank::2], y[rank::2]), State())
        alone.zero_grad()
        loss_of(twin(torch.cat(xs)), torch.cat(ys)).backward()
        nn.utils.clip_grad_norm_(twin.parameters(), 0.3)
        alone.step()
        for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-6), (accumulate, window, rank)
dist.destroy_process_group()
"""


def test_two_ranks_with_unequal_shares_equal_one_process(tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    processes = [subprocess.Popen([sys.executable, str(script), str(rank), str(tmp_path)]) for rank in range(2)]
    try:
        assert [process.wait(timeout=120) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda m: Update(torch.optim.LBFGS(m.parameters())), "LBFGS.step needs a closure"),
        (lambda m: Update(sgd(m), accumulate=0), "accumulate is 0"),
        (lambda m: Update(sgd(m), accumulate=1.5), "accumulate is 1.5"),
        (lambda m: Update(sgd(m), clip_norm=0), "clip_norm is 0"),
        (lambda m: Update(sgd(m), clip_value=-1.0), "clip_value is -1.0"),
        (lambda m: supervised(m, None, sgd(m), precision="bf61"), "did you mean 'bf16'"),
        (lambda m: supervised(m, None, Update(sgd(m)), clip_norm=1), "give clip_norm to Update itself"),
    ],
)
def test_what_cannot_work_is_refused(make, says):
    with pytest.raises(RecipeError, match=says):
        make(network())


def test_a_schedule_that_wants_a_metric_is_refused():
    optimizer = sgd(network())
    with pytest.raises(RecipeError, match="wants a metric"):
        Update(optimizer, schedule=torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer))


def test_one_window_has_losses_of_one_kind():
    weight = nn.Parameter(torch.ones(()))
    update = Update(torch.optim.SGD([weight]), accumulate=3)
    update.step(weight * 1)
    with pytest.raises(RecipeError, match="must all be tensors, or all be Mean"):
        update.step(Mean(weight * 1, 1))
