"""How a config file becomes the config."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from yacs.config import CfgNode

from torchalloy.adapters.trainframework.config import default_argument_parser, get_cfg
from torchalloy.adapters.trainframework.schedule.scheduler import BaseScheduler, upper


def setup(*arguments: str) -> Any:
    return BaseScheduler().setup(default_argument_parser().parse_args(list(arguments)))


def test_defaults_are_a_frozen_yacs_node_that_dumps_as_yaml() -> None:
    cfg = setup()
    assert isinstance(cfg, CfgNode)
    assert yaml.safe_load(cfg.dump())["SOLVER"]["GENERATOR"]["OPTIMIZER"]["PARAMS"] == {
        "BETAS": [0.9, 0.999],
        "LR": 1e-4,
    }
    with pytest.raises(AttributeError):
        cfg.SOLVER.MAX_ITER = 1


def test_a_python_file_and_its_bases_are_merged_in_upper_case(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        "solver = dict(max_iter=7, generator=dict(optimizer=dict(type='Adam', params=dict(lr=1)), "
        "lr_scheduler=dict(type='CosineAnnealingLR', params=dict(T_max=9))))\n"
        "trainer = dict(name='A', model=dict(name='B'))\n"
    )
    (tmp_path / "child.py").write_text(
        "_base_ = 'base.py'\nhelper = dict(a=1)\n"
        "solver = dict(generator=dict(optimizer=dict(type='SGD', params=dict(lr=0.5))))\n"
        "trainer = dict(model=dict(loss=[dict(name='L1Loss')]))\n"
    )
    cfg = setup("--config-file", str(tmp_path / "child.py"))
    assert (cfg.SOLVER.MAX_ITER, cfg.TRAINER.NAME, cfg.TRAINER.MODEL.NAME) == (7, "A", "B")
    assert dict(cfg.SOLVER.GENERATOR.OPTIMIZER.PARAMS) == {"LR": 0.5}
    assert dict(cfg.SOLVER.GENERATOR.LR_SCHEDULER.PARAMS) == {"T_max": 9}
    assert cfg.TRAINER.LOSS == cfg.TRAINER.MODEL.LOSS == [{"NAME": "L1Loss"}]
    assert "HELPER" not in cfg


def test_yaml_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "solver: {max_iter: 3, generator: {optimizer: {params: {lr: '1e-3'}}}}\nmine: {a: []}\n"
    )
    cfg = setup("--config-file", str(tmp_path / "c.yaml"))
    assert (cfg.SOLVER.MAX_ITER, cfg.SOLVER.GENERATOR.OPTIMIZER.PARAMS.LR, cfg.MINE.A) == (3, 1e-3, [])


@pytest.mark.parametrize("words", [["SOLVER.MAX_ITER", "5"], ["--opts", "solver.max_iter", "5"]])
def test_options_at_the_end_win(words: list[str]) -> None:
    assert setup("--num-gpus", "1", *words).SOLVER.MAX_ITER == 5


def test_options_may_add_below_open_nodes() -> None:
    assert setup("trainer.model.generator.name", "Net").TRAINER.MODEL.GENERATOR.NAME == "Net"


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (["SOLVER.MAX_ITR", "5"], AssertionError, "Non-existent config key: SOLVER.MAX_ITR; did you mean 'MAX_ITER'"),
        (["SOLVER.MAX_ITR", "5"], KeyError, "Non-existent config key"),
        (["SOLVER.MAX_ITER", "many"], ValueError, "MAX_ITER"),
        (["SOLVER.MAX_ITER"], ValueError, "no value"),
        (["SOLVER.MAX_ITER.A", "1"], KeyError, "SOLVER.MAX_ITER.A"),
    ],
)
def test_a_wrong_option_is_named(words: list[str], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        setup(*words)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.py"):
        setup("--config-file", "nowhere.py")


def test_only_keys_in_lower_case_are_changed() -> None:
    assert upper({"a_b": [{"t_max": 1, "T_max": 2}], "C": (1,)}) == {"A_B": [{"T_MAX": 1, "T_max": 2}], "C": (1,)}


def test_the_defaults_are_handed_out_as_clones() -> None:
    get_cfg().SOLVER.MAX_ITER = 1
    assert get_cfg().SOLVER.MAX_ITER == 90000
