"""What a command line means as an experiment: its signature, its folder, finding it again."""

import argparse
import json
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from torchalloy.adapters.flashy.dora import argparse_main, get_xp
from torchalloy.adapters.flashy.dora.__main__ import main as dora
from torchalloy.core import ConfigError

CONFIG = """
epochs: 10
lr: 0.1
a: 3
num_workers: 4
optim: {name: adam, betas: [0.9, 0.99]}
defaults: [{solver: default}, _self_]
dora: {dir: OUT, exclude: [num_workers, "log.*"]}
slurm: {gpus: 1}
"""
TRAIN = """
from torchalloy.adapters.flashy.dora import get_xp, hydra_main

@hydra_main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg):
    with open("seen", "a") as file:
        file.write(f"{get_xp().sig} {cfg.lr}\\n")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A package `proj` with a config of two groups' choices; the working directory is beside it."""
    package = tmp_path / "proj"
    (package / "conf/solver/compression").mkdir(parents=True)
    (package / "conf/config.yaml").write_text(CONFIG.replace("OUT", str(tmp_path / "out")))
    (package / "conf/solver/default.yaml").write_text("steps: 1\n")
    (package / "conf/solver/compression/debug.yaml").write_text("steps: 2\n")
    (package / "train.py").write_text(TRAIN)
    (package / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == "proj"]:
        del sys.modules[name]


@pytest.fixture
def main(project):
    spec = spec_from_file_location("proj_train", project / "train.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.mark.parametrize(
    ("argv", "sig", "delta"),
    [
        ([], "97d170e1", []),
        (["a=4"], "9cf6e41e", [["a", 4]]),
        (["lr=0.2"], "7a0cf6b5", [["lr", 0.2]]),
        (["lr=0.2", "epochs=3"], "bddb497c", [["epochs", 3], ["lr", 0.2]]),
        (["lr=null"], "1c58c063", [["lr", None]]),
        (["solver=compression/debug"], "ea5ff7e7", [["solver", "compression/debug"]]),
        (["num_workers=9", "slurm.gpus=8"], "97d170e1", []),
        (["lr=0.1", "epochs=10"], "97d170e1", []),
        (["lr=0.5", "lr=0.2"], "7a0cf6b5", [["lr", 0.2]]),
    ],
)
def test_signatures_are_doras_own(main, argv, sig, delta):
    xp = main.get_xp(argv)
    assert (xp.sig, xp.delta) == (sig, delta)


def test_nested_values_lists_and_added_keys_are_in_the_delta(main):
    xp = main.get_xp(["optim.betas=[0.8,0.9]", "+extra.deep=1", "solver=compression/debug", "solver.steps=5"])
    assert xp.delta == [
        ["extra", {"deep": 1}],
        ["optim.betas", [0.8, 0.9]],
        ["solver", "compression/debug"],
        ["solver.steps", 5],
    ]


def test_an_experiment_is_found_again_by_its_signature(main, project):
    xp = main.get_xp(["lr=0.2", "num_workers=1"])
    main.init_xp(xp)
    found = main.get_xp_from_sig(xp.sig)
    assert found == xp and found.cfg.num_workers == 1
    assert found.folder == project.parent / "out/xps/7a0cf6b5" and main.get_xp_history(found) == []
    with pytest.raises(RuntimeError, match="no experiment 00000000"):
        main.get_xp_from_sig("00000000")


def test_the_folder_of_all_experiments_can_be_moved(main, project):
    main.dora.dir = "elsewhere"
    assert main.get_xp([]).folder == project.parent / "elsewhere/xps/97d170e1"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["lr"], "'lr' has no '='"),
        (["learning=1"], "learning"),
        (["solver=nowhere"], "nowhere"),
        (["dora.dir=${oc.env:NO_SUCH_VARIABLE}"], "NO_SUCH_VARIABLE"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(main, argv, message):
    with pytest.raises(ConfigError, match=message):
        main.get_xp(argv)


def test_a_setting_dora_doesnt_have_is_told_and_one_that_does_nothing_here_too(main, project, caplog):
    config = project / "conf/config.yaml"
    config.write_text(config.read_text().replace("exclude:", "git_save: true, exclude:"))
    assert main.dora.exclude == ["num_workers", "log.*"] and "dora.git_save does nothing here" in caplog.text
    del main.dora
    config.write_text(config.read_text().replace("git_save:", "exclud:"))
    with pytest.raises(ConfigError, match="exclude"):
        _ = main.dora


def test_dora_run_finds_the_only_package_and_runs_by_overrides_and_by_signature(project, monkeypatch):
    monkeypatch.delenv("DORA_PACKAGE", raising=False)
    assert dora(["run", "lr=0.2"]) == 0
    assert dora(["-P", "proj", "run", "-f", "7a0cf6b5", "num_workers=1"]) == 0
    assert (project.parent / "seen").read_text() == "7a0cf6b5 0.2\n" * 2
    folder = project.parent / "out/xps/7a0cf6b5"
    assert json.loads((folder / ".argv.json").read_text()) == ["lr=0.2", "num_workers=1"]


def test_dora_run_clear_empties_the_folder_first(project):
    kept = project.parent / "out/xps/97d170e1/checkpoint.th"
    kept.parent.mkdir(parents=True)
    kept.touch()
    assert dora(["-P", "proj", "run"]) == 0 and kept.exists()
    assert dora(["-P", "proj", "run", "--clear"]) == 0 and not kept.exists()


@pytest.mark.parametrize(
    ("argv", "message"), [(["-P", "nowhere", "run"], "no module nowhere.train"), (["run", "x"], "no '='")]
)
def test_dora_run_tells_a_mistake_without_a_traceback(project, argv, message, capsys):
    assert dora(argv) == 2
    assert message in capsys.readouterr().err


def test_a_parsers_options_are_an_experiment_too(tmp_path, monkeypatch):
    parser = argparse.ArgumentParser()
    parser.add_argument("--a", type=int, default=3)
    parser.add_argument("--num_workers", type=int, default=2)
    seen = []

    @argparse_main(parser=parser, dir=tmp_path, exclude=["num_*"])
    def main():
        seen.append((get_xp().sig, get_xp().cfg.a))

    monkeypatch.setattr(sys, "argv", ["train.py", "--a", "4", "--num_workers", "8"])
    main()
    assert seen == [("9cf6e41e", 4)] and main.get_xp(["--a", "3"]).sig == "97d170e1"
    assert main.get_xp_from_sig("9cf6e41e").cfg.num_workers == 8
