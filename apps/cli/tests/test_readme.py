"""The README's code runs."""

import re
import runpy
from pathlib import Path

import pytest

BLOCKS = re.findall(r"^```python\n(.*?)^```", (Path(__file__).parents[1] / "README.md").read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize("code", BLOCKS)
def test_code_block_runs(code, tmp_path):
    (tmp_path / "block.py").write_text(code, "utf-8")
    runpy.run_path(str(tmp_path / "block.py"))


def test_there_is_code():
    assert BLOCKS
