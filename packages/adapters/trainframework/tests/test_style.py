"""The style `base_model`, through the runtime's door."""

from pathlib import Path

import pytest

from torchalloy.core import ConfigError
from torchalloy.runtime import assemble, evaluate, resume, train

MODULE = """
import torch
from torchalloy.adapters.trainframework.data.build import BUILD_DATASET_REGISTRY
from torchalloy.adapters.trainframework.data.dataset import EngineDataSet
from torchalloy.adapters.trainframework.model.base_model import BaseModel
from torchalloy.adapters.trainframework.model.build import BUILD_MODEL_REGISTRY, BUILD_NETWORK_REGISTRY
from torchalloy.core import Mean


@BUILD_NETWORK_REGISTRY.register()
class StyleNet(torch.nn.Linear):
    pass


@BUILD_DATASET_REGISTRY.register()
class StyleSet(EngineDataSet):
    def __getitem__(self, index):
        return torch.full((3,), float(index)) / 16, torch.tensor([index / 16])

    def __len__(self):
        return 16


@BUILD_MODEL_REGISTRY.register()
class StyleModel(BaseModel):
    def run_step(self, data, *, epoch=None, **kwargs):
        return torch.nn.functional.mse_loss(self.g_model(data[0]), data[1])

    def generator(self, data):
        return self.g_model(data)

    def evaluate_step(self, data):
        return {"error": Mean((self.generator(data[0]) - data[1]).abs().sum(), len(data[0]))}
"""
CONFIG = """
style = "base_model"
imports = ["style_project"]
seed = 1
trainer = dict(
    enable_epoch_method=True,
    model=dict(
        name="StyleModel",
        generator=dict(name="StyleNet", in_features=3, out_features=1),
        ema=dict(enable=True, decay_rate=0.9),
    ),
)
solver = dict(train_per_batch=4, max_iter=4, checkpoint_period=2, generator=dict(optimizer=dict(params=dict(lr=0.01))))
dataloader = dict(num_workers=0, train_data_set=dict(name="StyleSet"), val_data_set=dict(name="StyleSet"))
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "style_project.py").write_text(MODULE)
    (tmp_path / "config.py").write_text(CONFIG)
    return tmp_path / "config.py"


def test_a_config_trains_is_scored_and_leaves_pth_files(config: Path, tmp_path: Path) -> None:
    result = train(config, runs=tmp_path / "runs", name="whole")
    assert result.summary["metrics"].keys() == {"train/loss", "train/lr", "test/error"}
    files = {path.name for path in (tmp_path / "runs" / "whole").iterdir()}
    assert {"StyleNet_0000001.pth", "StyleNet_0000003.pth", "StyleNet_final.pth", "last_checkpoint"} <= files
    scored = evaluate("whole", runs=tmp_path / "runs")
    assert scored["test/error"] == pytest.approx(result.summary["metrics"]["test/error"])


def test_a_longer_budget_gives_what_the_whole_run_gives(config: Path, tmp_path: Path) -> None:
    whole = train(config, runs=tmp_path / "runs", name="whole")
    train(config, ["solver.max_iter=2"], runs=tmp_path / "runs", name="half")
    rest = resume("half", ["solver.max_iter=4"], runs=tmp_path / "runs")
    assert rest.summary["metrics"] == whole.summary["metrics"]


def test_the_parts_bear_canonical_names(config: Path) -> None:
    recipe = assemble(config).recipe
    assert list(recipe.parts) == ["model", "optimizer", "ema"]
    assert [stage.name for stage in recipe.work] == ["train", "test"]  # type: ignore[union-attr]


def test_all_wrong_names_are_told_with_their_places(config: Path) -> None:
    config.write_text(CONFIG.replace('"StyleModel"', '"StylModel"').replace('name="StyleSet"', 'name="StyleSt"', 1))
    with pytest.raises(ConfigError) as caught:
        assemble(config)
    message = str(caught.value)
    assert "did you mean 'StyleModel'" in message
    assert "did you mean 'StyleSet'" in message
    assert message.count("config.py:") >= 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("in_features=3", "in_feature=3"), "did you mean 'in_features'"),
        (("max_iter=4", "max_itr=4"), "did you mean 'MAX_ITER'"),
        (('imports = ["style_project"]', ""), "imports"),
        (("train_per_batch=4", "train_per_batch=5, gradient_accumulation_batch=2"), "use a multiple"),
        (("checkpoint_period=2", "checkpoint_period=0"), "at least 1"),
        (("num_workers=0", "group_sampler=True"), "aren't carried"),
    ],
)
def test_a_mistake_is_a_config_error(config: Path, change: tuple[str, str], told: str) -> None:
    config.write_text(CONFIG.replace(*change).replace("StyleNet", "OtherNet" if told == "imports" else "StyleNet"))
    with pytest.raises(ConfigError, match=told):
        assemble(config)
