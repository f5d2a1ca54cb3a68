"""Files of torch.save: at once or not at all, and never executed when they are read."""

import datetime

import pytest
import torch

from torchalloy.checkpoint import export_torch, import_torch
from torchalloy.core import CheckpointError


def test_what_is_exported_is_imported_by_us_and_by_torch(tmp_path):
    path = export_torch(tmp_path / "deep" / "checkpoint.th", {"model": {"weight": torch.ones(2)}, "epoch": 3})
    assert import_torch(path)["epoch"] == 3
    assert torch.load(path, weights_only=True)["model"]["weight"].tolist() == [1.0, 1.0]
    assert [entry.name for entry in path.parent.iterdir()] == ["checkpoint.th"]


def test_an_export_that_fails_leaves_the_file_there_was(tmp_path):
    path = export_torch(tmp_path / "checkpoint.th", 1)
    with pytest.raises(CheckpointError, match=r"checkpoint.th can't be written"):
        export_torch(path, lambda: 0)
    assert import_torch(path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.th"]


def test_types_that_are_not_allowed_are_named_and_not_made(tmp_path):
    path = export_torch(tmp_path / "old.pth", {"made": datetime.timedelta(1)})
    with pytest.raises(CheckpointError, match=r"old.pth: it names datetime.timedelta"):
        import_torch(path)
    assert import_torch(path, allow=[datetime.timedelta]) == {"made": datetime.timedelta(1)}


def test_a_file_that_is_none_or_gone_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="gone.pth isn't there"):
        import_torch(tmp_path / "gone.pth")
    (tmp_path / "text.pth").write_text("weights")
    with pytest.raises(CheckpointError, match=r"text.pth: it isn't a readable file of torch.save"):
        import_torch(tmp_path / "text.pth")
