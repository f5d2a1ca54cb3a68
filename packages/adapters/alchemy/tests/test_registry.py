import subprocess
import sys

import pytest

from torchalloy.adapters.alchemy.model import AlchemyModel
from torchalloy.adapters.alchemy.pipeline import (
    EndStepPipeline,
    EvalPipeline,
    LstDataPipeline,
    OutputPipeline,
    SchedPipeline,
)
from torchalloy.adapters.alchemy.plugins import AlchemyPlugin
from torchalloy.adapters.alchemy.registry import Registrable
from torchalloy.core import UnknownName

USER_MODULE = """
from torchalloy.adapters.alchemy.pipeline import EvalPipeline, OutputPipeline
class Scores: "what the alias is also the name of"
@OutputPipeline.register("Scores")
class AlchemyScores(OutputPipeline):
    def __init__(self, factor=1, **kwargs):
        self.factor, self.kwargs = factor, kwargs
    def __call__(self, outputs, inputs):
        return outputs
@EvalPipeline.register("Scores")
class EvalScores(EvalPipeline):
    def __call__(self, split):
        return {}
"""
SCRIPT = """
from torchalloy.adapters.alchemy.pipeline import OutputPipeline
import multiprocessing
@OutputPipeline.register()
class Mine(OutputPipeline):
    def __call__(self, outputs, inputs):
        return outputs
def look(_=None):
    return OutputPipeline.resolve_registered_module("entry_script.Mine").__name__
if __name__ == "__main__":
    print(look())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(look, [0])[0])
"""


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    (tmp_path / "user_pipes.py").write_text(USER_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("user_module")
def test_an_alias_stands_for_the_registered_class_and_not_for_an_attribute():
    found = OutputPipeline.resolve_registered_module("user_pipes.Scores")
    assert found.__name__ == "AlchemyScores"
    assert OutputPipeline.resolve_registered_module("user_pipes.AlchemyScores") is found
    assert EvalPipeline.resolve_registered_module("user_pipes.Scores").__name__ == "EvalScores"


@pytest.mark.usefixtures("user_module")
def test_the_whole_table_is_passed_and_type_dropped_only_where_nothing_takes_it():
    pipe = OutputPipeline.from_registry("user_pipes.Scores", type="user_pipes.Scores", factor=2, other=3)
    assert (pipe.factor, pipe.kwargs) == (2, {"type": "user_pipes.Scores", "other": 3})
    assert EvalPipeline.from_registry("user_pipes.EvalScores", type="user_pipes.EvalScores")("dev") == {}


def test_a_name_is_registered_once_unless_replaced():
    class Family(Registrable):
        pass

    def member():
        return type("Same", (), {"__module__": "some.module"})

    first, second = member(), member()
    Family.register()(first)
    Family.register()(first)
    with pytest.raises(KeyError, match="registered already"):
        Family.register()(second)
    Family.register(exist_ok=True)(second)
    assert Family.resolve_registered_module("some.module.Same") is second


def test_running_the_same_code_again_is_no_conflict():
    class Family(Registrable):
        pass

    def execute():
        return Family.register()(type("Again", (), {"__module__": "some.module"}))

    execute()
    again = execute()
    assert Family.resolve_registered_module("some.module.Again") is again


def test_an_alias_with_a_dot_is_refused_by_register_itself():
    with pytest.raises(NameError, match="no dot"):
        AlchemyModel.register("models.Tagger")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alchemy.plugins.FileLoger", "did you mean 'alchemy.plugins.FileLogger'"),
        ("alchemy.plugin.FileLogger", "there is no module"),
        ("FileLogger", "dotted path"),
    ],
)
def test_a_misspelt_type_is_told_with_the_family_and_the_nearest_name(name, expected):
    with pytest.raises(KeyError) as caught:
        AlchemyPlugin.resolve_registered_module(name)
    assert isinstance(caught.value, UnknownName)
    assert "AlchemyPlugin" in str(caught.value)
    assert expected in str(caught.value)


def test_a_family_without_members_says_so():
    class Lonely(Registrable):
        pass

    with pytest.raises(RuntimeError, match="Lonely"):
        Lonely.resolve_registered_module("os.path.join")


def test_an_error_inside_the_users_module_comes_through_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import a_package_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="a_package_nobody_has"):
        OutputPipeline.resolve_registered_module("needs_more.Pipe")


def test_a_class_registered_on_a_subclass_of_the_family_is_found():
    @EndStepPipeline.register()
    class Misplaced(EndStepPipeline):
        pass

    assert SchedPipeline.resolve_registered_module(f"{__name__}.Misplaced") is Misplaced


def test_a_schedule_pipe_without_a_moment_is_refused():
    class Momentless(SchedPipeline):
        pass

    with pytest.raises(ValueError, match="BeginEpochPipeline"):
        Momentless()


def test_a_data_pipe_gets_the_pipe_before_it_first():
    from torchalloy.adapters.alchemy.pipeline import DataPipeline

    @DataPipeline.register()
    class Doubled(LstDataPipeline):
        def __init__(self, before, times, **kwargs):
            super().__init__(before)
            self.times = times

        def __getitem__(self, index):
            return self.datapipe[index] * self.times

        def __len__(self):
            return len(self.datapipe)

    pipe = DataPipeline.from_registry(f"{__name__}.Doubled", [1, 2], type="x", times=2)
    assert list(pipe) == [2, 4]


def test_a_class_of_the_script_that_was_started_is_found_with_a_warning(tmp_path):
    (tmp_path / "entry_script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "entry_script.py"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.split() == ["Mine", "Mine"]
    assert done.stderr.count("WARNING") == 2
