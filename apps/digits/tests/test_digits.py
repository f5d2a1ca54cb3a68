"""The main job: each of the five configs trains the digits, from the command line as a user would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONFIGS = {
    "process": "process.yaml",
    "base_model": "base_model.py",
    "alchemy_model": "alchemy_model.toml",
    "trainer": "trainer.yaml",
    "solver": "solver/config.yaml",
}


def alloy(*arguments, cwd):
    command = [sys.executable, "-m", "torchalloy.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("style", CONFIGS)
def test_each_style_reaches_its_accuracy_within_a_minute(style, tmp_path):
    told = alloy(
        "train", "--config", str(ROOT / "configs/digits" / CONFIGS[style]), "--name", "one", "--json", cwd=tmp_path
    )
    assert told.returncode == 0, told.stderr
    summary = json.loads(told.stdout)
    assert (summary["style"], summary["status"], summary["seed"]) == (style, "finished", 0)
    assert summary["metrics"]["test/accuracy"] >= 0.96
    assert summary["seconds"] < 60
    left = {path.name for path in (tmp_path / "runs/one").iterdir()}
    assert {"config", "config.yaml", "summary.json", "metrics.jsonl", "log.txt", "tensorboard", "checkpoints"} <= left
    scored = alloy("eval", "@last", "--json", cwd=tmp_path)
    assert json.loads(scored.stdout)["metrics"]["test/accuracy"] == pytest.approx(summary["metrics"]["test/accuracy"])
    assert "finished" in alloy("resume", "@last", cwd=tmp_path).stdout


def test_two_ranks_reach_the_accuracy_of_one(tmp_path):
    config = str(ROOT / "configs/digits/process.yaml")
    told = alloy(
        "train", "--config", config, "--name", "two", "--launcher", "torchrun", "--nproc", "2", "--json", cwd=tmp_path
    )
    assert told.returncode == 0, told.stderr
    summary = json.loads(told.stdout)
    assert summary["num_ranks"] == 2 and summary["metrics"]["test/accuracy"] >= 0.96
