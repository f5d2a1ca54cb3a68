"""A checkpoint's folder: whole or not at all, verified before use, never executed."""

import contextlib
import hashlib
import json
import pickle
import random
import resource
import shutil
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torchalloy.checkpoint import read, verify, write
from torchalloy.core import CheckpointError

STATE = {"model": {"weight": torch.arange(8.0)}, "state": {"epoch": 3, "loss": float("inf")}, "manifest": (1, 2)}
META = {"epoch": 3, "iteration": 90, "style": "process", "best": float("nan"), "tags": ["a"]}


@contextlib.contextmanager
def files_end_at(num_bytes):
    """Let the operating system refuse to write any file past this size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_is_written_is_read_with_its_meta(tmp_path):
    place = write(tmp_path / "new" / "folders" / "one", STATE, meta=META)
    checkpoint = read(place)
    assert torch.equal(checkpoint.parts["model"]["weight"], STATE["model"]["weight"])
    assert all(checkpoint.parts[name] == STATE[name] for name in ("state", "manifest"))
    assert checkpoint.meta["best"] != checkpoint.meta["best"]
    assert {**checkpoint.meta, "best": 0} == {**META, "best": 0}
    assert checkpoint.versions["torch"] == torch.__version__
    assert [entry.name for entry in place.parent.iterdir()] == ["one"]


def test_files_have_the_names_of_their_parts_and_hashes_in_the_manifest(tmp_path):
    place = write(tmp_path / "one", {"model": {"a.weight": torch.ones(2)}, "Model": 1, "a/b ü": 2, "..": 3}, meta={})
    assert set(read(place).parts) == {"model", "Model", "a/b ü", ".."}
    content = json.loads((place / "manifest.json").read_bytes())["content"]
    assert {"model.safetensors", "model.json", "Model~2.json"} <= set(content["files"])
    for name, recorded in content["files"].items():
        raw = (place / name).read_bytes()
        assert recorded == {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def test_the_committed_sample_of_the_format_is_read():
    checkpoint = read(Path(__file__).parent / "samples" / "format-1")
    assert checkpoint.meta == {"epoch": 2, "iteration": 10, "style": "process", "step": 10, "serial": 1}
    assert list(checkpoint.parts) == ["model", "optimizer", "rng", "state"]
    assert checkpoint.parts["model"]["weight"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert checkpoint.parts["model"]._metadata[""] == {"version": 1}
    assert checkpoint.parts["optimizer"]["state"][0]["momentum_buffer"].tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert checkpoint.parts["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.999)
    assert checkpoint.parts["rng"]["python"] == (3, (1, 2, 624), None)
    assert checkpoint.parts["state"] == {"epoch": 2, "metrics": {"train/loss": float("inf")}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(tmp_path_factory.mktemp("whole") / "one", STATE, meta=META)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), data=st.data())
def test_a_flipped_bit_anywhere_is_found_and_its_file_named(whole, where, bit, data):
    path = data.draw(st.sampled_from(sorted(whole.iterdir())))
    raw = path.read_bytes()
    flipped = bytearray(raw)
    flipped[int(where * len(raw))] ^= 1 << bit
    path.write_bytes(flipped)
    try:
        with pytest.raises(CheckpointError, match=path.name):
            read(whole)
        with pytest.raises(CheckpointError, match=path.name):
            verify(whole)
    finally:
        path.write_bytes(raw)


def test_files_that_are_short_or_gone_are_named(tmp_path):
    place = write(tmp_path / "one", STATE, meta=META)
    for path in sorted(place.iterdir()):
        raw = path.read_bytes()
        path.write_bytes(raw[: random.randrange(len(raw))])
        with pytest.raises(CheckpointError, match=path.name):
            read(place)
        path.unlink()
        with pytest.raises(CheckpointError, match=f"{path.name} is missing"):
            read(place)
        path.write_bytes(raw)
    assert verify(place)


def test_a_checkpoint_of_a_newer_format_says_so(tmp_path):
    place = write(tmp_path / "one", {}, meta={})
    reseal(place, version=2)
    with pytest.raises(CheckpointError, match="format version 2; this torchalloy reads 1"):
        read(place)


def reseal(place, **changes):
    """Write the manifest as somebody who knows how it is sealed would."""
    content = json.loads((place / "manifest.json").read_bytes())["content"] | changes
    for name in content["files"]:
        raw = (place / name).read_bytes()
        content["files"][name] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    body = json.dumps(content, sort_keys=True)
    sealed = {"content": content, "sha256": hashlib.sha256(body.encode()).hexdigest()}
    (place / "manifest.json").write_text(json.dumps(sealed, sort_keys=True, indent=1) + "\n")


class Bomb:
    """Leaves a mark when somebody unpickles it."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return (open, (self.mark, "w"))


def test_a_planted_pickle_is_not_executed(tmp_path):
    place = write(tmp_path / "one", STATE, meta=META)
    unpickled = []
    sys.addaudithook(lambda event, arguments: unpickled.append(arguments) if event == "pickle.find_class" else None)
    for name in ("model.pkl", "data.pkl", "model.pt"):
        (place / name).write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
    assert read(place).parts["state"] == STATE["state"]
    for name in ("model.safetensors", "state.json"):
        (place / name).write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
        reseal(place)  # even with hashes that fit
        with pytest.raises(CheckpointError, match="isn't in the format"):
            read(place)
    assert not unpickled and not (tmp_path / "mark").exists()
    pickle.loads(pickle.dumps(Bomb(tmp_path / "mark"))).close()
    assert unpickled and (tmp_path / "mark").exists()  # the bomb is live, and the ear hears it


def test_a_manifest_that_points_outside_its_folder_is_refused(tmp_path):
    place = write(tmp_path / "one", {"state": 1}, meta={})
    (tmp_path / "secret.json").write_text("1")
    reseal(place, files={"../secret.json": {}}, parts={"state": {"tree": "../secret.json", "tensors": None}})
    with pytest.raises(CheckpointError, match="outside its folder"):
        read(place)


def test_replacing_keeps_the_old_one_until_the_new_one_is_in_place(tmp_path):
    place = write(tmp_path / "one", {"state": 1}, meta={})
    write(place, {"state": 2}, meta={})
    assert read(place).parts == {"state": 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]
    place.rename(tmp_path / ".old-one")  # as a crash between the two renames leaves it
    assert read(place).parts == {"state": 2}
    write(place, {"state": 3}, meta={})
    assert read(place).parts == {"state": 3}
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]


def test_a_disk_that_takes_no_more_leaves_the_old_checkpoint_and_no_remains(tmp_path):
    place = write(tmp_path / "one", {"state": 1}, meta={})
    for size in (0, 10, 200, 5000):
        with files_end_at(size), pytest.raises(CheckpointError, match="one.*can't be written: File too large"):
            write(place, {"model": {"weight": torch.zeros(10_000)}}, meta={})
        assert read(place).parts == {"state": 1}
        assert [entry.name for entry in tmp_path.iterdir()] == ["one"]


def test_state_that_cannot_be_kept_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(CheckpointError, match="part 'style' at 'callback'"):
        write(tmp_path / "deep" / "one", {"model": {}, "style": {"callback": print}}, meta={})
    assert not list(tmp_path.iterdir())
    with pytest.raises(CheckpointError, match="meta: 'best' is a tensor"):
        write(tmp_path / "one", {}, meta={"best": torch.ones(1)})
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_checkpoint_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="manifest.json is missing"):
        read(tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(CheckpointError, match="never finished or isn't a checkpoint"):
        verify(tmp_path)
