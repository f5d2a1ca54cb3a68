"""The Python API as a user meets it: train, fail, be killed, resume, evaluate, explain; a mistake is one message."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import torchalloy.runtime as runtime
from torchalloy.checkpoint import Store
from torchalloy.core import AlloyError, CheckpointError, ConfigError, RunError
from torchalloy.records import find_run, read_metrics
from torchalloy.runtime import evaluate, explain, resume, train

CONFIG = """style: process
seed: 3
device: cpu
max_epochs: 4
process: project.Process
modules: [project.Parts]
config: {lr: 0.01}
save: {every_steps: 3, keep: null}
log: {every_steps: 2}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's folder with the project and its config."""
    (tmp_path / "project.py").write_text(Path(__file__).with_name("project.py").read_text())
    (tmp_path / "config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("project", None)


def in_a_process(code, **environment):
    """Run code in a process of its own, as a script of the user's would."""
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True
    )


TRAIN = "from torchalloy.runtime import train; train('config.yaml', name='{}')"


def weights(folder):
    return {name: tensor.tolist() for name, tensor in Store(folder / "checkpoints").newest().parts["model"].items()}


def test_the_face_is_sorted_and_whole():
    assert runtime.__all__ == sorted(runtime.__all__)
    assert all(hasattr(runtime, name) for name in runtime.__all__)


def test_a_run_leaves_what_the_readme_promises(home):
    result = train("config.yaml", ["config.lr=0.02"], name="one")
    assert result.folder == Path("runs/one")
    summary = json.loads((result.folder / "summary.json").read_text())
    assert {"style", "status", "metrics", "epochs", "iterations", "seconds", "seed", "versions"} <= set(summary)
    assert (summary["status"], summary["epochs"], summary["iterations"], summary["seed"]) == ("finished", 4, 20, 3)
    assert (result.folder / "config" / "config.yaml").read_text() == CONFIG
    assert "lr: 0.02" in (result.folder / "config.yaml").read_text()
    assert json.loads((result.folder / "config" / "origin.json").read_text())["overrides"] == ["config.lr=0.02"]
    assert {"metrics.jsonl", "log.txt", "tensorboard", "checkpoints"} <= {path.name for path in result.folder.iterdir()}
    assert any(path.name.startswith("events.out.tfevents") for path in (result.folder / "tensorboard").rglob("*"))
    assert [r.step for r in read_metrics(result.folder / "metrics.jsonl") if r.clock == "batches"] == list(
        range(2, 21, 2)
    )


def test_a_killed_run_resumes_to_the_very_same_end(home):
    whole = train("config.yaml", name="whole")
    for kill_at in ("8", "1"):  # then once more, one step behind where it went on
        code = TRAIN.format("killed") if kill_at == "8" else "from torchalloy.runtime import resume; resume('killed')"
        assert in_a_process(code, KILL_AT=kill_at).returncode == -signal.SIGKILL
        assert find_run("killed", "runs").status == "killed"
    result = resume("killed")
    assert result.summary["iterations"] == 20
    assert result.summary["metrics"] == whole.summary["metrics"]
    assert weights(home / "runs/killed") == weights(home / "runs/whole")
    told = [(r.stage, r.clock, r.step, dict(r.values)) for r in read_metrics(home / "runs/whole/metrics.jsonl")]
    assert [
        (r.stage, r.clock, r.step, dict(r.values)) for r in read_metrics(home / "runs/killed/metrics.jsonl")
    ] == told


def test_a_finished_run_says_so_and_stays(home):
    train("config.yaml", name="one")
    before = weights(home / "runs/one")
    assert "finished" in resume("one").note
    assert weights(home / "runs/one") == before


def test_a_larger_budget_continues_a_finished_run(home):
    train("config.yaml", name="short", overrides=["max_epochs=2"])
    train("config.yaml", name="long")
    assert resume("short", ["max_epochs=4"]).summary["epochs"] == 4
    assert weights(home / "runs/short") == weights(home / "runs/long")


def test_a_signal_stops_where_the_run_can_go_on(home):
    train("config.yaml", name="whole")
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN.format("asked")], env={**os.environ, "SLOW": "1"}, stdout=subprocess.DEVNULL
    )
    while not (home / "slow").exists():
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    record = find_run("asked", "runs")
    assert record.status == "stopped" and record.summary()["stopped_by"] == "signal SIGTERM"
    assert 0 < record.summary()["iterations"] < 20
    resume("asked")
    assert weights(home / "runs/asked") == weights(home / "runs/whole")


def test_a_failing_step_keeps_its_own_error_and_the_last_checkpoint(home):
    told = in_a_process(TRAIN.format("failed"), FAIL_AT="8")
    assert told.returncode == 1 and told.stderr.rstrip().endswith("ValueError: my own mistake")
    record = find_run("failed", "runs")
    assert record.status == "failed" and "my own mistake" in record.summary()["error"]
    assert Store(record.checkpoints).newest().meta["iteration"] == 6


def test_evaluating_scores_the_checkpoint_and_changes_nothing(home):
    result = train("config.yaml", name="one")
    before = {path: path.read_bytes() for path in (home / "runs/one").rglob("*") if path.is_file()}
    assert evaluate("one") == {"valid/loss": pytest.approx(result.summary["metrics"]["valid/loss"])}
    assert {path: path.read_bytes() for path in (home / "runs/one").rglob("*") if path.is_file()} == before


def test_explaining_runs_nothing(home):
    told = explain("config.yaml")
    assert (told.style, told.epochs, told.stages) == ("process", 4, {"train": "training", "valid": "scoring"})
    assert {"model", "optimizer", "state", "rng", "data", "metrics", "style"} == set(told.parts)
    assert ("after_step", "checkpoint", "every 3 steps") in [
        (row.moment, row.handler, row.rhythm) for row in told.table
    ]
    assert not (home / "runs").exists()


def test_resume_without_a_checkpoint_is_an_error_and_never_a_new_start(home):
    in_a_process(TRAIN.format("young"), KILL_AT="1")
    with pytest.raises(CheckpointError, match="young: has no checkpoint"):
        resume("young")


def test_a_damaged_checkpoint_is_passed_over(home, caplog):
    train("config.yaml", name="whole")
    train("config.yaml", ["max_epochs=3"], name="hurt")
    newest = sorted((home / "runs/hurt/checkpoints").glob("step-*"))[-1]
    victim = next(newest.glob("model*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    resume("hurt", ["max_epochs=4"])
    assert "damaged checkpoint passed over" in caplog.text
    assert weights(home / "runs/hurt") == weights(home / "runs/whole")


@pytest.mark.parametrize(("overrides", "message"), [
    (["style=proces"], r"override 'style=proces'.*no style named 'proces'; did you mean 'process'"),
    (["seed=many"], r"override 'seed=many'.*'seed'.*expected an integer"),
    (["save.every_step=3"], r"every_step.*every_steps"),
    (["+max_epoch=3"], r"max_epoch.*max_epochs"),
    (["process=project.Proces"], r"process.*project.*Proces.*'Process'"),
    (["process=project.NoProcess"], r"NoProcess is no Process: it lacks training_step"),
    (["process=projekt.Process"], r"projekt"),
    (["modules=[]"], r"TrainDataLoader"),
    (["max_epochs=0"], r"override 'max_epochs=0'.*positive integer"),
    (["sinks=[jsonll]"], r"jsonll.*'jsonl'"),
    (["handlers.nothing=1"], r"no handler named 'nothing'"),
    (["imports=[nothere]"], r"nothere"),
    (["device=tpu"], r"tpu"),
])  # fmt: skip
def test_a_mistake_is_one_message_and_leaves_no_folder(home, overrides, message):
    with pytest.raises(AlloyError, match=message):
        train("config.yaml", overrides, name="wrong")
    assert not (home / "runs/wrong").exists()


def test_problems_of_a_config_are_told_together_with_their_lines(home):
    (home / "config.yaml").write_text(
        CONFIG.replace("seed: 3", "seed: -1").replace("every_steps: 2", "every_steps: no")
    )
    with pytest.raises(ConfigError) as told:
        train("config.yaml", name="wrong")
    assert "config.yaml:2:" in str(told.value) and "config.yaml:9:" in str(told.value)


@pytest.mark.parametrize("reference", ["nothere", "runs/nothere", "@last"])
def test_a_run_that_is_not_there_is_named(home, reference):
    with pytest.raises(RunError):
        resume(reference)
    with pytest.raises(RunError):
        evaluate(reference)


def test_a_new_run_goes_on_from_another_ones_checkpoint(home):
    train("config.yaml", name="whole")
    train("config.yaml", ["max_epochs=2"], name="half")
    result = train("config.yaml", name="rest", start_from="half")
    assert "went on from half at step 10" in result.note
    assert weights(home / "runs/rest") == weights(home / "runs/whole")
