"""What a person sees of an exception, and the status it ends with."""

import os
import subprocess
import sys

import pytest

from torchalloy.cli._guard import guarded
from torchalloy.core import AlloyError, Plugins, hookimpl, nearest


def raising(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (AlloyError("no such thing"), 2, "alloy: error: no such thing\n"),
        (KeyboardInterrupt(), 130, "alloy: interrupted\n"),
        (SystemExit(), 0, ""),
        (SystemExit(5), 5, ""),
        (SystemExit("bye"), 1, "bye\n"),
    ],
)
def test_each_way_to_end_has_its_status_and_message(error, status, message, capsys):
    assert guarded(raising(error), debug=False) == status
    assert capsys.readouterr().err == message


def test_debug_shows_the_traceback_of_a_mistake(capsys):
    assert guarded(raising(AlloyError("no such thing")), debug=True) == 2
    err = capsys.readouterr().err
    assert err.startswith("Traceback") and err.endswith("alloy: error: no such thing\n")


class UserPlugin:
    """Code of a user's that ours calls."""

    @hookimpl
    def alloy_commands(self):
        """Fail as user code does; this is the frame to see."""
        raise ValueError("shapes (3,) and (4,)")


def through_our_code():
    """Reach the user's code through a package of ours, as a run does."""
    plugins = Plugins()
    plugins.register(UserPlugin(), "user")
    return len(plugins.commands())


def test_a_failing_step_shows_the_users_frames_and_not_ours(capsys):
    assert guarded(through_our_code, debug=False) == 1
    err = capsys.readouterr().err
    assert "in alloy_commands" in err and "ValueError: shapes (3,) and (4,)" in err
    assert "torchalloy/c" not in err and "--debug shows them" in err


def test_frames_of_ours_between_the_users_are_left_out_of_causes_too(capsys):
    def command():
        try:
            through_our_code()
        except ValueError as error:
            raise RuntimeError("the epoch failed") from error

    assert guarded(command, debug=False) == 1
    err = capsys.readouterr().err
    assert err.count("Traceback") == 2 and "direct cause" in err and "torchalloy/c" not in err


def test_what_the_users_last_line_called_of_ours_is_kept(capsys):
    assert guarded(lambda: nearest(3, ["a"]), debug=False) == 1
    err = capsys.readouterr().err
    assert "in nearest" in err and "cli/_guard.py" not in err


def test_debug_shows_every_frame(capsys):
    assert guarded(through_our_code, debug=True) == 1
    err = capsys.readouterr().err
    assert "torchalloy/cli/_guard.py" in err and "torchalloy/core/_plugins.py" in err


def test_our_own_failure_is_shown_whole_and_called_ours():
    code = """
from torchalloy.cli._guard import guarded
from torchalloy.core import AlloyError
import sys, functools
from torchalloy.core import nearest
sys.exit(guarded(functools.partial(nearest, 3, ["a"]), debug=False))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "in nearest" in done.stderr and "_guard.py" in done.stderr and "please report it" in done.stderr


def test_a_reader_that_leaves_early_gets_no_traceback(tmp_path):
    code = "import sys\nfrom torchalloy.cli._guard import guarded\n"
    code += "def talk():\n    for _ in range(100_000): print('x' * 100)\n    return 0\n"
    code += "sys.exit(guarded(talk, debug=False))\n"
    read, write = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    os.read(read, 10)
    os.close(read)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")
