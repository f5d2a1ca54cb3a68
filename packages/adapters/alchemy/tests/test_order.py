import pytest
import torch

from torchalloy.adapters.alchemy import AlchemyModel, AlchemyOptimizer, AlchemyTask, AlchemyTrainScheduler, run, sym_tbl
from torchalloy.adapters.alchemy.pipeline import (
    BeginEpochPipeline,
    BeginStepPipeline,
    EndEpochPipeline,
    EndStepPipeline,
    EvalPipeline,
    SchedPipeline,
)
from torchalloy.adapters.alchemy.plugins import AlchemyPlugin
from torchalloy.adapters.alchemy.runner import evaluate

journal: list[str] = []


def note(what):
    schedule = sym_tbl().train_sched
    bar = "+" if sym_tbl().contains_global("pbar") else "-"
    journal.append(f"{what} {schedule.cur_epoch}/{schedule.cur_step}/{schedule.cur_step_this_epoch}{bar}")


@AlchemyTask.register()
class Task(AlchemyTask):
    def begin_eval(self, split, **kwargs):
        note(f"begin_eval {split}")
        super().begin_eval(split, **kwargs)

    def eval_step(self, batch, needs_loss, **kwargs):
        note("eval_step")
        assert not torch.is_grad_enabled()
        return super().eval_step(batch, needs_loss, **kwargs)


@AlchemyModel.register()
class Model(AlchemyModel):
    def __init__(self):
        super().__init__()
        self.model = torch.nn.Linear(1, 1)

    def optim_params(self, **kwargs):
        return self.model.parameters()

    def forward(self, batch, needs_loss, requires_grad, **kwargs):
        assert self.model.training == requires_grad
        if requires_grad:
            note(f"forward {batch['x'].item():g}")
        loss = self.model(batch["x"]).sum()
        return {"loss": self.backward.backward(loss, requires_grad=requires_grad)} if needs_loss else {}


@AlchemyOptimizer.register()
class Sgd(AlchemyOptimizer):
    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self, **kwargs):
        self.optimizer = torch.optim.SGD(sym_tbl().model.optim_params(), lr=0.0)


@AlchemyTrainScheduler.register()
class Constant(AlchemyTrainScheduler):
    pass


@SchedPipeline.register()
class Epochs(BeginEpochPipeline, EndEpochPipeline):
    def __call__(self, **kwargs):
        assert kwargs == {}
        note("epoch")
        return {"said": "epoch"}


@SchedPipeline.register()
class BeginStep(BeginStepPipeline):
    def __call__(self, given, **kwargs):
        assert kwargs == {}
        note("begin_step")
        given["x"] = given["x"] + 10
        return {"said": "begin"}


@SchedPipeline.register()
class AfterBegin(BeginStepPipeline):
    def __call__(self, batch, said, **kwargs):
        assert said == "begin"


@SchedPipeline.register()
class EndStep(EndStepPipeline):
    def __call__(self, produced, **kwargs):
        assert kwargs == {}
        assert "loss" in produced
        note("end_step")


@EvalPipeline.register()
class First(EvalPipeline):
    def begin_eval(self, split, **kwargs):
        note("pipe.begin_eval")

    def __call__(self, split, **kwargs):
        return {"score": 0.5}


@EvalPipeline.register()
class Second(EvalPipeline):
    def __call__(self, split, score, **kwargs):
        assert score == 0.5
        note("end_eval")


@AlchemyPlugin.register()
class OldPlugin(AlchemyPlugin):
    def __init__(self, **kwargs):
        journal.append("made old")

    def __enter__(self):
        journal.append("entered old")

    def __exit__(self, et, ev, tb):
        journal.append(f"closed old {et and et.__name__}")


@AlchemyPlugin.register()
class NewPlugin(AlchemyPlugin):
    def __init__(self, fails=False, **kwargs):
        journal.append("made new")
        if fails:
            raise ValueError("no")

    def exit(self):
        journal.append("closed new")


def config(pipes, plugins=("OldPlugin", "NewPlugin")):
    data = {
        "pipes": [
            {"type": "alchemy.pipeline.lst.SequenceWrapper", "datapipe": [{"x": torch.ones(1)}, {"x": torch.ones(1)}]}
        ]
    }
    return {
        "runner": "alchemy.runner.Trainer",
        "plugins": [{"type": f"{__name__}.{plugin}"} for plugin in plugins],
        "task": {
            "type": f"{__name__}.Task",
            "datasets": {"train": data, "dev": data},
            "evalpipes": [{"type": f"{__name__}.First"}, {"type": f"{__name__}.Second"}],
        },
        "model": {"type": f"{__name__}.Model"},
        "optim": {"type": f"{__name__}.Sgd"},
        "sched": {"type": f"{__name__}.Constant", "epochs": 2, "pipes": pipes},
    }


def mine(*names):
    return [{"type": f"{__name__}.{name}"} for name in names]


@pytest.fixture(autouse=True)
def _empty_journal():
    journal.clear()


EVALUATION = ["begin_eval dev", "pipe.begin_eval", "eval_step", "eval_step", "end_eval"]


def at(clock, *whats):
    return [f"{what} {clock}" for what in whats]


def test_everything_happens_in_the_promised_order():
    sched = "alchemy.pipeline.sched."
    pipes = [
        *mine("Epochs", "BeginStep", "AfterBegin", "EndStep"),
        {"type": f"{sched}EvalStepESPipeline", "period": 2},
        {"type": f"{sched}EvalEEPipeline", "period": 2},
        {"type": f"{sched}InitEvalBEPipeline"},
        {"type": f"{sched}EvalAtFinishEEPipeline"},
    ]
    run([config(pipes)], device=[-1])
    step = ("begin_step", "forward 11", "end_step")
    assert journal == [
        "made old",
        "made new",
        "entered old",
        *at("0/-1/-1-", "epoch", *EVALUATION),
        *at("0/0/0+", *step),
        *at("0/1/1+", *step, *EVALUATION),
        *at("0/1/1-", "epoch"),
        *at("1/1/-1-", "epoch"),
        *at("1/2/0+", *step),
        *at("1/3/1+", *step, *EVALUATION),
        *at("1/3/1-", "epoch", *EVALUATION, *EVALUATION),
        "closed old None",
        "closed new",
    ]


@SchedPipeline.register()
class Fails(EndStepPipeline):
    def __call__(self, outputs, **kwargs):
        raise ZeroDivisionError("at a step")


def test_a_failing_step_closes_every_plugin_once_and_leaves_a_clean_table():
    with pytest.raises(ZeroDivisionError):
        run([config(mine("Fails"))], device=[-1])
    assert journal[-2:] == ["closed old ZeroDivisionError", "closed new"]
    assert sym_tbl().model is None
    (failed,) = run([config(mine("Fails"))], device=[-1], catch=True)
    assert isinstance(failed, Exception)
    assert isinstance(failed.exception, ZeroDivisionError)
    assert "ZeroDivisionError: at a step" in str(failed)
    run([config([])], device=[-1])


def test_a_plugin_that_cant_be_built_closes_those_before_it():
    broken = config([])
    broken["plugins"][1]["fails"] = True
    with pytest.raises(ValueError, match="no"):
        run([broken], device=[-1])
    assert journal == ["made old", "made new", "closed old ValueError"]


@SchedPipeline.register()
class AsksItself(EndEpochPipeline):
    def __call__(self, **kwargs):
        sym_tbl().task.load_dataset("late", **sym_tbl().cfg["task"]["datasets"]["dev"])
        journal.append(f"dev {evaluate('dev')} late {evaluate('late', needs_loss=False)} train {evaluate('train')}")
        with pytest.raises(KeyError, match="did you mean 'dev'"):
            evaluate("deev")


def test_evaluate_returns_what_the_last_pipe_said_also_for_splits_loaded_late():
    run([config(mine("AsksItself"))], device=[-1])
    score = {"score": 0.5}
    assert f"dev {score} late {score} train {score}" in journal
