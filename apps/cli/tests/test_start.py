"""What the top of the command line costs: which modules it imports, seen in a process of its own."""

import json
import subprocess
import sys

import pytest

import torchalloy.cli
from torchalloy.cli._strangers import have_plugins

HEAVY = {"torch", "numpy", "rich", "typer", "hydra", "omegaconf", "importlib.metadata", "torchalloy.runtime"}
LIGHT = {"argparse", "pluggy", "dataclasses", "difflib", "json", "pathlib", "torchalloy.core"}
PROBE = """
import sys
before = set(sys.modules)
from torchalloy.cli import main
status = main(sys.argv[1:])
new = sorted(set(sys.modules) - before)
import json
print(json.dumps([status, new]), file=sys.stderr)
"""


def run(*arguments):
    """Run the command line in a new process; return its output, status, and the modules it imported."""
    done = subprocess.run([sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True)
    status, modules = json.loads(done.stderr)
    return done.stdout, status, set(modules)


def test_face_is_sorted():
    assert torchalloy.cli.__all__ == sorted(torchalloy.cli.__all__)


def test_version_imports_nothing_at_all():
    text, status, modules = run("--version")
    assert (text, status) == (f"alloy {torchalloy.cli.__version__}\n", 0)
    assert modules <= {"torchalloy", "torchalloy.cli"} | {name for name in modules if name.startswith("_distutils")}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"], []])
def test_help_imports_nothing_heavy(arguments):
    text, status, modules = run(*arguments)
    assert status == 0 and "Usage: alloy COMMAND" in text
    assert not modules & HEAVY or have_plugins()
    assert not modules & LIGHT or have_plugins()  # a stranger's commands can only be told by loading its plugin


def test_a_commands_help_imports_no_torch():
    text, status, modules = run("train", "--help")
    assert status == 0 and "--config FILE" in text and "Examples:" in text
    assert "torch" not in modules and "rich" not in modules


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert torchalloy.cli.__version__ == version("torchalloy-cli")
