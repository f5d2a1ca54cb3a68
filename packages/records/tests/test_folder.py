"""A run's folder and how its status is told."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from torchalloy.core import RunError
from torchalloy.records import RunFolder

MAKE = {"style": "process", "seed": 3, "command": ["alloy", "train"]}
HOLD = """
import sys, time
from torchalloy.records import RunFolder
RunFolder.create(sys.argv[1], "held", style="process", seed=1, command=["x"])
print("up", flush=True)
time.sleep(60)
"""


def held_run(root):
    """Start a process that writes run `held` and lives on."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    return process


def test_create_writes_who_the_run_is(tmp_path) -> None:
    run = RunFolder.create(tmp_path / "runs", "first", **MAKE)
    said = json.loads((run.path / "run.json").read_text())
    assert run.path == tmp_path / "runs" / "first"
    assert (said["name"], said["style"], said["seed"], said["status"]) == ("first", "process", 3, "running")
    assert said["pid"] == os.getpid() and said["host"] and len(said["id"]) == 16
    assert said["command"] == ["alloy", "train"]
    assert run.checkpoints.parent == run.tensorboard.parent == run.log.parent == run.metrics.parent == run.path


def test_made_up_names_differ_and_sort_by_time(tmp_path) -> None:
    runs = [RunFolder.create(tmp_path, **MAKE) for _ in range(20)]
    assert len({run.name for run in runs}) == 20
    stamps = [run.name[:15] for run in runs]
    assert stamps == sorted(stamps)


def test_making_up_a_name_leaves_the_random_generator_alone(tmp_path) -> None:
    import random

    random.seed(5)
    before = random.getstate()
    RunFolder.create(tmp_path, **MAKE)
    assert random.getstate() == before


def test_a_taken_name_is_refused_and_its_folder_stays(tmp_path) -> None:
    first = RunFolder.create(tmp_path, "a", **MAKE)
    with pytest.raises(RunError, match="exists already"):
        RunFolder.create(tmp_path, "a", **MAKE)
    assert RunFolder.open(first.path).record == first.record


@pytest.mark.parametrize("name", ["", "  ", "a/b", "..", ".hidden", "@last", "-x", "a\nb", "x" * 300, "a\0"])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path, name) -> None:
    with pytest.raises(RunError):
        RunFolder.create(tmp_path, name, **MAKE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["größe", "実験", "a b", "lr=0.1", "🦊"])
def test_any_other_name_is_taken(tmp_path, name) -> None:
    assert RunFolder.open(RunFolder.create(tmp_path, name, **MAKE).path).name == name


def test_a_root_that_is_a_file_is_refused(tmp_path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="is a file"):
        RunFolder.create(tmp_path / "runs", **MAKE)


def test_finish_writes_the_summary_and_the_status(tmp_path) -> None:
    run = RunFolder.create(tmp_path, "a", **MAKE)
    run.finish("finished", {"metrics": {"test/accuracy": 0.97}, "epochs": 3, "seconds": 1.5, "loss": float("nan")})
    summary = RunFolder.open(run.path).summary()
    assert (summary["status"], summary["style"], summary["seed"]) == ("finished", "process", 3)
    assert summary["metrics"] == {"test/accuracy": 0.97} and summary["error"] is None
    assert summary["loss"] == "NaN"  # strict JSON has no other word for it
    assert RunFolder.open(run.path).status == "finished"


def test_a_failed_run_keeps_the_traceback(tmp_path) -> None:
    run = RunFolder.create(tmp_path, "a", **MAKE)
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        run.finish("failed", {}, error)
    summary = run.summary()
    assert summary["error"] == "ZeroDivisionError: division by zero"
    assert "test_folder.py" in summary["traceback"]
    assert run.status == "failed"


def test_a_run_cannot_end_in_another_way(tmp_path) -> None:
    run = RunFolder.create(tmp_path, "a", **MAKE)
    with pytest.raises(RunError, match="finished, stopped or failed"):
        run.finish("done", {})
    assert run.status == "running"


def test_a_running_run_is_told_from_a_killed_one_and_refuses_a_second_writer(tmp_path) -> None:
    process = held_run(tmp_path)
    try:
        run = RunFolder.open(tmp_path / "held")
        assert run.status == "running"
        with pytest.raises(RunError, match=f"process {process.pid} .* still writing"):
            run.resume([])
        with pytest.raises(RunError, match="still writing"):
            RunFolder.adopt(run.path, style="process", command=[])
        os.kill(process.pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while run.status == "running" and time.monotonic() < deadline:  # not waited for yet: a zombie is dead too
            time.sleep(0.01)
        assert run.status == "killed"
        run.resume(["alloy", "resume"], step=10)
        assert run.status == "running" and run.record.resumed_from == (10,) and run.record.attempt == 2
    finally:
        process.kill()
        process.wait()


def test_a_number_given_to_another_process_is_not_taken_for_the_run(tmp_path) -> None:
    run = RunFolder.create(tmp_path, "a", **MAKE)
    page = run.path / "run.json"
    said = json.loads(page.read_text())
    if said["birth"] is None:
        pytest.fail("this system has no /proc; the test needs one")
    page.write_text(json.dumps(said | {"birth": said["birth"] + "0"}))  # same pid, alive, but born at another time
    assert RunFolder.open(run.path).status == "killed"


def test_a_process_that_died_between_summary_and_status_has_finished(tmp_path) -> None:
    run = RunFolder.create(tmp_path, "a", **MAKE)
    before = (run.path / "run.json").read_text()
    run.finish("finished", {})
    (run.path / "run.json").write_text(before.replace(f'"pid": {os.getpid()}', '"pid": 4194999'))
    page = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(page | {"birth": "gone"}))
    assert RunFolder.open(run.path).status == "finished"


def test_adopt_keeps_what_is_there_and_an_earlier_runs_id(tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep")
    run = RunFolder.adopt(tmp_path / "mine", style="solver", command=["python", "train.py"])
    run.finish("stopped", {})
    again = RunFolder.adopt(tmp_path / "mine", style="solver", command=["python", "train.py"])
    assert again.record.id == run.record.id and again.status == "running"
    assert (tmp_path / "mine" / "note.txt").read_text() == "keep"


def test_discard_leaves_things_as_they_were(tmp_path) -> None:
    RunFolder.create(tmp_path, "new", **MAKE).discard()
    assert not (tmp_path / "new").exists()

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep")
    RunFolder.adopt(tmp_path / "mine", style="solver", command=[]).discard()
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["note.txt"]

    run = RunFolder.create(tmp_path, "old", **MAKE)
    run.finish("finished", {})
    RunFolder.adopt(run.path, style="process", command=[]).discard()
    assert RunFolder.open(run.path).status == "finished"


def test_discard_never_throws_results_away(tmp_path) -> None:
    run = RunFolder.create(tmp_path, "a", **MAKE)
    run.metrics.write_text("")
    with pytest.raises(RunError, match="has metrics"):
        run.discard()
    assert run.path.exists()


def test_files_go_into_the_folder_and_nowhere_else(tmp_path) -> None:
    run = RunFolder.create(tmp_path / "runs", "a", **MAKE)
    (tmp_path / "c.yaml").write_bytes(b"lr: 0.1\n")
    assert run.write_text("config.yaml", "größe: 1\n").read_text("utf-8") == "größe: 1\n"
    assert run.copy_in(tmp_path / "c.yaml", "config/c.yaml").read_bytes() == b"lr: 0.1\n"
    for name in ("../x", "/etc/x", ".", ""):
        with pytest.raises(RunError, match="isn't a path inside"):
            run.write_text(name, "")
    with pytest.raises(RunError, match="can't be copied"):
        run.copy_in(tmp_path / "missing.yaml")
    assert sorted(path.name for path in run.path.iterdir()) == ["config", "config.yaml", "run.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"id": "x"}', b"[" * 100_000])
def test_a_damaged_run_json_is_said_and_nothing_is_guessed(tmp_path, content) -> None:
    run = RunFolder.create(tmp_path, "a", **MAKE)
    (run.path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json: damaged"):
        RunFolder.open(run.path)


def test_what_is_no_run_is_refused(tmp_path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(RunError, match=r"not a run's folder"):
        RunFolder.open(tmp_path)
