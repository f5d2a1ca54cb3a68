"""Launchers start what they are asked to, and one failure is told as the one it is."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from torchalloy.core import LaunchError, MissingExtra, Plugins
from torchalloy.distributed import Accelerate, Here, Torchrun, _plugin

LAUNCHERS = [Here(), Torchrun(), Accelerate()]


@pytest.fixture(autouse=True)
def in_this_folder(monkeypatch, tmp_path_factory):
    monkeypatch.chdir(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.syspath_prepend(Path(__file__).parent)
    launches = str(tmp_path_factory.mktemp("launches"))  # a failed launch leaves what its processes wrote
    monkeypatch.setattr(tempfile, "tempdir", launches)
    monkeypatch.setenv("TMPDIR", launches)


def test_two_processes_under_torchrun_average_agree_and_broadcast(capfd):
    assert Torchrun().launch(["two_ranks"], 2) == 0
    out, err = capfd.readouterr()
    assert "process 0 checked everything" in out
    assert "process 1" not in out + err


def test_two_processes_under_accelerate_find_their_place(capfd):
    assert Accelerate().launch(["two_ranks", "accelerated"], 2) == 0
    assert "process 0 checked everything" in capfd.readouterr().out


@pytest.mark.parametrize("who", [0, 1])
def test_the_first_failure_is_the_one_that_is_told(tmp_path, capfd, who):
    with pytest.raises(LaunchError) as failed:
        Torchrun().launch(["failing_ranks", "raise", str(who), str(tmp_path)], 2)
    said = str(failed.value)
    assert f"process {who} of 2 failed first (exit status 1)" in said
    assert "ArithmeticError: the first mistake" in said and "failing_ranks.py" in said
    assert "runpy" not in said and "ConnectionError" not in said
    assert "Traceback" not in capfd.readouterr().err
    assert_gone(tmp_path)


@pytest.mark.parametrize("who", [0, 1])
def test_a_killed_process_is_the_one_that_is_told(tmp_path, who):
    with pytest.raises(LaunchError, match=rf"process {who} of 2 failed first \(killed by SIGKILL"):
        Torchrun().launch(["failing_ranks", "kill", str(who), str(tmp_path)], 2)
    assert_gone(tmp_path)


def test_a_process_that_says_itself_why_it_exits_is_quoted_or_trusted(tmp_path):
    with pytest.raises(LaunchError, match=r"(?s)process 1 of 2 .*exit status 1.*process 1 gives up politely"):
        Torchrun().launch(["failing_ranks", "exit", "1", str(tmp_path)], 2)
    (tmp_path / "gone").unlink()
    assert Torchrun().launch(["failing_ranks", "exit", "0", str(tmp_path)], 2) == 2


def test_a_signal_is_handed_on_and_a_killed_launcher_takes_its_processes_along(tmp_path):
    code = "import sys; from torchalloy.distributed import Torchrun; sys.exit(Torchrun().launch(sys.argv[1:], 2))"
    for ending in (signal.SIGINT, signal.SIGKILL):
        folder = tmp_path / ending.name
        folder.mkdir()
        launcher = subprocess.Popen([sys.executable, "-c", code, "failing_ranks", "raise", "7", str(folder)])
        wait_until(lambda folder=folder: len(list(folder.glob("pid-*"))) == 2)
        launcher.send_signal(ending)
        assert launcher.wait(timeout=30) == (130 if ending == signal.SIGINT else -signal.SIGKILL)
        wait_until(lambda folder=folder: not alive(folder))
    assert {path.name for path in (tmp_path / "SIGINT").glob("signal-*")} == {"signal-0", "signal-1"}


def alive(folder):
    return [pid for pid in (int(path.read_text() or 0) for path in folder.glob("pid-*")) if pid and running(pid)]


def running(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def assert_gone(folder):
    assert not alive(folder)


def wait_until(holds):
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_here_runs_the_module_in_this_process(tmp_path, monkeypatch, capsys):
    (tmp_path / "job_here.py").write_text(
        "import os, sys; print(os.getpid(), sys.argv[1:]); sys.exit(int(sys.argv[1]))"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = sys.argv
    assert Here().launch(["job_here", "3", "b"], 1) == 3
    assert sys.argv is before
    assert capsys.readouterr().out == f"{os.getpid()} ['3', 'b']\n"
    (tmp_path / "job_wrong.py").write_text("raise KeyError('users own')")
    with pytest.raises(KeyError, match="users own"):
        Here().launch(["job_wrong"], 1)


def test_what_cannot_be_started_is_refused_with_what_would_work(monkeypatch):
    with pytest.raises(LaunchError, match="starts one process, not 4; use --launcher torchrun"):
        Here().launch(["two_ranks"], 4)
    for launcher in (Torchrun(), Accelerate()):
        with pytest.raises(LaunchError, match="0 processes can't be started"):
            launcher.launch(["two_ranks"], 0)
        with pytest.raises(LaunchError, match="no module 'not.there'"):
            launcher.launch(["not.there"], 2)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(LaunchError, match="already process .* of 2"):
        Torchrun().launch(["two_ranks"], 2)


def test_accelerates_own_config_is_honoured_or_refused(tmp_path, monkeypatch):
    from accelerate.commands.config import config_args

    from torchalloy.distributed._launchers import _accelerate_environment

    file = tmp_path / "default_config.yaml"
    monkeypatch.setattr(config_args, "default_config_file", str(file))
    assert _accelerate_environment(2)["ACCELERATE_MIXED_PRECISION"] == "no"
    base = "compute_environment: LOCAL_MACHINE\nnum_machines: 1\nnum_processes: 2\nuse_cpu: true\ndebug: false\n"
    file.write_text(base + "distributed_type: MULTI_CPU\nmixed_precision: bf16\n")
    assert _accelerate_environment(2)["ACCELERATE_MIXED_PRECISION"] == "bf16"
    assert _accelerate_environment(2)["ACCELERATE_USE_CPU"] == "true"
    file.write_text(base + "distributed_type: FSDP\nmixed_precision: 'no'\n")
    with pytest.raises(LaunchError, match="asks for FSDP, which needs accelerate's own command"):
        _accelerate_environment(2)


def test_without_accelerate_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"torchalloy-distributed\[accelerate\]"):
        Accelerate().launch(["two_ranks"], 2)


def test_the_plugin_offers_every_launcher():
    plugins = Plugins()
    plugins.register(_plugin, "torchalloy-distributed")
    assert sorted(plugins.launchers()) == sorted(launcher.name for launcher in LAUNCHERS)
