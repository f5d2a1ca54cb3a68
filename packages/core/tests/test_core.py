"""What every package relies on: the face, names of errors, places, state, plugins."""

from types import SimpleNamespace

import pytest

import torchalloy.core as core
from torchalloy.core import Command, Place, PluginError, Plugins, SinkFactory, State, did_you_mean, hookimpl, nearest


def test_the_face_is_sorted_and_whole():
    assert core.__all__ == sorted(core.__all__)
    assert all(hasattr(core, name) for name in core.__all__)


def test_a_near_name_is_found_whatever_its_case():
    assert nearest("Learning_Rat", ["learning_rate", "epochs"]) == "learning_rate"
    assert nearest("zzz", ["learning_rate"]) is None
    assert did_you_mean("zzz", []) == "None is known"


def test_a_place_reads_as_editors_jump_to_it():
    assert str(Place("a.yaml", 3, 5)) == "a.yaml:3:5"
    assert str(Place("override 'lr=1'")) == "override 'lr=1'"


def test_state_keeps_its_position_and_not_its_budget():
    state = State(
        epoch=2, max_epochs=9, local_iteration=3, global_iteration=13, stage="train", metrics={"train/loss": 0.5}
    )
    other = State(max_epochs=4)
    other.load_state_dict(state.state_dict())
    assert (other.epoch, other.local_iteration, other.global_iteration, other.stage) == (2, 3, 13, "train")
    assert other.max_epochs == 4
    assert other.metrics == state.metrics and other.metrics is not state.metrics


class Sinks:
    @hookimpl
    def alloy_sinks(self):
        return [SinkFactory("tape", lambda folder: core.NullSink())]

    @hookimpl
    def alloy_commands(self):
        return [Command("zeta", "last", "m:f"), Command("alpha", "first", "m:f")]


def test_offers_are_by_name_with_their_distribution():
    plugins = Plugins()
    plugins.register(Sinks(), "my-tape:plugin")
    assert list(plugins.commands()) == ["alpha", "zeta"]
    assert plugins.sinks()["tape"].source == "my-tape"
    assert plugins.styles() == {}


def test_one_name_offered_twice_names_both_distributions():
    plugins = Plugins()
    plugins.register(Sinks(), "my-tape:plugin")
    plugins.register(Sinks(), "your-tape:plugin")
    with pytest.raises(PluginError, match="'tape' is offered by both my-tape and your-tape"):
        plugins.sinks()


def test_a_hook_of_a_wrong_name_is_an_error():
    @hookimpl
    def alloy_sink():
        return []

    wrong = SimpleNamespace(alloy_sink=alloy_sink)
    with pytest.raises(PluginError, match="my-tape.*alloy_sink"):
        Plugins().register(wrong, "my-tape:plugin")


def test_importing_core_imports_no_torch():
    import subprocess
    import sys

    code = "import torchalloy.core, sys; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
