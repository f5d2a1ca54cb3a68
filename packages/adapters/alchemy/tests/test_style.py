"""What `alloy` does with a config of this style."""

import json
import subprocess
import sys

import pytest
import torch

from torchalloy.adapters.alchemy import (
    AlchemyModel,
    AlchemyOptimizer,
    AlchemyTask,
    AlchemyTrainScheduler,
    prepare_cfg,
    run,
    sym_tbl,
)
from torchalloy.adapters.alchemy.pipeline import EndStepPipeline, EvalPipeline, SchedPipeline
from torchalloy.core import ConfigError
from torchalloy.runtime import evaluate, explain, resume, train

losses: list[float] = []
fails_at: list[int] = []
asked: list[bool] = []


@AlchemyTask.register()
class Task(AlchemyTask):
    def eval_step(self, batch, needs_loss, **kwargs):
        asked.append(needs_loss)
        return super().eval_step(batch, needs_loss, **kwargs)


@AlchemyModel.register()
class Model(AlchemyModel):
    def __init__(self):
        super().__init__()
        self.model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))

    def optim_params(self, **kwargs):
        return self.model.parameters()

    def forward(self, batch, needs_loss, requires_grad, **kwargs):
        loss = (self.model(batch["x"]) - batch["y"]).square().mean()
        outputs = {}
        if needs_loss:
            outputs["loss"] = self.backward.backward(loss, requires_grad=requires_grad)
        return outputs


@AlchemyOptimizer.register()
class Momentum(AlchemyOptimizer):
    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self, **kwargs):
        params = sym_tbl().model.optim_params(**self.cfg)
        self.optimizer = torch.optim.SGD(params, lr=self.cfg["lr"], momentum=0.9)


@AlchemyTrainScheduler.register()
class Falling(AlchemyTrainScheduler):
    def __init__(self):
        super().__init__()
        self.lr_sched = torch.optim.lr_scheduler.StepLR(sym_tbl().optim.optimizer, 3, 0.5)


@SchedPipeline.register()
class NoteLoss(EndStepPipeline):
    def __call__(self, outputs, **kwargs):
        if sym_tbl().train_sched.cur_step in fails_at:
            raise RuntimeError("the power is off")
        losses.append(outputs["loss"])


@EvalPipeline.register()
class Score(EvalPipeline):
    def __call__(self, split, **kwargs):
        folder = sym_tbl().record_dir
        if folder is not None:
            with (folder / "evals.jsonl").open("a") as lines:
                lines.write(f"{split} {sym_tbl().train_sched.cur_step}\n")
        return {"score": 0.25}


CONFIG = """
style = "alchemy_model"
seed = 3
tag = "resumed"  # the title
desc = "a run that stops"
plugins = [
    {{ type = "alchemy.plugins.BasicSetup" }},
    {{ type = "alchemy.plugins.FileLogger", log_dir = "unused" }},
]

[task]
type = "{here}.Task"
evalpipes = [{{ type = "{here}.Score" }}]

[task.datasets.train]
pipes = [
    {{ type = "alchemy.pipeline.lst.SequenceWrapper", datapipe = {data} }},
    {{ type = "alchemy.pipeline.itr.Shuffle", buffer_size = 6 }},
    {{ type = "alchemy.pipeline.itr.Batch", batch_size = 4 }},
]
collate_fn = {{ type = "{here}.ToTensors" }}

[task.datasets.dev]
pipes = [
    {{ type = "alchemy.pipeline.lst.SequenceWrapper", datapipe = {data} }},
    {{ type = "alchemy.pipeline.itr.Batch", batch_size = 20 }},
]
collate_fn = {{ type = "{here}.ToTensors" }}

[model]
type = "{here}.Model"

[backward]
type = "alchemy.model.Default"
period = 2

[optim]
type = "{here}.Momentum"
lr = 0.05

[sched]
type = "{here}.Falling"
epochs = 3
pipes = [
    {{ type = "{here}.NoteLoss" }},
    {{ type = "alchemy.pipeline.sched.EvalStepESPipeline", period = 4 }},
]

[save]
every_steps = 1
"""


def _register_collate():
    from torchalloy.adapters.alchemy.util.collate_fn import CollateFn

    @CollateFn.register(exist_ok=True)
    class ToTensors(CollateFn):
        def __init__(self, **kwargs):
            super().__init__()

        def __call__(self, inputs):
            rows = torch.tensor(inputs)
            return {"x": rows[:, :2], "y": rows[:, 2:]}


_register_collate()


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    losses.clear()
    fails_at.clear()
    asked.clear()
    rows = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).tolist()
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(here=__name__, data=json.dumps(rows)))
    yield path
    sym_tbl().reset()


def test_a_run_that_was_cut_off_goes_on_as_if_nothing_had_happened(config):
    train(config, runs="runs", name="whole")
    whole = list(losses)
    losses.clear()
    fails_at.append(7)  # the 8th of 15 steps: inside an epoch and between two updates
    with pytest.raises(RuntimeError, match="the power is off"):
        train(config, runs="runs", name="cut")
    fails_at.clear()
    resumed = resume("cut", runs="runs")
    assert len(losses) == len(whole) == 15
    assert losses == whole
    assert resumed.summary["iterations"] == 15
    assert resumed.summary["metrics"]["valid/score"] == 0.25


def test_the_runs_folder_is_the_record_folder(config, tmp_path):
    result = train(config, runs="runs", name="one")
    assert (result.folder / "README.md").read_text() == "# resumed\n\na run that stops\n"
    assert "# the title" in (result.folder / "cfg.toml").read_text()
    assert (result.folder / "checkpt").is_dir()
    assert (result.folder / "evals.jsonl").read_text().split("\n") == ["dev 3", "dev 7", "dev 11", ""]
    assert not (tmp_path / "unused").exists()
    assert sorted(result.summary["metrics"]) == ["train/loss", "valid/loss", "valid/score"]
    assert evaluate("one", runs="runs")["valid/loss"] == pytest.approx(evaluate("one", runs="runs")["valid/loss"])


def test_an_override_is_seen_in_the_live_config_and_its_copy(config):
    result = train(config, ["sched.epochs=1", "optim.lr=0.5"], runs="runs", name="two")
    assert result.summary["iterations"] == 5
    assert sym_tbl().cfg["optim"]["lr"] == 0.5
    assert "lr = 0.5" in (result.folder / "cfg.toml").read_text()


def test_a_run_of_the_original_command_goes_on_too(config):
    cfg = prepare_cfg(config)
    cfg["runner"] = "alchemy.runner.Trainer"
    (result,) = run([cfg], device=[-1], desc="begun")
    resumed = resume(result.record_dir, ["sched.epochs=4"])
    assert resumed.summary["iterations"] == 20
    assert resumed.folder == result.record_dir
    assert (result.record_dir / "README.md").read_text() == "# resumed\n\nbegun\n"


def test_inference_walks_its_split_without_scoring(config):
    cfg = prepare_cfg(config)
    cfg["runner"] = "alchemy.runner.InferenceRunner"
    cfg["task"]["datasets"] = {"inference": cfg["task"]["datasets"]["dev"]}
    (result,) = run([cfg], device=[-1])
    assert (result.record_dir / "run.log").is_file()
    assert not (result.record_dir / "evals.jsonl").exists()
    assert asked == [False]


def test_explain_lists_the_stages_and_leaves_nothing(config, tmp_path):
    explained = explain(config)
    assert explained.stages == {"train": "training", "train_eval": "scoring", "valid": "scoring"}
    assert {"model", "optimizer", "schedule", "style"} <= set(explained.parts)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        ("alchemy.plugins.BasicSetup", "alchemy.plugins.BasicSetpu", ":7:", "alchemy.plugins.BasicSetup"),
        ("pipeline.itr.Batch", "pipeline.itr.Btach", ":", "alchemy.pipeline.itr.Batch"),
        ("[optim]", "[optimm]", ":", "optim"),
    ],
)
def test_a_wrong_name_is_told_with_its_place_and_the_nearest_one(config, old, new, place, hint):
    config.write_text(config.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        train(config, runs="runs", name="wrong")
    assert f"config.toml{place}" in str(caught.value)
    assert f"did you mean '{hint}'" in str(caught.value)


def test_a_missing_section_is_told(config):
    config.write_text(config.read_text().split("[sched]")[0])
    with pytest.raises(ConfigError, match=r"lacks \[sched\]"):
        train(config, runs="runs", name="wrong")


def test_two_processes_train_as_one_run(tmp_path):
    script = tmp_path / "two.py"
    script.write_text(TWO)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    weights = [torch.load(tmp_path / f"weight{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert torch.equal(weights[0], weights[1])
    # Two steps on the means over both ranks of the gradient -c: (1+2)/2, then (3+4)/2; the 5th batch is left over.
    assert weights[0].item() == pytest.approx(1.5 + 3.5)


TWO = """
import os, torch
from torch import nn
from torchalloy.adapters.alchemy import AlchemyModel, AlchemyOptimizer, AlchemyTrainScheduler, run_task, sym_tbl

@AlchemyModel.register()
class Model(AlchemyModel):
    def __init__(self):
        super().__init__()
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.model.weight, float(os.environ["RANK"]))
    def optim_params(self, **kwargs):
        return self.model.parameters()
    def forward(self, batch, needs_loss, requires_grad, **kwargs):
        loss = -self.model.weight.sum() * batch
        return {"loss": self.backward.backward(loss, requires_grad=requires_grad)}

@AlchemyOptimizer.register()
class Sgd(AlchemyOptimizer):
    def __init__(self):
        super().__init__()
        self.reset()
    def reset(self, **kwargs):
        self.optimizer = torch.optim.SGD(sym_tbl().model.optim_params(), lr=1.0)

@AlchemyTrainScheduler.register()
class Constant(AlchemyTrainScheduler):
    pass

pipes = [{"type": "alchemy.pipeline.lst.SequenceWrapper", "datapipe": [1.0, 2.0, 3.0, 4.0, 5.0]}]
cfg = {
    "runner": "alchemy.runner.Trainer",
    "task": {"type": "alchemy.task.Default", "datasets": {"train": {"pipes": pipes}}},
    "model": {"type": "two.Model"}, "optim": {"type": "two.Sgd"}, "sched": {"type": "two.Constant", "epochs": 1},
}
run_task(cfg, {"device": "cpu"})
torch.save(sym_tbl().model.model.weight.detach(), f"weight{os.environ['RANK']}.pt")
"""
