"""A solver in its experiment: stages, epochs, what is kept, and subclasses that change it."""

import json
import logging
import shutil
from abc import ABC
from functools import wraps

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

import torchalloy.adapters.flashy as flashy
from torchalloy.adapters.flashy.dora import XP, get_xp, is_xp
from torchalloy.adapters.flashy.dora.main import DoraConfig
from torchalloy.checkpoint import Store

CFG = {"lr": 0.1, "data": {"path": "/data", "sizes": [1, 2]}, "name": None, "on": True}


def experiment(folder):
    return XP(DoraConfig(folder), OmegaConf.create(CFG), ["lr=0.1"], "abcd1234", [["lr", 0.1]])


@pytest.fixture
def xp(tmp_path):
    with experiment(tmp_path).enter() as entered:
        entered.folder.mkdir(parents=True)
        yield entered


class Small(flashy.BaseSolver):
    """Trains one layer on noise, three steps an epoch."""

    def __init__(self, epochs=2):
        super().__init__()
        self.epochs = epochs
        torch.manual_seed(0)
        self.model = torch.nn.Linear(2, 1)
        self.optim = torch.optim.Adam(self.model.parameters(), lr=0.1)
        self.register_stateful("model", "optim")
        self.seen = []

    def run(self):
        self.restore()
        for _ in range(self.epoch, self.epochs + 1):
            self.run_stage("train", self.train)
            self.run_stage("valid", lambda: {"score": float(self.epoch)})
            self.commit()
        return "done"

    def train(self):
        average = flashy.averager()
        for step in (progress := self.log_progress("train", range(3), updates=0)):
            self.seen.append((self.epoch, step))
            loss = self.model(torch.randn(4, 2)).abs().mean()
            loss.backward()
            self.optim.step()
            self.optim.zero_grad()
            metrics = average({"loss": loss})
            progress.update(**metrics, note="any text")
        return metrics


def weights(solver):
    return [parameter.tolist() for parameter in solver.model.parameters()]


# --- stages


def test_a_stage_returns_the_methods_own_dict_with_its_duration(xp):
    solver, own = Small(), {"loss": 1.0}
    assert solver.run_stage("train", lambda: own) is own and own["duration"] >= 0
    assert solver.run_stage("valid", lambda: None).keys() == {"duration"}
    assert solver._pending_metrics.keys() == {"train", "valid"}


def test_arguments_reach_the_stages_method(xp):
    assert Small().run_stage("train", lambda a, b: {"sum": a + b}, 1, b=2)["sum"] == 3


def test_stages_dont_nest(xp):
    solver = Small()
    with pytest.raises(AssertionError, match="inside stage 'train'"):
        solver.run_stage("train", lambda: solver.run_stage("valid", dict))


def test_a_stage_runs_once_an_epoch(xp):
    solver = Small()
    solver.run_stage("train", dict)
    with pytest.raises(RuntimeError, match="already"):
        solver.run_stage("train", dict)
    solver.commit(save_checkpoint=False)
    solver.run_stage("train", dict)


def test_a_failing_stage_is_left_and_logs_nothing(xp):
    solver = Small()
    with pytest.raises(ZeroDivisionError):
        solver.run_stage("train", lambda: 1 / 0)
    assert solver._pending_metrics == {}
    with pytest.raises(RuntimeError):
        _ = solver.current_stage
    with pytest.raises(RuntimeError):
        _ = solver.formatter


def test_metrics_logged_outside_a_stage_need_a_formatter_and_leave_nothing_without(xp):
    solver = Small()
    with pytest.raises(RuntimeError):
        solver.log_metrics("extra", {"loss": 1.0})
    assert solver._pending_metrics == {}
    solver.log_metrics("extra", {"loss": 1.0}, flashy.Formatter())
    assert solver._pending_metrics == {"extra": {"loss": 1.0}}


def test_the_summary_line_is_flashys(xp, caplog):
    with caplog.at_level(logging.INFO, "flashy.solver"):
        Small().log_metrics("train", {"loss": 0.1234, "duration": 1.2341}, flashy.Formatter())
    assert caplog.records[-1].getMessage() == "\033[1mTrain Summary | Epoch 1 | loss=0.123 | duration=1.234\033[0m"


# --- epochs


def test_a_run_keeps_history_and_both_checkpoints_and_goes_on_behind_them(xp):
    solver = Small(epochs=2)
    assert solver.run() == "done"
    recorded = json.loads(xp.history.read_text())
    assert [epoch.keys() for epoch in recorded] == [{"train", "valid"}] * 2
    assert recorded[1]["valid"]["score"] == 2.0 and recorded == xp.link.history
    assert Store(xp.folder / "checkpoints").newest().meta["epoch"] == 2
    longer = again(xp, epochs=3)
    longer.run()
    assert longer.seen == [(3, 0), (3, 1), (3, 2)] and longer.history[:2] == recorded


def again(xp, cls=Small, **kwargs):
    """Return a solver as a new process has it: nothing in memory."""
    xp.link.history.clear()
    return cls(**kwargs)


def test_a_run_in_two_pieces_equals_one(xp, tmp_path):
    Small(epochs=1).run()
    second = again(xp, epochs=3)
    second.run()
    with experiment(tmp_path / "other").enter(stack=True):
        whole = Small(epochs=3)
        whole.run()
    assert weights(second) == weights(whole)


class Stopped(Small):
    """Asks for a stop in the middle of epoch 2, and counts what it does behind its loop."""

    behind = 0

    def train(self):
        metrics = super().train()
        type(self).behind += 1
        return metrics

    def log_progress(self, *args, **kwargs):
        progress = super().log_progress(*args, **kwargs)
        tell = progress.listener

        def listen(metrics):
            tell(metrics)
            if self.epoch == 2 and self.seen[-1] == (2, 1):
                self._drive.state.stop = "the test says so"

        progress.listener = listen
        return progress


def test_a_run_stopped_inside_a_stage_goes_on_with_its_next_step(xp, tmp_path):
    first = Stopped(epochs=3)
    assert first.run() is None
    assert first.seen[-1] == (2, 1) and Stopped.behind == 1
    second = again(xp, epochs=3)
    second.run()
    assert second.seen == [(2, 2), (3, 0), (3, 1), (3, 2)]
    with experiment(tmp_path / "other").enter(stack=True):
        whole = Small(epochs=3)
        whole.run()
    assert weights(second) == weights(whole)
    assert [e["train"]["loss"] for e in second.history] == [e["train"]["loss"] for e in whole.history]


def test_a_stop_between_epochs_ends_the_run_there(xp):
    class StopsAfterOne(Small):
        def commit(self, save_checkpoint=True):
            super().commit(save_checkpoint)
            self._drive.state.stop = "the test says so"

    solver = StopsAfterOne(epochs=3)
    solver.run()
    assert len(solver.history) == 1
    second = again(xp, epochs=3)
    second.run()
    assert len(second.history) == 3 and second.seen[0] == (2, 0)


def test_an_epoch_without_a_checkpoint_is_trained_again_and_its_history_kept_aside(xp, caplog):
    class SavesOdd(Small):
        def commit(self):
            super().commit(save_checkpoint=self.epoch % 2 == 1)

    SavesOdd(epochs=4).run()
    assert Store(xp.folder / "checkpoints").newest().meta["epoch"] == 3
    rerun = again(xp, SavesOdd, epochs=4)
    with caplog.at_level(logging.WARNING, "flashy.solver"):
        rerun.run()
    assert rerun.seen == [(4, 0), (4, 1), (4, 2)] and len(json.loads(xp.history.read_text())) == 4
    assert "history.json has 4 epochs, the checkpoint 3" in caplog.text
    assert len(json.loads((xp.folder / "history.json.bak").read_text())) == 4


def test_an_epoch_may_have_no_stage(xp):
    class Empty(Small):
        def run(self):
            self.restore()
            for _ in range(self.epoch, self.epochs + 1):
                self.commit()

    Empty(epochs=2).run()
    assert Store(xp.folder / "checkpoints").newest().meta["epoch"] == 2
    assert again(xp, Empty).restore()


def test_a_metric_without_a_word_in_json_is_refused_before_anything_changed(xp):
    solver = Small()
    solver.log_metrics("train", {"loss": object()}, flashy.Formatter(exclude_keys=["*"]))
    with pytest.raises(ValueError, match="JSON"):
        solver.commit()
    assert solver.history == [] and solver.epoch == 1


def test_numpy_and_tensor_metrics_become_numbers(xp):
    solver = Small()
    metrics = {"a": np.float32(0.5), "b": torch.tensor(0.25)}
    solver.log_metrics("train", metrics, flashy.Formatter())
    solver.commit(save_checkpoint=False)
    assert json.loads(xp.history.read_text()) == [{"train": {"a": 0.5, "b": 0.25}}]


def test_a_run_that_a_mixin_or_a_decorator_gives_is_driven_too(xp):
    def decorated(run):
        return wraps(run)(lambda self: run(self))

    class Mixin:
        def run(self):
            return Small.run(self)

    class Mixed(Mixin, Small):
        pass

    class Decorated(Small):
        run = decorated(Small.run.__wrapped__)

    for cls in (Mixed, Decorated):
        assert again(xp, cls, epochs=2).run() == "done"
        assert json.loads((xp.folder / "summary.json").read_text())["epochs"] == 2
        shutil.rmtree(xp.folder)


# --- what is kept


class Keeper(flashy.BaseSolver):
    """Registers one of each kind."""

    def __init__(self):
        super().__init__()
        self.model = torch.nn.Linear(2, 1)
        self.optim = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.best, self.losses, self.count, self.late = {}, [], 0, None
        self.register_stateful("model", "optim", "best", "losses", "count", "late", "only_later")
        self.register_stateful("secret", write_only=True)
        self.secret = "written"

    def run(self):
        self.late = torch.nn.Linear(1, 1)
        self.only_later = (1, "two")
        self.restored = self.restore()

    def fill(self):
        self.model(torch.ones(1, 2)).sum().backward()
        self.optim.step()
        self.best.update(self.model.state_dict())
        self.losses += [1.0, 2.0]
        self.count = 7
        self.late, self.only_later = torch.nn.Linear(1, 1), (3, "four")


def assert_equal(solver, other):
    assert torch.equal(solver.model.weight, other.model.weight)
    assert solver.optim.state_dict()["param_groups"] == other.optim.state_dict()["param_groups"]
    assert torch.equal(*(one.optim.state_dict()["state"][0]["momentum_buffer"] for one in (solver, other)))
    assert solver.best.keys() == other.best.keys() and solver.losses == [1.0, 2.0] and solver.count == 7
    assert torch.equal(solver.late.weight, other.late.weight) and tuple(solver.only_later) == (3, "four")


def test_the_file_gives_everything_back_in_place(xp):
    written = Keeper()
    written.fill()
    written.commit()
    read = again(xp, Keeper)
    read.late = torch.nn.Linear(1, 1)
    before = (read.best, read.losses, *read.model.parameters())
    read.secret = "mine"
    assert read.restore()
    assert all(a is b for a, b in zip(before, (read.best, read.losses, *read.model.parameters()), strict=True))
    assert_equal(read, written)
    assert read.secret == "mine" and len(read.history) == 1


def test_a_run_gives_back_also_what_it_makes_before_it_restores(xp):
    class Writer(Keeper):
        def run(self):
            self.fill()
            self.commit()

    written = Writer()
    written.run()
    read = again(xp, Keeper)
    before = (read.best, read.losses, *read.model.parameters())
    (xp.folder / "checkpoint.th").unlink()
    read.run()
    assert read.restored and all(a is b for a, b in zip(before[:2], (read.best, read.losses), strict=True))
    assert_equal(read, written)


def test_the_file_opens_in_plain_torch_with_the_config_in_it(xp):
    solver = Keeper()
    solver.fill()
    solver.commit()
    whole = torch.load(xp.folder / "checkpoint.th", weights_only=False)
    assert isinstance(whole["xp.cfg"], DictConfig) and whole["xp.cfg"] == xp.cfg
    assert whole["xp.sig"] == "abcd1234" and len(whole["history"]) == 1
    assert list(whole)[:3] == ["history", "xp.cfg", "xp.sig"]


def test_a_module_is_kept_once_though_it_is_wrapped_or_inside_another(xp):
    class Wrapped(Small):
        def __init__(self):
            super().__init__()
            self.outer = torch.nn.Sequential(self.model)
            self.compiled = torch.compile(self.model)
            self.register_stateful("outer", "compiled")

    solver = Wrapped()
    parts = solver.recipe().parts
    assert set(parts) == {"model", "optimizer", "style"}
    assert set(parts["style"].state_dict()["registered"]) == {"history"}


def test_a_name_is_registered_once(xp):
    solver = Small()
    with pytest.raises(ValueError, match="model"):
        solver.register_stateful("model")


def test_a_saved_name_nobody_registered_is_an_error(xp):
    with pytest.raises(KeyError, match="nobody"):
        Small().load_state_dict({"nobody": 1})


# --- subclasses like those in the wild


class Best(flashy.state.StateDictSource):
    """Keeps the best score; a StateDictSource of the user's own."""

    def __init__(self):
        self.score = 0.0

    def state_dict(self):
        return {"score": self.score}

    def load_state_dict(self, state):
        self.score = state["score"]


class Standard(ABC, Small):
    """Overrides what audiocraft's solver does, without calling super."""

    def __init__(self, epochs=3):
        super().__init__(epochs)
        self.best = Best()
        self.stateful.register("best", self.best)
        self.restored = None

    def checkpoint_path(self, **kwargs):
        return self.folder / "own.th"

    def run(self):
        self.restored = self.restore(load_best=False)
        for _ in range(self.epoch, self.epochs + 1):
            self.run_stage("train", self.train)
            self.best.score = max([m["train"]["loss"] for m in [*self.history, self._pending_metrics]])
            best = {"score": self.best.score}
            self.result_logger._log_summary("best", best, step=self.epoch, formatter=flashy.Formatter())
            self.commit()

    def commit(self, save_checkpoints=True):
        self.history.append(self._pending_metrics)
        if save_checkpoints:
            torch.save({k: v for k, v in self.state_dict().items() if k != "xp.cfg"}, self.checkpoint_path())
        self._start_epoch()
        self.xp.link.update_history(self.history)

    def restore(self, load_best=False):
        if not self.checkpoint_path().exists():
            return False
        self.load_state_dict(torch.load(self.checkpoint_path(), weights_only=True))
        return True


def test_a_subclass_that_saves_by_itself_runs_and_resumes(xp):
    first = Standard(epochs=3)
    first.run()
    assert first.restored is False and len(json.loads(xp.history.read_text())) == 3
    summary = json.loads((xp.folder / "summary.json").read_text())
    assert (summary["status"], summary["epochs"], summary["iterations"]) == ("finished", 3, 9)
    second = again(xp, Standard, epochs=5)
    second.run()
    assert second.restored is True and [epoch for epoch, _ in second.seen] == [4, 4, 4, 5, 5, 5]
    assert second.best.score >= first.best.score > 0
    assert second.stateful.sources["best"].state_dict() == {"score": second.best.score}


def test_a_stop_of_such_a_subclass_goes_on_from_its_own_file(xp):
    class StandardStopped(Stopped, Standard):
        pass

    StandardStopped(epochs=3).run()
    second = again(xp, Standard, epochs=3)
    second.run()
    assert second.seen[0] == (2, 0) and len(second.history) == 3


def test_our_own_commit_follows_an_overridden_path(xp):
    class Elsewhere(Small):
        @property
        def checkpoint_path(self):
            return self.folder / "other.th"

    Elsewhere().commit()
    assert (xp.folder / "other.th").exists() and not (xp.folder / "checkpoint.th").exists()
    assert again(xp, Elsewhere).restore()


def test_swapping_the_state_of_single_sources_works_inside_a_stage(xp):
    solver = Small()
    source = solver.stateful.sources["model"]
    kept = {name: value.clone() for name, value in source.state_dict().items()}
    torch.nn.init.zeros_(solver.model.weight)
    source.load_state_dict(kept)
    assert torch.equal(solver.model.weight, kept["weight"])


# --- experiments


def test_a_solver_outside_an_experiment_is_an_error():
    with pytest.raises(RuntimeError, match="not in an xp"):
        Small()
    assert not is_xp()


def test_experiments_nest_only_when_asked(tmp_path):
    outer, inner = experiment(tmp_path / "outer"), experiment(tmp_path / "inner")
    with outer.enter():
        with pytest.raises(RuntimeError, match="already inside"):
            with inner.enter():
                pass
        with inner.enter(stack=True):
            assert get_xp() is inner
        assert get_xp() is outer


def test_a_link_starts_empty_reads_on_demand_and_refuses_no_list(tmp_path):
    xp = experiment(tmp_path)
    xp.link.push_metrics({"train": {"loss": torch.tensor(0.5)}})
    other = experiment(tmp_path)
    assert other.link.history == [] and other == xp
    other.link.load()
    assert other.link.history == [{"train": {"loss": 0.5}}]
    with pytest.raises(ValueError, match="list"):
        other.link.update_history({})
