"""The commands, on a small runtime that keeps its runs in real folders."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from torchalloy.cli import _eval, _explain, _offers, _resume, _train, main
from torchalloy.cli._plugin import alloy_commands
from torchalloy.cli._table import COMMANDS
from torchalloy.core import AlloyError
from torchalloy.records import RunFolder

METRICS = {"train/loss": 0.01, "test/accuracy": 0.97222, "test/loss": 0.1}


@dataclass
class Result:
    folder: Path | None
    summary: dict[str, Any]
    note: str = ""


@dataclass
class SmallRuntime:
    """A runtime that trains nothing, writes to stdout by every way there is, and remembers what it was asked."""

    asked: list[Any] = field(default_factory=list)
    stopped_by: str | None = None

    def train(
        self,
        config,
        overrides=(),
        *,
        runs="runs",
        name=None,
        launcher=None,
        num_processes=1,
        start_from=None,
        stream=None,
    ):
        self.asked.append((config, list(overrides), name, launcher, num_processes, start_from))
        print("epoch 1", file=stream)
        print("a print of the user's")
        os.write(1, b"a C library\n")
        subprocess.run([sys.executable, "-c", "print('a child process')"], check=True)
        run = RunFolder.create(runs, name, style="process", command=["alloy"])
        summary = {
            "style": "process",
            "status": "finished",
            "metrics": METRICS,
            "seconds": 6.12,
            "folder": str(run.path),
        }
        if self.stopped_by:
            summary |= {"status": "stopped", "stopped_by": self.stopped_by}
        run.finish(summary["status"], summary)
        return Result(run.path, summary)

    def resume(self, run, overrides=(), *, runs="runs", launcher=None, num_processes=1, stream=None):
        self.asked.append((run, list(overrides), runs))
        return Result(None, {"metrics": METRICS}, f"{run} is finished already")

    def evaluate(self, run, *, runs="runs", stream=None):
        self.asked.append((run, runs))
        return {"test/accuracy": float("nan")}

    def explain(self, config, overrides=()):
        rows = [SimpleNamespace(moment="after_step", handler="metrics", rhythm="every 50 steps")]
        parts, stages = {"model": "my.Net"}, {"train": "training"}
        return SimpleNamespace(
            style="process", epochs=3, iterations=None, owns_its_loop=False, stages=stages, parts=parts, table=rows
        )

    def catalog(self):
        return SimpleNamespace(offers=lambda: {"alloy_sinks": {"csv": "torchalloy-records"}, "alloy_styles": {}})


@pytest.fixture
def runtime():
    return SmallRuntime()


def test_the_table_is_what_the_plugin_hands_over():
    assert [(one.name, one.help, one.target) for one in alloy_commands()] == [row[1:] for row in COMMANDS]


@pytest.mark.parametrize("row", COMMANDS, ids=[row[1] for row in COMMANDS])
def test_every_command_of_the_table_has_help(row, capsys):
    assert main([row[1], "--help"]) == 0
    assert f"usage: alloy {row[1]}" in capsys.readouterr().out


def test_train_passes_on_what_it_was_given_and_ends_with_one_line(runtime, tmp_path, capsys):
    words = ["lr=0.1", "--config", "a.yaml", "+new=1", "--name", "one", "~old", "--launcher", "torchrun", "--nproc=2"]
    words += ["--from", "other"]
    assert _train.command([*words, "--runs", str(tmp_path)], runtime) == 0
    assert runtime.asked == [("a.yaml", ["lr=0.1", "+new=1", "~old"], "one", "torchrun", 2, "other")]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"test accuracy 0.9722, test loss 0.1, train loss 0.01 | 6.1 s | {tmp_path / 'one'}"


def test_with_json_stdout_is_one_line_whoever_else_prints(runtime, tmp_path, capfd):
    assert _train.command(["--config", "a.yaml", "--runs", str(tmp_path), "--json"], runtime) == 0
    out, err = capfd.readouterr()
    assert out.count("\n") == 1 and json.loads(out)["metrics"] == METRICS
    assert all(text in err for text in ("epoch 1", "a print of the user's", "a C library", "a child process"))


@pytest.mark.parametrize(("why", "status"), [("signal SIGINT", 130), ("signal SIGTERM", 143), ("no progress", 0)])
def test_a_run_stopped_by_a_signal_ends_with_the_shells_status(runtime, tmp_path, capsys, why, status):
    runtime.stopped_by = why
    assert _train.command(["--config", "a.yaml", "--runs", str(tmp_path)], runtime) == status
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"stopped ({why}) | test accuracy")


def test_resume_says_what_it_was_told(runtime, capsys):
    assert _resume.command(["@last", "epochs=9", "--runs", "r"], runtime) == 0
    assert runtime.asked == [("@last", ["epochs=9"], "r")]
    assert capsys.readouterr().out.splitlines()[0] == "alloy: @last is finished already"


def test_eval_prints_the_scores_and_json_has_words_for_nan(runtime, capsys):
    assert _eval.command(["one"], runtime) == 0
    assert _eval.command(["one", "--json"], runtime) == 0
    human, machine = capsys.readouterr().out.splitlines()
    assert human == "test accuracy nan"
    assert json.loads(machine) == {"run": "one", "metrics": {"test/accuracy": "NaN"}}


def test_explain_shows_stages_parts_budget_and_who_is_called(runtime, capsys):
    assert _explain.command(["--config", "a.yaml"], runtime) == 0
    text = capsys.readouterr().out
    assert "style process: the engine's loop; ends after 3 epochs" in text
    assert all(word in text for word in ("train", "my.Net", "after_step", "every 50 steps"))
    assert _explain.command(["--config", "a.yaml", "--json"], runtime) == 0
    assert json.loads(capsys.readouterr().out)["parts"] == {"model": "my.Net"}


def test_plugins_lists_offers_with_their_package(runtime, capsys):
    assert _offers.command([], runtime) == 0
    assert capsys.readouterr().out == "what   name  offered by\nsinks  csv   torchalloy-records\n"
    assert _offers.command(["--json"], runtime) == 0
    assert json.loads(capsys.readouterr().out)["alloy_sinks"] == {"csv": "torchalloy-records"}


def test_runs_lists_what_was_trained_at_full_width_in_a_pipe(runtime, tmp_path, capfd):
    name = "a-name-that-is-much-longer-than-any-terminal-would-be-willing-to-show-in-one-row-" + "x" * 60
    _train.command(["--config", "a.yaml", "--runs", str(tmp_path), "--name", name], runtime)
    capfd.readouterr()
    assert main(["runs", "--runs", str(tmp_path)]) == 0
    header, row = capfd.readouterr().out.splitlines()
    assert header.startswith("run ") and row.startswith(f"{name}  finished  process")
    assert main(["runs", "--runs", str(tmp_path), "--json"]) == 0
    assert [run["metrics"] for run in json.loads(capfd.readouterr().out)] == [METRICS]


def test_runs_of_an_empty_folder_says_so_and_of_none_is_a_mistake(tmp_path, capsys):
    assert main(["runs", "--runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"no runs in {tmp_path} yet\n"
    assert main(["runs", "--runs", str(tmp_path / "no")]) == 2
    assert "no such folder of runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--confg", "a.yaml"], "no option '--confg'; did you mean '--config'?"),
        (["train", "--confg=a.yaml"], "no option '--confg'; did you mean '--config'?"),
        (["train", "--conf", "a.yaml"], "no option '--conf'; did you mean '--config'?"),
        (["train"], "required: --config"),
        (["train", "--config"], "expected one argument"),
        (["train", "a.yaml", "--config", "b.yaml"], "'a.yaml' is no key=value"),
        (["train", "--config", "a.yaml", "--config", "b.yaml"], "--config is given twice"),
        (["train", "--config", "a.yaml", "--nproc", "0"], "'0' is no number of at least 1"),
        (["train", "--config", "a.yaml", "--nproc", "-3"], "'-3' is no number of at least 1"),
        (["resume"], "required: RUN"),
        (["eval", "one", "lr=3"], "unrecognized arguments: lr=3"),
        (["trian"], "no command 'trian'; did you mean 'train'?"),
        (["--json", "runs"], "'--json' comes before a command; write: alloy COMMAND"),
    ],
)
def test_a_wrong_command_line_is_one_message_and_status_2(words, message, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("alloy: error: ") and message in err and err.count("\n") == 1


def test_negative_values_and_words_after_two_dashes_are_no_options(runtime, tmp_path):
    _train.command(["--config", "a.yaml", "--runs", str(tmp_path), "lr=-1", "--", "--x=1"], runtime)
    assert runtime.asked[0][1] == ["lr=-1", "--x=1"]


def test_without_the_runtime_the_message_says_what_to_install(tmp_path):
    code = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("torchalloy.runtime"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nothing())
from torchalloy.cli import main
sys.exit(main(["train", "--config", "a.yaml"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("alloy: error: this command needs torchalloy.runtime, which isn't installed: ")
    assert done.stderr.endswith("pip install 'torchalloy-cli[run]'\n")


def test_a_mistake_the_runtime_finds_is_raised_for_the_guard(runtime, tmp_path):
    (tmp_path / "one").mkdir()
    with pytest.raises(AlloyError, match="exists already"):
        _train.command(["--config", "a.yaml", "--runs", str(tmp_path), "--name", "one"], runtime)
