"""Commands of other packages, from distributions made here as an installer would lay them out."""

import os
import subprocess
import sys
from importlib.metadata import distributions

import pytest

from torchalloy.cli._strangers import OURS, have_plugins
from torchalloy.cli._table import COMMANDS
from torchalloy.core import Plugins

PLUGIN = """
from torchalloy.core import Command, hookimpl

@hookimpl
def alloy_commands():
    return [Command({name!r}, "Greet somebody.", "greeter_plugin:greet")]

def greet(arguments):
    print("hello", *arguments)
    return 7
"""


@pytest.fixture
def install(tmp_path):
    """Return a function that installs a distribution with one command, and gives a runner of `alloy` that sees it."""

    def install(command, plugin=PLUGIN):
        (tmp_path / "greeter_plugin.py").write_text(plugin.format(name=command))
        info = tmp_path / "alloy_greeter-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: alloy-greeter\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[torchalloy]\ngreeter = greeter_plugin\n")
        paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)

        def alloy(*words):
            line = [sys.executable, "-m", "torchalloy.cli", *words]
            return subprocess.run(line, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths})

        return alloy

    return install


def test_a_strangers_command_is_called_with_its_arguments_and_gives_the_status(install):
    done = install("greet")("greet", "a", "--b")
    assert (done.returncode, done.stdout) == (7, "hello a --b\n")


def test_a_strangers_command_is_in_the_help_and_among_the_nearest(install):
    alloy = install("greet")
    assert "greet    Greet somebody. (alloy-greeter)" in alloy("--help").stdout
    assert "no command 'gret'; did you mean 'greet'?" in alloy("gret").stderr


def test_a_broken_plugin_is_named_and_stops_no_built_in_command(install, tmp_path):
    alloy = install("greet", plugin="import nothing_of_that_name\n")
    shown = alloy("--help")
    assert (
        shown.returncode == 0
        and "Commands of other packages can't be listed: plugin 'greeter' of alloy-greeter" in shown.stdout
    )
    assert alloy("runs", "--runs", str(tmp_path)).returncode == 0


def test_a_built_in_commands_name_is_not_a_strangers_to_take(install, tmp_path):
    alloy = install("runs")
    assert alloy("runs", "--runs", str(tmp_path)).stdout.startswith("no runs in")
    assert "'runs' is offered by both" in alloy("--help").stdout


def test_a_plugin_is_seen_from_its_files_alone(install, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/no/such/folder", __file__])
    assert not have_plugins()
    install("greet")
    assert have_plugins()


def test_distributions_called_ours_offer_no_command_beyond_the_table():
    known = {name for _, name, _, _ in COMMANDS}
    offers = Plugins.installed().commands()
    ours = {name for name, offer in offers.items() if offer.source.replace("-", "_") in OURS}
    assert ours == known


def test_every_installed_distribution_of_this_version_that_has_no_command_is_called_ours():
    with_plugin = {
        found.metadata["Name"].replace("-", "_")
        for found in distributions()
        if found.entry_points.select(group="torchalloy")
    }
    offering = {offer.source.replace("-", "_") for offer in Plugins.installed().commands().values()}
    unlisted = {name for name in with_plugin - offering if name.startswith("torchalloy_")} - OURS
    assert unlisted == set(), "add them to OURS, or `alloy --help` loads every plugin for nothing"
