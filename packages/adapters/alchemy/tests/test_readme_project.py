"""The README's project, with nothing but its imports changed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomlkit

from torchalloy.adapters.alchemy import prepare_cfg

PROJECT = Path(__file__).parent / "readme_project"
COMMAND = [sys.executable, "-m", "torchalloy.adapters.alchemy", "run"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return shutil.copytree(PROJECT, tmp_path_factory.mktemp("user") / "project")


@pytest.fixture(scope="module")
def trained(project):
    call(project, *COMMAND, "tagger.toml", "--device", "-1", "--desc", "a try")
    (folder,) = (project / "records/weixin/tagger/train").iterdir()
    return folder


@pytest.fixture(scope="module")
def tested(project, trained):
    call(project, sys.executable, "run_both.py")
    (folder,) = (project / "records/weixin/tagger/test").iterdir()
    (second,) = set((project / "records/weixin/tagger/train").iterdir()) - {trained}
    return folder, second


def call(home, *command, code=0):
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def evals(folder):
    return [json.loads(line) for line in (folder / "evals.jsonl").read_text().splitlines()]


def test_the_record_folder_holds_what_it_always_held(project, trained):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.\d{6}", trained.name)
    assert (trained / "README.md").read_text() == "# tagger [small]\n\na try\n"
    assert tomlkit.parse((trained / "cfg.toml").read_text()).unwrap() == prepare_cfg(project / "tagger.toml").unwrap()
    assert "# pops what was collected" in (trained / "cfg.toml").read_text()
    assert "Load dataset train" in (trained / "run.log").read_text()
    assert (trained / "checkpt" / "best").is_file()
    assert (trained / "backup" / "src" / "models" / "tagger.py").is_file()
    assert (trained / "backup" / "alchemy" / "runner.py").is_file()
    assert len(list(trained.rglob("events.out.tfevents.*"))) == 1


def test_each_evaluation_sees_each_sample_once_in_both_generations_tasks(trained, tested):
    _, second = tested
    assert [(line["split"], line["count"]) for line in evals(trained)] == [("dev", 13)] * 3
    assert evals(second) == evals(trained)
    assert sorted(path.name for path in (trained / "detail_log").iterdir()) == [
        "preds_step14.jsonl",
        "preds_step4.jsonl",
        "preds_step9.jsonl",
    ]


def test_train_and_test_scores_the_best_model_in_a_second_record_folder(tested):
    folder, second = tested
    cfg = prepare_cfg(folder / "cfg.toml")
    assert [pipe["type"].rpartition(".")[2] for pipe in cfg["task"]["evalpipes"]] == ["EvalNer", "LogBest"]
    assert "optim" not in cfg
    assert [path.name for path in (folder / "detail_log").iterdir()] == ["preds.jsonl"]
    (test,) = evals(folder)
    assert (test["split"], test["count"]) == ("test", 13)
    assert test["score"] == json.loads((second / "best_info.json").read_text())["score"]


def test_the_switches_leave_nothing_and_say_more(project):
    (project / "src" / "switches.py").write_text(SWITCHES)
    cfg = prepare_cfg(project / "tagger.toml")
    cfg["tag"] = "switches"
    cfg["sched"]["epochs"] = 1
    cfg["sched"]["pipes"].append({"type": "src.switches.Look"})
    (project / "switches.toml").write_text(tomlkit.dumps(cfg))
    before = sorted((project / "records").rglob("*"))
    said = call(project, *COMMAND, "switches.toml", "--device", "0", "--no-file", "--debug")
    assert sorted((project / "records").rglob("*")) == before
    assert "DEBUG looked: None None 1" in said
    assert "[switches]" in said


SWITCHES = """
import os
from loguru import logger
from torchalloy.adapters.alchemy import sym_tbl
from torchalloy.adapters.alchemy.pipeline import EndEpochPipeline, SchedPipeline

@SchedPipeline.register()
class Look(EndEpochPipeline):
    def __call__(self, **kwargs):
        table = sym_tbl()
        found = table.record_dir, table.try_get_global("record_dir"), os.environ.get("CUDA_LAUNCH_BLOCKING")
        logger.debug("looked: {} {} {}", *found)
        return kwargs
"""

QUEUE = """
import os
from torchalloy.adapters.alchemy import sym_tbl
from torchalloy.adapters.alchemy.pipeline import EndStepPipeline, SchedPipeline

class Unpicklable(Exception):
    def __init__(self, a, b):
        super().__init__("can't travel")
        self.hold = lambda: None

@SchedPipeline.register()
class End(EndStepPipeline):
    def __call__(self, outputs, **kwargs):
        how = sym_tbl().cfg["tag"]
        if sym_tbl().train_sched.cur_step == 1:
            if how == "raises":
                raise ValueError("at step 1")
            if how == "unpicklable":
                raise Unpicklable(1, 2)
            if how == "dies":
                os._exit(9)
        return kwargs
"""


def test_every_queued_config_gets_its_result_whatever_becomes_of_its_process(project):
    (project / "src" / "queue_end.py").write_text(QUEUE)
    names = ["fine", "raises", "unpicklable", "dies"]
    for name in names:
        cfg = prepare_cfg(project / "tagger.toml")
        cfg["tag"] = name
        cfg["sched"]["pipes"] = [{"type": "src.queue_end.End"}]
        cfg["plugins"] = [{"type": "alchemy.plugins.FileLogger", "log_dir": "records/queue"}]
        (project / f"{name}.toml").write_text(tomlkit.dumps(cfg))
    lines = call(project, *COMMAND, *(f"{name}.toml" for name in names), "--device", "-1", code=1)
    told = [line for line in lines.splitlines() if line.startswith(tuple(f"{name}.toml" for name in names))]
    assert [line.partition(" (")[0] for line in told] == [
        "fine.toml: finished",
        "raises.toml: failed: ValueError: at step 1",
        "unpicklable.toml: failed: Unpicklable: can't travel",
        "dies.toml: failed: the run's process ended with exit code 9 without a result",
    ]
    assert len(list((project / "records/queue").iterdir())) == 4


def test_a_mistake_in_a_config_is_one_message_with_the_nearest_name(project):
    cfg = prepare_cfg(project / "tagger.toml")
    cfg["plugins"][0]["type"] = "alchemy.plugins.BasicSetupp"
    (project / "wrong.toml").write_text(tomlkit.dumps(cfg))
    said = call(project, *COMMAND, "wrong.toml", "--device", "-1", code=2)
    assert said.startswith("error: no AlchemyPlugin named 'alchemy.plugins.BasicSetupp'")
    assert "did you mean 'alchemy.plugins.BasicSetup'" in said
    assert "Traceback" not in said
