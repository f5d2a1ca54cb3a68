"""Finding runs again."""

import json

import pytest

from torchalloy.core import RunError
from torchalloy.records import RunFolder, catalogue, find_run


def make(root, name, status=None, **summary):
    run = RunFolder.create(root, name, style="process", seed=1, command=["alloy"])
    if status:
        run.finish(status, summary, error="Traceback\nValueError: no" if status == "failed" else None)
    return run


def test_the_catalogue_tells_every_run_oldest_first(tmp_path) -> None:
    make(
        tmp_path,
        "b",
        "finished",
        metrics={"test/accuracy": 0.9, "x": float("inf")},
        epochs=2,
        iterations=90,
        seconds=3.5,
    )
    make(tmp_path, "a", "failed", seconds=1)
    make(tmp_path, "c")
    first, second, third = catalogue(tmp_path)
    assert (first.name, first.status, first.style, first.seed, first.folder) == (
        "b",
        "finished",
        "process",
        1,
        tmp_path / "b",
    )
    assert (first.epochs, first.iterations, first.seconds) == (2, 90, 3.5)
    assert first.metrics == {"test/accuracy": 0.9, "x": float("inf")} and first.created < second.created
    assert (second.status, second.why) == ("failed", "ValueError: no")
    assert (third.name, third.status, third.seconds, third.metrics) == ("c", "running", None, {})


def test_damaged_runs_are_reported_and_passed_over(tmp_path) -> None:
    make(tmp_path, "good", "finished")
    (make(tmp_path, "torn").path / "run.json").write_text('{"id": ')
    (make(tmp_path, "summary").path / "summary.json").write_text('{"metrics": {"loss": "much"}}')
    (tmp_path / "headless" / "checkpoints").mkdir(parents=True)
    (tmp_path / "somebody elses").mkdir()
    (tmp_path / ".trash" / "checkpoints").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    runs = {run.name: run for run in catalogue(tmp_path)}
    assert set(runs) == {"good", "torn", "summary", "headless"}
    assert {name for name, run in runs.items() if run.status == "damaged"} == {"torn", "summary", "headless"}
    assert "not JSON" in str(runs["torn"].why) and "much" in str(runs["summary"].why)
    assert find_run("@last", tmp_path).name == "good"


def test_a_run_is_found_by_folder_name_id_prefix_and_last(tmp_path, monkeypatch) -> None:
    first = make(tmp_path / "runs", "2026-calm-otter")
    last = make(tmp_path / "runs", "2026-bold-fox")
    found = [first.path, str(first.path), "2026-calm-otter", "2026-calm", first.record.id, first.record.id[:8]]
    assert {find_run(reference, tmp_path / "runs").record.id for reference in found} == {first.record.id}
    assert find_run("@last", tmp_path / "runs").record.id == last.record.id
    monkeypatch.chdir(tmp_path)
    assert find_run("runs/2026-calm-otter").record.id == first.record.id
    assert find_run("2026-bold").record.id == last.record.id


def test_a_whole_name_wins_over_longer_ones(tmp_path) -> None:
    make(tmp_path, "exp")
    make(tmp_path, "exp-2")
    assert find_run("exp", tmp_path).name == "exp"


def test_a_wrong_reference_is_told_what_would_work(tmp_path) -> None:
    with pytest.raises(RunError, match="no such folder of runs"):
        find_run("x", tmp_path / "none")
    with pytest.raises(RunError, match="no run there yet"):
        find_run("@last", tmp_path)
    make(tmp_path, "baseline")
    make(tmp_path, "exp-1")
    make(tmp_path, "exp-2")
    with pytest.raises(RunError, match=r"2 runs .* exp-1, exp-2; write more"):
        find_run("exp", tmp_path)
    with pytest.raises(RunError, match="did you mean 'baseline'"):
        find_run("basline", tmp_path)
    with pytest.raises(RunError, match="no such run"):
        find_run("", tmp_path)
    with pytest.raises(RunError, match="no such folder"):
        find_run(tmp_path / "else" / "where", tmp_path)


def test_a_moved_run_keeps_its_id_and_takes_the_new_name(tmp_path) -> None:
    run = make(tmp_path / "runs", "old", "finished")
    (tmp_path / "runs" / "old").rename(tmp_path / "runs" / "new")
    assert find_run(run.record.id[:6], tmp_path / "runs").name == "new"
    assert json.loads((tmp_path / "runs" / "new" / "run.json").read_text())["name"] == "old"
    assert [info.name for info in catalogue(tmp_path / "runs")] == ["new"]
