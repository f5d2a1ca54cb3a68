import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import torchalloy.optim
from torchalloy.core import Plugins
from torchalloy.optim import _plugin

README = Path(__file__).parents[1] / "README.md"


def test_face_is_sorted_and_real():
    assert torchalloy.optim.__all__ == sorted(torchalloy.optim.__all__)
    assert all(hasattr(torchalloy.optim, name) for name in torchalloy.optim.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Updat'"):
        _ = torchalloy.optim.Updat


def test_plugin_and_face_bring_no_torch():
    code = """
import sys
import torchalloy.optim._plugin as plugin
plugin.alloy_components()
assert "torch" not in sys.modules, "the plugin brings torch"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_every_component_names_something_that_is_there():
    plugins = Plugins()
    plugins.register(_plugin, "optim")
    offers = plugins.components()
    assert {"optimizer/SGD", "schedule/warmup_cosine", "loss/CrossEntropyLoss"} <= set(offers)
    for offer in offers.values():
        module, _, name = offer.thing.target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("module", ["_parts", "_scalars", "_schedules"])
def test_examples_in_docstrings_are_true(module):
    result = doctest.testmod(importlib.import_module(f"torchalloy.optim.{module}"))
    assert result.attempted and not result.failed


def test_readme_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, str(README), "exec"), {})  # our own page
