import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import torchalloy.data
from torchalloy.core import Plugins
from torchalloy.data import _plugin

README = Path(__file__).parents[1] / "README.md"


def test_face_is_sorted_and_real():
    assert torchalloy.data.__all__ == sorted(torchalloy.data.__all__)
    assert all(hasattr(torchalloy.data, name) for name in torchalloy.data.__all__)


def test_plugin_and_face_bring_no_torch_and_using_them_neither_sklearn_nor_cv2():
    code = """
import sys
import torchalloy.data._plugin as plugin
plugin.alloy_components()
assert "torch" not in sys.modules, "the plugin brings torch"
from torchalloy.data import *
assert Loader and Replay and digits()
assert not {"sklearn", "cv2"} & set(sys.modules), "too much"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Loadr'"):
        _ = torchalloy.data.Loadr


def test_every_component_names_something_that_is_there():
    plugins = Plugins()
    plugins.register(_plugin, "data")
    offers = plugins.components()
    assert set(offers) == {"dataset/digits", "loader/Loader"}
    for offer in offers.values():
        module, _, name = offer.thing.target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_examples_in_docstrings_are_true():
    assert doctest.testmod(importlib.import_module("torchalloy.data._order")).failed == 0


def test_readme_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(README), "exec"), {})  # our own page
