"""Names and dotted paths: what is found, and what a wrong one is told."""

import importlib
import subprocess
import sys

import pytest

import torchalloy.registry
from torchalloy.core import AlloyError, PluginError, UnknownName
from torchalloy.registry import Registry, import_path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A user's package on sys.path, with a good module, a broken one, and one that needs what isn't installed."""
    folder = tmp_path / "usercode"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "net.py").write_text("class Net:\n    class Small:\n        pass\nNone_ = None\n")
    (folder / "helper.py").write_text("def explode():\n    raise ValueError('no such size')\n")
    (folder / "broken.py").write_text("from usercode.helper import explode\n\nexplode()\n")
    (folder / "needy.py").write_text("import a_library_nobody_has\n")
    (folder / "typo.py").write_text("def f(:\n    pass\n")
    (folder / "quits.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "usercode"]:
        del sys.modules[name]


def test_face_is_sorted():
    assert torchalloy.registry.__all__ == sorted(torchalloy.registry.__all__)


def test_a_registered_name_wins_over_a_module_of_that_name():
    registry = Registry()
    registry.add("model", "os.path", dict, "mine")
    assert registry.find("os.path", "model") is dict


@pytest.mark.parametrize("path", ["usercode.net.Net.Small", "usercode.net:Net.Small"])
def test_a_dotted_path_reaches_nested_attributes_of_modules_nobody_imported(package, path):
    assert Registry().find(path).__qualname__ == "Net.Small"


def test_a_path_may_lead_to_none(package):
    assert import_path("usercode.net.None_") is None


def test_a_lazy_target_is_imported_when_first_asked_for(package):
    registry = Registry()
    registry.add("model", "net", "usercode.net:Net", "user")
    assert "usercode.net" not in sys.modules
    assert registry.find("net", "model") is registry.find("net", "model") is sys.modules["usercode.net"].Net


def test_without_a_kind_all_kinds_are_looked_through():
    registry = Registry()
    registry.add("loss", "total", sum, "a")
    assert registry.find("total") is sum
    registry.add("metric", "total", max, "b")
    with pytest.raises(AlloyError, match="more than one kind: loss, metric"):
        registry.find("total")


def test_an_unknown_name_is_told_the_nearest_of_its_kind():
    registry = Registry()
    registry.add("optimizer", "adam", dict, "a")
    registry.add("loss", "adamant", dict, "a")
    with pytest.raises(UnknownName, match=r"no optimizer named 'adm'.*did you mean 'adam'. Known: adam$"):
        registry.find("adm", "optimizer")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("usercode.nett.Net", "no module 'usercode.nett'|has no 'nett'; did you mean 'net'"),
        ("usercode.nett:Net", "no module 'usercode.nett'; did you mean 'usercode.net'"),
        ("usercod.net.Net", "no module 'usercod'; did you mean 'usercode'"),
        ("usercode.net.Nets", "module 'usercode.net' has no 'Nets'; did you mean 'Net'"),
        ("usercode.net.Net.Smal", "'Net' has no 'Smal'; did you mean 'Small'"),
        ("usercode.net.", "no dotted path"),
    ],
)
def test_a_wrong_part_of_a_path_is_named_with_the_nearest(package, path, message):
    with pytest.raises(UnknownName, match=message):
        import_path(path)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("broken", "'usercode.broken' can't be imported: ValueError: no such size .*helper.py:2"),
        ("needy", "ModuleNotFoundError: No module named 'a_library_nobody_has' .*needy.py:1"),
        ("typo", "SyntaxError: .*typo.py:1"),
        ("quits", "SystemExit: 3 .*quits.py:2"),
    ],
)
def test_a_module_that_fails_to_import_is_an_error_with_the_users_file_and_line(package, module, message):
    with pytest.raises(AlloyError, match=message) as raised:
        import_path(f"usercode.{module}.Net")
    assert not isinstance(raised.value, UnknownName)


def test_a_lazy_target_that_is_gone_names_its_distribution(package):
    registry = Registry()
    registry.add("model", "net", "usercode.net:Gone", "user-models")
    with pytest.raises(UnknownName, match=r"model 'net' of user-models: .*has no 'Gone'"):
        registry.find("net", "model")


def test_a_name_from_two_distributions_is_an_error_naming_both():
    registry = Registry()
    registry.add("model", "net", "a.b:C", "first-dist")
    with pytest.raises(PluginError, match=r"model 'net'.*first-dist.*second-dist"):
        registry.add("model", "net", "d.e:F", "second-dist")


def test_one_source_may_register_its_reloaded_class_again(package):
    registry = Registry()
    module = importlib.import_module("usercode.net")
    registry.add("model", "Net", module.Net, "notebook")
    importlib.reload(module)
    registry.add("model", "Net", module.Net, "notebook")
    assert registry.find("Net", "model") is module.Net
    with pytest.raises(PluginError, match="notebook"):
        registry.add("model", "Net", dict, "notebook")


def test_names_kinds_and_sources_are_told():
    registry = Registry()
    registry.add("model", "b", dict, "one")
    registry.add("model", "a", dict, "two")
    registry.add("loss", "c", dict, "one")
    assert registry.kinds() == ["loss", "model"]
    assert (registry.names("model"), registry.names("")) == (["a", "b"], ["a", "b", "c"])
    assert registry.source("a", "model") == "two"
    with pytest.raises(UnknownName, match="no model named 'z'"):
        registry.source("z", "model")


def test_importing_it_imports_no_torch():
    code = "import sys, torchalloy.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
