import pytest
import torch
from loguru import logger
from torch import nn

from torchalloy.adapters.alchemy import AlchemyModel, AlchemyOptimizer, AlchemyTrainScheduler, run_task, sym_tbl
from torchalloy.adapters.alchemy._hf_adamw import CorrectableAdamW
from torchalloy.adapters.alchemy.model import DefaultBackwardHandler
from torchalloy.adapters.alchemy.pipeline import EndStepPipeline, SchedPipeline
from torchalloy.adapters.alchemy.sched import NoamScheduler
from torchalloy.adapters.alchemy.util.optim import prepare_trf_based_model_params
from torchalloy.core import ConfigError

rates: list[float] = []
weights: list[float] = []


class Scalar(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))


@AlchemyModel.register()
class ScalarModel(AlchemyModel):
    def __init__(self):
        super().__init__()
        self._model = Scalar()

    def optim_params(self, **kwargs):
        return self.model.parameters()

    def forward(self, batch, needs_loss, requires_grad, **kwargs):
        losses = [-self.model.weight * batch, torch.tensor(0.0)]
        return {"loss": self.backward.backward(losses, requires_grad=requires_grad, names=["good", "bad"])}


@AlchemyOptimizer.register()
class PlainSgd(AlchemyOptimizer):
    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self, **kwargs):
        self.optimizer = torch.optim.SGD(sym_tbl().model.optim_params(), lr=self.cfg["lr"])


@AlchemyTrainScheduler.register()
class PlainNoam(AlchemyTrainScheduler):
    def __init__(self):
        super().__init__()
        self.lr_sched = NoamScheduler(sym_tbl().optim.optimizer, 4, num_warmup_steps=2, factor=2.0)


@SchedPipeline.register()
class NoteRate(EndStepPipeline):
    def __call__(self, outputs, **kwargs):
        rates.append(sym_tbl().optim.get_lr()[0])
        weights.append(sym_tbl().model.model.weight.item())
        return kwargs


def config(**changes):
    pipes = [{"type": "alchemy.pipeline.lst.SequenceWrapper", "datapipe": [1.0, 2.0, 3.0, 4.0, 5.0]}]
    return {
        "tag": "scalar",
        "runner": "alchemy.runner.Trainer",
        "task": {"type": "alchemy.task.Default", "datasets": {"train": {"pipes": pipes}}},
        "model": {"type": f"{__name__}.ScalarModel"},
        "backward": {"type": "alchemy.model.Default", "period": 2},
        "optim": {"type": f"{__name__}.PlainSgd", "lr": 1.0},
        "sched": {"type": f"{__name__}.PlainNoam", "epochs": 1, "pipes": [{"type": f"{__name__}.NoteRate"}]},
        **changes,
    }


@pytest.fixture(autouse=True)
def _clean_table():
    rates.clear()
    weights.clear()
    yield
    sym_tbl().reset()


def test_gradients_add_up_and_the_rate_moves_once_an_update():
    run_task(config(), {"device": "cpu"})
    assert weights[-1] == pytest.approx(6.0104, abs=1e-4)
    assert rates == pytest.approx([0.35355, 0.70711, 0.70711, 0.57735, 0.57735], abs=1e-5)


def test_debug_mode_names_the_loss_that_fails():
    lines = []
    sink = logger.add(lines.append, level="ERROR", format="{message}")
    try:
        with pytest.raises(RuntimeError, match="does not require grad"):
            run_task(config(), {"device": "cpu"}, debug=True)
    finally:
        logger.remove(sink)
    told = "".join(lines)
    assert "'bad'" in told
    assert "good" not in told


def gradients(debug):
    torch.manual_seed(0)
    layer, table = nn.Linear(3, 2), sym_tbl()
    table.optim = AdapterSgd(layer)
    table.train_sched = type("Clock", (), {"cur_step": 0, "step_lr": lambda self: None})()
    table.set_global("debug", debug)
    out = layer(torch.randn(4, 3))
    value = DefaultBackwardHandler(period=2).backward([out.mean(), out.square().mean()], [2.0, 0.5], names=["a", "b"])
    return value, [p.grad.clone() for p in layer.parameters()]


class AdapterSgd(AlchemyOptimizer):
    def __init__(self, layer):
        super().__init__()
        self.optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)

    def reset(self, **kwargs):
        raise AssertionError("nobody asks for it")


def test_both_modes_give_the_same_value_and_gradients():
    value, grads = gradients(debug=False)
    debug_value, debug_grads = gradients(debug=True)
    assert value == debug_value
    for plain, named in zip(grads, debug_grads, strict=True):
        torch.testing.assert_close(plain, named)


def test_without_gradients_nothing_is_touched():
    assert DefaultBackwardHandler().backward(torch.tensor(2.0), requires_grad=False) == 2.0
    assert DefaultBackwardHandler().backward([torch.tensor(2.0), torch.tensor(3.0)], [1, 2], requires_grad=False) == 8.0


def test_losses_weights_and_names_must_match_and_the_period_be_positive():
    with pytest.raises(ValueError, match="1 weights"):
        DefaultBackwardHandler().backward([torch.tensor(1.0), torch.tensor(1.0)], [1.0])
    with pytest.raises(ValueError, match="period"):
        DefaultBackwardHandler(period=0)


def test_noam_without_warmup_falls_from_the_start():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=9.0)
    schedule = NoamScheduler(optimizer, model_size=16)
    seen = []
    for _ in range(3):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert seen == pytest.approx([0.25, 0.25 * 2**-0.5, 0.25 * 3**-0.5])
    with pytest.raises(NotImplementedError):
        NoamScheduler(optimizer, 16, last_epoch=3)


def test_a_line_warmup_warns_about_a_key_it_would_ignore():
    lines = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    sched = {"type": "alchemy.sched.LineWarmup", "epochs": 2, "lr_warmup_steps": 3}
    try:
        run_task(config(sched=sched), {"device": "cpu"})
    finally:
        logger.remove(sink)
    assert "'lr_warmup_steps'" in "".join(lines)
    assert "'num_warmup_steps'" in "".join(lines)
    assert sym_tbl().train_sched.lr_sched.lr_lambdas[0].keywords["total"] == 11


def test_adamw_needs_its_norm():
    optim = {"type": "alchemy.optim.AdamW", "lr": 0.1}
    with pytest.raises(ConfigError, match="max_grad_norm"):
        run_task(config(optim=optim), {"device": "cpu"})


def test_hf_adamw_with_correction_and_no_decay_is_adam_up_to_eps():
    start = torch.randn(5)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    first, second = CorrectableAdamW([ours], lr=0.1, eps=1e-12), torch.optim.Adam([theirs], lr=0.1, eps=1e-12)
    for step in range(4):
        for weight, optimizer in ((ours, first), (theirs, second)):
            weight.grad = torch.sin(weight.detach() + step)
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_every_parameter_is_in_one_group():
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 1))
    encoder, plain, undecayed = prepare_trf_based_model_params(model, model[0], trf_lr=1e-5)
    assert [len(group["params"]) for group in (encoder, plain, undecayed)] == [2, 1, 3]
    assert (encoder["lr"], undecayed["weight_decay"]) == (1e-5, 0.0)
    both = prepare_trf_based_model_params(model, model[0], trf_lr=None)
    assert [len(group["params"]) for group in both] == [2, 4]
