"""A run's checkpoints: none lost, the newest good one found, damage said."""

import logging
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from torchalloy.checkpoint import Store, load_into, read
from torchalloy.core import CheckpointError


class Part:
    """Something with a state."""

    def __init__(self, **state):
        self.state = state

    def state_dict(self):
        return dict(self.state)

    def load_state_dict(self, state):
        self.state = state


def names(store):
    return [folder.name for folder in store.folders()]


def damage(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_a_training_goes_on_exactly_from_the_newest_checkpoint(tmp_path):
    def parts():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
        optimizer = torch.optim.AdamW(model.parameters())
        return {
            "model": model,
            "optimizer": optimizer,
            "schedule": torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 6]),
        }

    def train(parts, steps):
        for step in steps:
            parts["optimizer"].zero_grad()
            parts["model"](torch.full((3, 4), step) + torch.arange(3.0)[:, None]).square().mean().backward()
            parts["optimizer"].step()
            parts["schedule"].step()

    straight, first, second = parts(), parts(), parts()
    train(straight, range(9))
    train(first, range(5))
    checkpoint = read(Store(tmp_path).save(first, step=5, meta={"epoch": 1}))
    for resumed in (second, parts()):  # the same checkpoint serves twice
        assert str(load_into(checkpoint, resumed)) == "restored: model, optimizer, schedule"
        train(resumed, range(5, 9))
        reached = resumed["model"].state_dict()
        assert all(torch.equal(value, reached[name]) for name, value in straight["model"].state_dict().items())


def test_the_newest_are_kept_and_latest_names_the_newest(tmp_path):
    store = Store(tmp_path, keep=2)
    assert store.newest() is None
    for step in (1, 2, 3):
        store.save({"state": Part(step=step)}, step=step, meta={"epoch": step})
    assert names(store) == ["step-00000003", "step-00000002"]
    assert (tmp_path / "latest").read_text() == "step-00000003\n"
    assert store.newest().meta == {"epoch": 3, "step": 3, "serial": 3}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["latest", "step-00000002", "step-00000003"]


def test_none_keeps_all_and_less_than_one_is_refused(tmp_path):
    store = Store(tmp_path, keep=None)
    for step in range(5):
        store.save({}, step=step)
    assert len(names(store)) == 5
    with pytest.raises(CheckpointError, match="use 1 or more, or None"):
        Store(tmp_path, keep=0)


def test_the_newest_is_the_one_saved_last_not_the_highest_step(tmp_path):
    Store(tmp_path).save({"state": Part(run="diverged")}, step=200)
    Store(tmp_path).save({"state": Part(run="taken back")}, step=150)
    assert Store(tmp_path).newest().parts["state"] == {"run": "taken back"}


def test_the_same_step_saved_again_replaces(tmp_path):
    store = Store(tmp_path, keep=1)
    for value in (1, 2):
        store.save({"state": Part(value=value)}, step=7)
    assert store.newest().parts["state"] == {"value": 2}
    (tmp_path / "step-00000007").rename(tmp_path / ".old-step-00000007")  # a crash in the middle of replacing
    assert Store(tmp_path).newest().parts["state"] == {"value": 2}


@pytest.mark.parametrize("file", ["model.safetensors", "model.json", "manifest.json"])
def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path, caplog, file):
    store = Store(tmp_path)
    for step in (1, 2, 3):
        store.save({"model": Part(weight=torch.full((4,), step))}, step=step)
    damage(tmp_path / "step-00000003" / file)
    with caplog.at_level(logging.WARNING):
        assert store.newest().meta["step"] == 2
    (warning,) = caplog.messages
    assert f"step-00000003/{file} is damaged" in warning and "using step-00000002" in warning


def test_damage_does_not_count_as_kept(tmp_path):
    store = Store(tmp_path, keep=2)
    for step in (1, 2):
        store.save({"state": Part(step=step)}, step=step)
    (tmp_path / "step-00000002" / "state.json").unlink()
    store.save({"state": Part(step=3)}, step=3)
    assert store.newest().meta["step"] == 3
    assert read(tmp_path / "step-00000001").meta["step"] == 1


def test_no_readable_checkpoint_is_an_error_never_a_start_from_zero(tmp_path):
    store = Store(tmp_path)
    for step in (1, 2):
        damage(store.save({"state": Part(step=step)}, step=step) / "state.json")
    with pytest.raises(CheckpointError) as error:
        store.newest()
    assert "no checkpoint can be read" in str(error.value)
    assert "step-00000001/state.json" in str(error.value) and "step-00000002/state.json" in str(error.value)


def test_a_pointer_to_a_checkpoint_that_is_gone_is_an_error(tmp_path):
    (tmp_path / "latest").write_text("step-00000009\n")
    with pytest.raises(CheckpointError, match="names step-00000009, which isn't there"):
        Store(tmp_path).newest()


def test_what_a_killed_save_left_is_swept_by_the_next(tmp_path):
    (tmp_path / ".tmp-step-00000001-abcd").mkdir(parents=True)
    (tmp_path / ".tmp-latest-abcd").write_text("step")
    store = Store(tmp_path)
    assert store.newest() is None
    store.save({}, step=2)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["latest", "step-00000002"]


def test_a_save_that_fails_names_the_path_and_leaves_the_others(tmp_path):
    store = Store(tmp_path)
    store.save({"state": Part(step=1)}, step=1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(
            CheckpointError, match="step-00000002 can't be written: .*; earlier checkpoints are untouched"
        ):
            store.save({"state": Part(text="long" * 100)}, step=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert store.newest().parts["state"] == {"step": 1}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["latest", "step-00000001"]
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="file can't be read: Not a directory"):
        Store(tmp_path / "file").save({}, step=1)


def test_load_into_lists_what_it_could_not_match_and_names_what_does_not_fit(tmp_path):
    checkpoint = read(Store(tmp_path).save({"model": torch.nn.Linear(2, 2), "ema": Part(a=1)}, step=0))
    report = load_into(checkpoint, {"model": torch.nn.Linear(2, 2), "schedule": Part()})
    assert (report.restored, report.missing, report.unexpected) == (("model",), ("schedule",), ("ema",))
    assert str(report) == "restored: model; not in the checkpoint: schedule; in the checkpoint but not in this run: ema"
    with pytest.raises(CheckpointError, match=r"(?s)part 'model' doesn't fit this run's Linear: .*size mismatch"):
        load_into(checkpoint, {"model": torch.nn.Linear(3, 2)})


KILLS = 25


def test_a_process_killed_at_any_instant_leaves_a_whole_newest_checkpoint(tmp_path):
    """One helper imports torch and forks savers; each saver is killed at a random instant of its endless saving."""
    helper = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("endless_saver.py")), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    chance = random.Random(0)
    confirmed, span_s = 0, 0.12
    try:
        for _ in range(KILLS):
            print(chance.uniform(0.0, span_s), file=helper.stdin)
            confirmed = max(confirmed, int(helper.stdout.readline()))
            span_s *= 1.0 if confirmed else 1.5  # a busy disk takes longer for the first save
            check(Store(tmp_path, keep=2), confirmed)
    finally:
        helper.stdin.close()
        helper.wait(timeout=30)
    assert confirmed > 0, "no saver lived long enough to save"
    store = Store(tmp_path, keep=2)
    store.save({"state": Part(step=10**6)}, step=10**6)
    assert len(store.folders()) == 2, "a save that isn't cut short retires what the others left"


def check(store, confirmed):
    found = store.newest()
    if found is None:
        assert confirmed == 0
        return
    step = found.meta["step"]
    assert step >= confirmed
    assert found.parts["state"] == {"step": step}
    assert found.parts["model"]["weight"].unique().tolist() == [step]
