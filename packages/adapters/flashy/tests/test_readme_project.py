"""The project of flashy's README with only its imports changed: run, run again, killed, found by its signature."""

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest
import torch
from omegaconf import OmegaConf

from torchalloy.adapters.flashy.dora.__main__ import main as dora

CONFIG = """\
epochs: 10
lr: 0.1

dora:
  # Output folder for all the artifacts of an experiment.
  dir: ${oc.env:BASE}/flashy_basic_${oc.env:USER}/outputs
"""

TRAIN = """\
import torch
from torchalloy.adapters.flashy.dora import hydra_main
import torchalloy.adapters.flashy as flashy


class Solver(flashy.BaseSolver):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.model = torch.nn.Linear(32, 1)
        self.optim = torch.optim.Adam(self.model.parameters(), lr=cfg.lr)
        self.best_state = {}
        # register_stateful supports any attribute. On checkpoints loading,
        # it will try to use inplace method when possible (i.e. Modules, lists, dicts).
        self.register_stateful('model', 'optim', 'best_state')
        self.init_tensorboard()  # all metrics will be reported to stderr and tensorboard.

    def run(self):
        self.restore()  # load checkpoint
        for epoch in range(self.epoch, self.cfg.epochs):
            # Stages are used for automatic metric reporting to Dora, and it also
            # allows tuning how metrics are formatted.
            self.run_stage('train', self.train)
            # Commit will send the metrics to Dora and save checkpoints by default.
            self.commit(save_checkpoint=epoch % 2 == 1)

    def train(self):
        # this is super dumb, checkout `examples/cifar/solver.py` for more advance usage!
        x = torch.randn(4, 32)
        y = self.model(x)
        loss = y.abs().mean()
        loss.backward()
        self.optim.step()
        self.optim.zero_grad()
        return {'loss': loss.item()}


@hydra_main(config_path='config', config_name='config', version_base='1.1')
def main(cfg):
    # Setup logging both to XP specific folder, and to stderr.
    flashy.setup_logging()
    # Initialize distributed training, no need to specify anything when using Dora.
    flashy.distrib.init()
    solver = Solver(cfg)
    solver.run()


if __name__ == '__main__':
    main()
"""

SEEDED = """
        torch.manual_seed(self.epoch)"""
KILLED = """
        if self.epoch == 3 and 'KILL' in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The package `basic`; the working directory is beside it."""
    package = tmp_path / "basic"
    (package / "config").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "train.py").write_text(TRAIN)
    (package / "config/config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("BASE", str(tmp_path))
    yield package
    forget()


def forget():
    """Forget the package, as a new process does."""
    for name in [name for name in sys.modules if name.split(".")[0] == "basic"]:
        del sys.modules[name]


def changed(package, *pairs):
    """Rewrite the module with some of its text replaced."""
    code = TRAIN
    for old, new in pairs:
        assert old in code
        code = code.replace(old, new)
    (package / "train.py").write_text(code)


def in_a_process(*arguments, **environment):
    """Run `python -m arguments` beside the package; return its exit status and standard error."""
    command, environment = [sys.executable, "-m", *arguments], {**os.environ, **environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    return done.returncode, done.stderr


def folder_of(package, sig="97d170e1"):
    return package.parent / "flashy_basic_somebody/outputs/xps" / sig


def saved(package, sig="97d170e1"):
    return torch.load(folder_of(package, sig) / "checkpoint.th", weights_only=False)


@pytest.mark.slow
def test_readme_project_runs_by_both_commands_and_the_second_adds_nothing(project):
    status, said = in_a_process("torchalloy.adapters.flashy.dora", "-P", "basic", "run")
    assert status == 0, said
    assert "Train Summary | Epoch 9 | loss=" in said
    history = json.loads((folder_of(project) / "history.json").read_text())
    assert [epoch.keys() for epoch in history] == [{"train"}] * 9
    assert all(epoch["train"].keys() == {"loss", "duration"} for epoch in history)
    assert len(saved(project)["history"]) == 9 and list(folder_of(project).glob("tensorboard/**/events*"))
    status, said = in_a_process("basic.train")
    assert status == 0, said
    assert "Summary" not in said
    assert json.loads((folder_of(project) / "history.json").read_text()) == history


def test_with_one_epoch_more_in_the_loop_a_rerun_repeats_only_the_tenth(project):
    changed(project, ("self.cfg.epochs):", "self.cfg.epochs + 1):"))
    assert dora(["-P", "basic", "run"]) == 0
    first = json.loads((folder_of(project) / "history.json").read_text())
    assert len(first) == 10 and len(saved(project)["history"]) == 9
    forget()
    assert dora(["-P", "basic", "run"]) == 0
    second = json.loads((folder_of(project) / "history.json").read_text())
    assert len(second) == 10 and second[:9] == first[:9] and second[9] != first[9]


@pytest.mark.slow
def test_killed_in_its_third_epoch_a_rerun_ends_with_the_same_weights(project, monkeypatch):
    every_epoch = ("save_checkpoint=epoch % 2 == 1", "")
    changed(
        project,
        every_epoch,
        ("self.cfg.epochs):", "self.cfg.epochs + 1):"),
        ("import torch\n", "import os\nimport signal\nimport torch\n"),
        ("    def train(self):", "    def train(self):" + SEEDED),
        ("        loss.backward()", "        loss.backward()" + KILLED),
        ("super().__init__()\n", "super().__init__()\n        torch.manual_seed(0)\n"),
    )
    run = ["torchalloy.adapters.flashy.dora", "-P", "basic", "run", "epochs=5"]
    status, said = in_a_process(*run, KILL="1")
    assert status == -signal.SIGKILL, said
    assert "Epoch 2" in said and "Epoch 3" not in said
    (killed,) = folder_of(project, "").iterdir()
    before = json.loads((killed / "history.json").read_text())
    (killed / "checkpoint.th.tmp").write_text("half a file that a crash left")
    assert dora(run[1:]) == 0
    after = json.loads((killed / "history.json").read_text())
    assert len(before) == 2 and len(after) == 5 and after[:2] == before
    forget()
    monkeypatch.setenv("USER", "another")
    assert dora(run[1:]) == 0
    (whole,) = (project.parent / "flashy_basic_another/outputs/xps").iterdir()
    rerun, uninterrupted = (torch.load(at / "checkpoint.th", weights_only=False)["model"] for at in (killed, whole))
    assert all(torch.equal(rerun[name], uninterrupted[name]) for name in uninterrupted)


def test_an_experiment_found_by_its_signature_restores_its_solver(project):
    assert dora(["-P", "basic", "run", "lr=0.2", "epochs=3"]) == 0
    spec = spec_from_file_location("found", project / "train.py")
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    xp = found.main.get_xp_from_sig("bddb497c")
    with pytest.raises(RuntimeError, match="not in an xp"):
        found.Solver(xp.cfg)
    with xp.enter():
        solver = found.Solver(xp.cfg)
        assert solver.restore() and solver.epoch == 2
        assert torch.equal(solver.model.weight, saved(project, "bddb497c")["model"]["weight"])
        assert saved(project, "bddb497c")["xp.cfg"] == xp.cfg


def test_a_checkpoint_that_flashy_wrote_with_what_its_resolvers_cached_is_read(project):
    assert dora(["-P", "basic", "run", "lr=0.2", "epochs=3"]) == 0
    shutil.rmtree(folder_of(project, "bddb497c") / "checkpoints")
    spec = spec_from_file_location("found", project / "train.py")
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    xp = found.main.get_xp_from_sig("bddb497c")
    assert OmegaConf.get_cache(xp.cfg)
    with xp.enter():
        solver = found.Solver(xp.cfg)
        solver.run_stage("train", solver.train)
        solver.commit(save_checkpoint=False)
        torch.save(solver.state_dict(), solver.checkpoint_path)  # flashy's whole way of saving
        read = found.Solver(xp.cfg)
        assert read.restore() and torch.equal(read.model.weight, solver.model.weight)
