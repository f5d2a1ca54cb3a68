"""The Trainer on the engine: its life cycle, its callbacks, its files, and where it goes on."""

import json
import warnings

import pytest
import torch
from torch import nn

from torchalloy.adapters.thexp import AvgMeter, Logger, Meter, Params, Trainer
from torchalloy.adapters.thexp.frame.callbacks import EvalCallback, TrainCallback
from torchalloy.core import Handlers, RecipeError, State
from torchalloy.data import Loader, TensorData, seed_everything
from torchalloy.engine import link, run
from torchalloy.engine.testing import Trace


@pytest.fixture(autouse=True)
def _own_places(tmp_path, monkeypatch):
    monkeypatch.setenv("THEXP_HOME", str(tmp_path / "home"))
    Logger.reset()
    Logger(stdout=False)
    yield
    Logger.reset()


class Small(Trainer):
    """One linear layer with dropout, four batches an epoch."""

    told: list

    def initial_trainer(self, params):
        self.told = ["initial_trainer"]
        self.model = nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 2))
        self.optim = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        xs = torch.arange(24, dtype=torch.float32).reshape(8, 3) / 24
        loader = Loader(TensorData(xs, torch.arange(8) % 2), 2, shuffle=True, seed=5)
        self.regist_databundler(train=loader, eval=loader, test=loader)

    def initial_models(self, params):
        self.told.append("initial_models")

    def initial_datasets(self, params):
        self.told.append("initial_datasets")

    def initial_callback(self):
        self.told.append("initial_callback")
        EvalCallback(1, 5).hook(self)

    def train_batch(self, eidx, idx, global_step, batch_data, params, device):
        assert self.model.training
        meter = Meter()
        xs, ys = batch_data
        meter.loss = nn.functional.cross_entropy(self.model(xs), ys)
        meter.loss.backward()
        self.optim.step()
        self.optim.zero_grad()
        self.told.append((eidx, idx, global_step))
        return meter

    def test_eval_logic(self, dataloader, param):
        assert not self.model.training
        average = AvgMeter()
        for xs, ys in dataloader:
            meter = Meter()
            meter.accuracy = (self.model(xs).argmax(1) == ys).float().mean()
            average.update(meter)
        return average


def make(cls=Small, folder=None, *callbacks, epoch=2):
    seed_everything(3)
    params = Params()
    params.device, params.epoch, params.lr = "cpu", epoch, 0.01
    params.build_exp_name("mytrainer", "lr")
    trainer = cls(params)
    if folder is not None:
        trainer.initial_exp(folder)
    for callback in callbacks:
        callback.hook(trainer)
    return trainer


class Counted(TrainCallback):
    def __init__(self):
        super().__init__()
        self.moments = []

    def on_begin(self, trainer, func, params, *args, **kwargs):
        self.moments.append(("begin", func.__name__, params.eidx))

    def on_end(self, trainer, func, params, meter, *args, **kwargs):
        self.moments.append(("end", func.__name__, params.eidx))


def test_the_life_cycle_of_a_trainer(tmp_path):
    trainer = make(Small, tmp_path)
    counted = Counted()
    counted.hook(trainer)
    trainer.train()
    assert trainer.told[:5] == ["initial_trainer", "initial_models", "initial_datasets", "initial_callback", (1, 0, 0)]
    assert trainer.told[-1] == (2, 3, 7)
    names = [(moment, name) for moment, name, _ in counted.moments]
    assert (names.count(("begin", "eval")), names.count(("begin", "test"))) == (2, 1)
    assert (names[0], names[-1]) == (("begin", "train"), ("end", "train"))
    assert (trainer.params.eidx, trainer.params.global_step) == (3, 8)
    folder = tmp_path / "mytrainer_lr=0.01"
    assert {"logs", "modules", "plot", "rnd", "board", "code", "exp"} <= {part.name for part in folder.iterdir()}
    trainer.save_keypoint()
    trainer.load_keypoint(3)
    assert trainer.params.eidx == 4
    assert set(json.loads((folder / "summary.json").read_text())["metrics"]) == {
        "train/loss",
        "valid/accuracy",
        "test/accuracy",
    }


def test_training_again_does_nothing_until_there_are_more_epochs(tmp_path):
    trainer = make(Small, tmp_path, epoch=1)
    trainer.train()
    trainer.train()
    assert trainer.params.global_step == 4
    trainer.params.epoch = 3
    trainer.train()
    whole = make(Small, tmp_path / "whole", epoch=3)
    whole.train()
    assert trainer.params.global_step == 12
    assert torch.equal(trainer.model[1].weight, whole.model[1].weight)


def test_a_trainer_in_the_later_manner_is_ready_when_constructed(tmp_path, monkeypatch):
    class Later(Trainer):
        def models(self, params):
            self.model = nn.Linear(3, 2)
            self.optim = torch.optim.SGD(self.model.parameters(), lr=0.1)

        def datasets(self, params):
            self.regist_databundler(train=Loader(TensorData(torch.rand(8, 3)), 2))

        def train_batch(self, eidx, idx, global_step, batch_data, params, device):
            meter = Meter()
            meter.loss = self.model(batch_data[0]).square().mean()
            meter.loss.backward()
            self.optim.step()
            return meter

    monkeypatch.setattr("torchalloy.adapters.thexp.frame.trainer._beside_main", lambda: tmp_path)
    trainer = make(Later)
    trainer.train()
    assert (trainer.params.eidx, trainer.params.global_step) == (3, 8)
    assert (tmp_path / "mytrainer_lr=0.01" / "summary.json").exists()


def test_the_engine_sees_the_test_behind_training_and_inside_the_epoch(tmp_path):
    trace, trainer = Trace(), make(Small, tmp_path, epoch=1)
    run(link(trainer.recipe(), trace.handlers()), State())
    marks = [event[0] + ":" + str(event[-1]) for event in trace.events if "step" not in event[0]]
    assert marks == [
        "run_start:run_start", "epoch_start:1", "stage_start:train", "stage_end:train",
        "stage_start:valid", "stage_end:valid", "stage_start:test", "stage_end:test", "epoch_end:1", "run_end:run_end",
    ]  # fmt: skip
    assert sum(event[:2] == ("after_step", "test") for event in trace.events) == 4


@pytest.mark.parametrize("after", [1, 3, 4, 6])
def test_a_run_stopped_after_any_step_goes_on_as_if_it_had_not(tmp_path, after):
    whole = make(Small, tmp_path / "whole")
    whole_state = run(link(whole.recipe()), State())

    first = make(Small, tmp_path / "first")
    recipe, generators = first.recipe(), []

    def stop(state, _):
        if state.global_iteration == after:
            state.stop = "here"
            generators.append(torch.get_rng_state())

    state = run(link(recipe, Handlers("stop", after_step=stop)), State())
    kept = {name: part.state_dict() for name, part in recipe.parts.items()}
    assert sorted(kept) == ["model", "optimizer", "style"]

    second = make(Small, tmp_path / "second")
    resumed = second.recipe()
    for name, part in resumed.parts.items():
        part.load_state_dict(kept[name])
    position = State()
    position.load_state_dict(state.state_dict())
    torch.set_rng_state(generators[0])
    run(link(resumed), position)
    assert torch.equal(second.model[1].weight, whole.model[1].weight)
    assert (second.params.eidx, second.params.global_step) == (3, 8)
    assert (position.epoch, position.global_iteration) == (whole_state.epoch, whole_state.global_iteration)


def test_the_style_part_of_another_style_is_left_alone(tmp_path):
    style = make(Small, tmp_path).recipe().parts["style"]
    for foreign in ({"registered": {}, "pending": {}}, {}, None, [1]):
        style.load_state_dict(foreign)


def test_a_callback_may_forgive_what_a_batch_raised(tmp_path):
    class Broken(Small):
        def train_batch(self, eidx, idx, global_step, batch_data, params, device):
            if global_step == 2:
                raise ValueError("no good batch")
            return super().train_batch(eidx, idx, global_step, batch_data, params, device)

    class Forgiving(TrainCallback):
        def on_first_exception(self, trainer, func, params, e, *args, **kwargs):
            return True

    with pytest.raises(ValueError, match="no good batch"):
        make(Broken, tmp_path / "strict").train()
    assert json.loads((tmp_path / "strict/mytrainer_lr=0.01/summary.json").read_text())["status"] == "failed"
    trainer = make(Broken, tmp_path / "mild", Forgiving())
    trainer.train()
    assert trainer.params.global_step == 8


def test_a_trainer_can_end_an_epoch_and_the_training(tmp_path):
    class Short(Small):
        def train_batch(self, eidx, idx, *args):
            if idx == 1:
                self.stop_current_epoch()
            if eidx == 2:
                self.stop_train()
            return super().train_batch(eidx, idx, *args)

    trainer = make(Short, tmp_path, epoch=5)
    trainer.train()
    assert (trainer.params.eidx, trainer.params.global_step) == (3, 4)


def test_checkpoints_of_both_forms_are_read(tmp_path):
    trainer = make(Small, tmp_path)
    trainer.train()
    path = trainer.save_checkpoint({"note": torch.tensor(1.5)})
    flat = {
        "model": trainer.model.state_dict(),
        "optim": trainer.optim.state_dict(),
        "_eidx": 7,
        "_idx": 1,
        "_global_step": 20,
    }
    trainer.saver.save_keypoint(7, flat)
    other = make(Small, tmp_path / "other")
    assert other.load_checkpoint(path) == {"note": 1.5}
    assert other.params.eidx == 3
    assert torch.equal(other.model[1].weight, trainer.model[1].weight)
    trainer.load_keypoint(7)
    assert (trainer.params.eidx, trainer.params.global_step) == (8, 20)
    with pytest.raises(FileNotFoundError, match="no checkpoint 99"):
        trainer.load_checkpoint(99)


def test_what_cannot_train_says_so(tmp_path):
    with pytest.raises(RecipeError, match="call initial_exp"):
        make(Small).train()

    class NoData(Small):
        def initial_trainer(self, params):
            self.told = []

    with pytest.raises(RecipeError, match="no training data"):
        make(NoData, tmp_path).train()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make(Small, tmp_path / "again").add_callback(EvalCallback()) is False
