"""Small runs on the CPU: what is reported, what is on disk, and what a resumed run does."""

import logging
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from torchalloy.adapters.trainframework.data.build import BUILD_DATASET_REGISTRY
from torchalloy.adapters.trainframework.data.dataset import EngineDataSet
from torchalloy.adapters.trainframework.model.base_model import BaseModel
from torchalloy.adapters.trainframework.model.build import BUILD_MODEL_REGISTRY, BUILD_NETWORK_REGISTRY
from torchalloy.adapters.trainframework.schedule.scheduler import BaseScheduler
from torchalloy.adapters.trainframework.trainer.build import BUILD_TRAINER_REGISTRY, build_trainer
from torchalloy.adapters.trainframework.trainer.trainer import BaseTrainer
from torchalloy.core import ConfigError, Mean


@BUILD_NETWORK_REGISTRY.register()
class LineNet(torch.nn.Module):
    """Two layers, so that a head may differ while the rest fits."""

    def __init__(self, num_out: int = 2) -> None:
        super().__init__()
        self.body = torch.nn.Linear(4, 6)
        self.head = torch.nn.Linear(6, num_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.body(x)))


@BUILD_DATASET_REGISTRY.register()
class Line(EngineDataSet):
    """32 points in memory."""

    def __init__(self) -> None:
        super().__init__([])
        drawn = torch.Generator().manual_seed(5)
        self.x, self.y = torch.randn(32, 4, generator=drawn), torch.randn(32, 2, generator=drawn)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.x[index], self.y[index]

    def __len__(self) -> int:
        return len(self.x)


@BUILD_MODEL_REGISTRY.register()
class TensorModel(BaseModel):
    """Returns a bare loss."""

    def run_step(self, data: Any, *, epoch: int | None = None, **kwargs: Any) -> Any:
        return (self.g_model(data[0]) - data[1]).square().mean()

    def generator(self, data: Any) -> Any:
        return self.g_model(data)


@BUILD_MODEL_REGISTRY.register()
class DictModel(TensorModel):
    """Returns a dict with the loss, and is scored."""

    def run_step(self, data: Any, *, epoch: int | None = None, **kwargs: Any) -> Any:
        return {"loss": super().run_step(data), "acc": 0.25, "names": ["kept"]}

    def evaluate_step(self, data: Any) -> dict[str, Any]:
        error = (self.generator(data[0]) - data[1]).square().mean(1)
        return {"error": Mean(error.sum(), len(error))}


@BUILD_MODEL_REGISTRY.register()
class ListModel(TensorModel):
    """Returns what no step may."""

    def run_step(self, data: Any, *, epoch: int | None = None, **kwargs: Any) -> Any:
        return [super().run_step(data)]


@BUILD_TRAINER_REGISTRY.register()
class Watching(BaseTrainer):
    """Notes what its hooks are given; may stop in the middle as a killed process would."""

    kill_at: int | None = None
    last: "Watching"

    def before_loop(self) -> None:
        type(self).last = self
        self.infos: list[dict[str, Any]] = []
        self.epochs: list[int] = []
        self.rates_before: list[float] = []
        self.num_updates = 0
        self.model.g_optimizer.register_step_pre_hook(self._before_update)
        self.finished = False

    def _before_update(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        self.num_updates += 1
        self.rates_before.append(optimizer.param_groups[0]["lr"])

    def iterate_after(self, epoch: int, loss_dict: dict[str, Any] | None = None) -> None:
        self.epochs.append(epoch)
        self.infos.append(loss_dict or {})
        if epoch == type(self).kill_at:
            raise KeyboardInterrupt

    def after_loop(self) -> None:
        self.finished = True


@BUILD_TRAINER_REGISTRY.register()
class OneArgument(BaseTrainer):
    """Overrides `iterate_after` as newer projects do."""

    seen: ClassVar[list[int]] = []

    def iterate_after(self, epoch: int) -> None:  # type: ignore[override]
        self.seen.append(epoch)


def train(folder: Path, *arguments: str, seed: int = 3, **changes: Any) -> Watching:
    """Run a whole script with a config of these parts and return the trainer."""
    solver = {"train_per_batch": 4, "max_iter": 12, "checkpoint_period": 5, **changes.pop("solver", {})}
    generator = {
        "lr_scheduler": changes.pop("lr_scheduler", {"enabled": False}),
        "optimizer": changes.pop("optimizer", {"type": "SGD", "params": {"lr": 0.1}}),
        **changes.pop("beside_optimizer", {}),
    }
    model = {"name": "TensorModel", "generator": {"name": "LineNet"}, **changes.pop("model", {})}
    trainer = {"name": "Watching", "model": model, **changes.pop("trainer", {})}
    data = {"num_workers": 0, "train_data_set": {"name": "Line"}, "val_data_set": {"name": "Line"}}
    folder.mkdir(exist_ok=True)
    config = folder.parent / f"{folder.name}.py"
    config.write_text(
        f"trainer = {trainer!r}\nsolver = {solver | {'generator': generator}!r}\ndataloader = {data!r}\n"
        f"output_dir = {str(folder)!r}\noutput_log_name = 'log-{folder.name}'\nseed = {seed}\n"
    )
    assert not changes, changes
    BaseScheduler().schedule(["--config-file", str(config), *arguments])
    return Watching.last


def weights(trainer: BaseTrainer) -> list[torch.Tensor]:
    return [one.detach().clone() for one in trainer.model.g_model.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_step_may_return_a_tensor_or_a_dict(tmp_path: Path) -> None:
    bare = train(tmp_path / "bare")
    mapping = train(tmp_path / "mapping", model={"name": "DictModel"})
    assert same(weights(bare), weights(mapping))
    assert bare.infos[3] == {"loss": mapping.infos[3]["loss"], "total_loss": mapping.infos[3]["loss"], "lr": "0.1"}
    assert (mapping.infos[3]["acc"], mapping.infos[3]["names"]) == (0.25, ["kept"])
    assert all(isinstance(info["loss"], float) for info in bare.infos + mapping.infos)


def test_anything_else_that_a_step_returns_is_named_with_its_model(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"ListModel\.run_step .* got list"):
        train(tmp_path / "list", model={"name": "ListModel"})


def test_rates_are_those_of_the_closed_form_one_iteration_later(tmp_path: Path) -> None:
    param = {"name": "WarmupMultiStepLR", "steps": [10, 16], "gamma": 0.1}
    schedule = {"warmup_factor": 0.1, "warmup_iter": 4, "lr_scheduler_param": param, "max_iter": 20}
    ran = train(
        tmp_path / "run",
        solver={"max_iter": 20},
        optimizer={"type": "SGD", "params": {"lr": 1}},
        lr_scheduler={"enabled": True, "type": "LRMultiplierScheduler", "params": schedule},
    )
    expected = [0.1, 0.325, 0.55, 0.775] + [1.0] * 6 + [0.1] * 6 + [0.01] * 4
    assert [float(info["lr"]) for info in ran.infos] == pytest.approx(expected, abs=1e-9)
    assert ran.rates_before == pytest.approx([0.1, *expected[:-1]], abs=1e-9)


@pytest.mark.parametrize(("period", "kept"), [(1, [8, 9, 10]), (2, [5, 7, 9])])
def test_only_the_newest_numbered_files_stay(tmp_path: Path, period: int, kept: list[int]) -> None:
    train(tmp_path / "run", solver={"max_iter": 10, "max_keep": 3, "checkpoint_period": period})
    names = sorted(path.name for path in (tmp_path / "run").glob("*.pth"))
    assert names == [*(f"LineNet_{number:07d}.pth" for number in kept), "LineNet_final.pth"]


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes: dict[str, Any] = {
        "solver": {"max_iter": 20, "checkpoint_period": 5, "max_keep": 2, "ema": {"enabled": True, "num_updates": 0}},
        "optimizer": {"type": "Adam", "params": {"lr": 0.01}},
    }
    whole = train(tmp_path / "whole", **changes)
    monkeypatch.setattr(Watching, "kill_at", 12)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "killed", **changes)
    monkeypatch.setattr(Watching, "kill_at", None)
    again = train(tmp_path / "killed", "--resume", **changes)
    assert again.epochs == list(range(10, 20))
    assert same(weights(whole), weights(again))
    assert same(whole.model.ema.shadow_params, again.model.ema.shadow_params)
    numbered = sorted(path.name for path in (tmp_path / "killed").glob("*_0*.pth"))
    assert numbered == ["LineNet_0000014.pth", "LineNet_0000019.pth"]


def test_a_run_that_left_only_pth_files_goes_on_behind_the_last(tmp_path: Path) -> None:
    import shutil

    train(tmp_path / "old")
    only = tmp_path / "only"
    only.mkdir()
    shutil.copy(tmp_path / "old" / "LineNet_0000004.pth", only)
    (only / "last_checkpoint").write_text("LineNet_0000004.pth")
    assert train(only, "--resume").epochs == list(range(5, 12))
    assert train(only, "--resume").epochs == []


def test_weights_of_another_run_are_taken_as_far_as_they_fit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train(tmp_path / "old")
    file = tmp_path / "old" / "LineNet_final.pth"
    held = torch.load(file, weights_only=True)["model"]["g_model"]
    logging.getLogger("log-new").addHandler(caplog.handler)
    fresh = train(
        tmp_path / "new",
        trainer={"weights": str(file)},
        model={"generator": {"name": "LineNet", "num_out": 1}},
        optimizer={"type": "SGD", "params": {"lr": 0.0}},
        solver={"max_iter": 1},
    )
    assert torch.equal(fresh.model.g_model.body.weight, held["body.weight"])
    assert fresh.model.g_model.head.weight.shape == (1, 6)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "head.weight (2, 6) in the file, (1, 6) in the model" in warnings[0]
    assert fresh.start_iter == 0


def test_accumulated_batches_give_the_weights_of_one_large_batch(tmp_path: Path) -> None:
    large = train(tmp_path / "large", solver={"train_per_batch": 8, "max_iter": 2})
    small = train(tmp_path / "small", solver={"train_per_batch": 8, "gradient_accumulation_batch": 4, "max_iter": 8})
    assert (small.train_data_loader.batch_size, small.num_updates) == (2, 2)
    for one, other in zip(weights(large), weights(small), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    with pytest.raises(AssertionError, match="6 samples"):
        train(tmp_path / "odd", solver={"train_per_batch": 6, "gradient_accumulation_batch": 4})


def test_epochs_are_counted_where_the_config_says_so(tmp_path: Path) -> None:
    ran = train(
        tmp_path / "run",
        trainer={"enable_epoch_method": True},
        model={"name": "DictModel", "ema": {"enable": True, "decay_rate": 0.5}},
        solver={"max_iter": 3, "checkpoint_period": 1, "train_per_batch": 5},
    )
    assert (ran.epochs, ran.num_updates, ran.finished) == ([0, 1, 2], 3 * 7, True)
    assert (tmp_path / "run" / "LineNet_0000002.pth").is_file()
    assert '"error"' in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_iterate_after_may_take_the_index_alone(tmp_path: Path) -> None:
    train(tmp_path / "run", trainer={"name": "OneArgument"}, solver={"max_iter": 4})
    assert OneArgument.seen == [0, 1, 2, 3]


def test_clipping_may_be_written_inside_the_optimizer_or_beside_it(tmp_path: Path) -> None:
    clip = {"enabled": True, "clip_type": "value", "clip_value": 0}
    frozen = train(tmp_path / "beside", beside_optimizer={"clip_gradients": clip}, solver={"max_iter": 2})
    assert type(frozen.model.g_optimizer).__name__ == "SGDWithGradientClip"
    inside = {"type": "SGD", "params": {"lr": 0.1}, "clip_gradients": clip}
    other = train(tmp_path / "inside", optimizer=inside, solver={"max_iter": 5})
    assert same(weights(frozen), weights(other))


def test_a_wrong_name_is_a_key_error_with_the_nearest_one() -> None:
    from torchalloy.adapters.trainframework.config import get_cfg

    cfg = get_cfg()
    cfg.TRAINER.NAME = "Wathcing"
    with pytest.raises(KeyError, match="did you mean 'Watching'"):
        build_trainer(cfg)


def test_a_wrong_constructor_key_names_what_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"LineNet: .*'num_outs'; did you mean 'num_out'"):
        train(tmp_path / "run", model={"generator": {"name": "LineNet", "num_outs": 3}})
    with pytest.raises(ConfigError, match="did you mean 'ENABLED'"):
        train(tmp_path / "run", solver={"ema": {"enabeld": True}})
