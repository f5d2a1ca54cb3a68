"""Two real ranks train one run together."""

import subprocess
import sys
from pathlib import Path

from torchalloy.records import find_run


def test_two_ranks_train_what_one_does(tmp_path):
    (tmp_path / "project.py").write_text(Path(__file__).with_name("project.py").read_text())
    config = "style: process\nseed: 3\ndevice: cpu\nmax_epochs: 3\nprocess: project.Process\nmodules: [project.Parts]\n"
    (tmp_path / "config.yaml").write_text(config)
    code = """
import project, torch
from torchalloy.runtime import train
alone = train("config.yaml", name="alone", overrides=["max_epochs=4"])
"""
    (tmp_path / "project.py").write_text(
        (tmp_path / "project.py").read_text().replace("torch.nn.Dropout(0.2)", "torch.nn.ReLU()")
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    code = (
        "from torchalloy.runtime import train; train('config.yaml', name='both', launcher='torchrun', num_processes=2)"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert told.returncode == 0, told.stderr
    code = "from torchalloy.runtime import resume; resume('both', ['max_epochs=4'], num_processes=2)"
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert told.returncode == 0, told.stderr
    alone, both = (find_run(name, tmp_path / "runs").summary() for name in ("alone", "both"))
    assert (both["num_ranks"], both["iterations"]) == (2, alone["iterations"])
    for name, value in alone["metrics"].items():
        assert abs(both["metrics"][name] - value) < 1e-4, name
