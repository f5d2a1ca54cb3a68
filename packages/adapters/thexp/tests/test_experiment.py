"""The record of an experiment, by its contract's check 8: the README's program, ended in order and by an error."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from torchalloy.adapters.thexp import ExperimentViewer
from torchalloy.core import UnknownName

PROGRAM = """
import sys
from torchalloy.adapters.thexp.frame import Logger,Saver,Experiment

exp = Experiment("./exp")

@exp.keycode()
def train():
    logger = Logger()
    logger.add_log_dir(exp.hold_exp_part("log",[".log"]))
    save = Saver(exp.hold_exp_part("save",[".ckpt",".pth"]))
    for i in range(2):
        for j in range(5):
            save.save_checkpoint(j, {}, {})
            logger.info(i)
    if "fail" in sys.argv:
        raise ValueError("as asked")

exp.start_exp()
train()
"""


def test_an_experiment_is_recorded_however_it_ends(tmp_path):
    (tmp_path / "main.py").write_text(PROGRAM)
    environment = {**os.environ, "THEXP_HOME": str(tmp_path / "home")}
    codes = [
        subprocess.run(
            [sys.executable, "main.py", *how], cwd=tmp_path, env=environment, timeout=200, check=False
        ).returncode
        for how in ([], ["fail"])
    ]
    assert codes == [0, 1]
    files = sorted((tmp_path / "exp" / "exp").iterdir())
    assert len(files) == 2
    for record in (json.loads(file.read_text()) for file in files):
        assert {"start_time", "end_time", "args", "snap", "files"} <= set(record)
        assert "train" in record["snap"]
        assert any(path.endswith(".ckpt") and info["exist"] for path, info in record["files"].items())
    assert len(list((tmp_path / "exp" / "code").iterdir())) == 2  # the program and the function, each once
    viewer = ExperimentViewer(dbpath=tmp_path / "home")
    keys = [file.stem for file in files]
    assert sorted(viewer.list()) == sorted(viewer.recent(timedeltaobj=timedelta(minutes=20))) == keys
    assert all(viewer.backtracking("ckpt")[key]["files"] for key in keys)
    assert viewer.exp_code(keys[0]) == viewer.exp_info(keys[0])["snap"]
    assert viewer.exp_info("20-03-08-121413") is False
    with pytest.raises(UnknownName, match="no experiment"):
        viewer.exp_code("20-03-08-121413")
