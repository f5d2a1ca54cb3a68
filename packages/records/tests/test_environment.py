"""What the summary says of the machine."""

import json
import platform
import subprocess
import sys

from torchalloy.core import __version__
from torchalloy.records import describe_environment


def test_the_environment_is_plain_and_small() -> None:
    said = describe_environment()
    assert said["python"] == platform.python_version() and said["torchalloy"] == __version__
    assert set(said) == {"python", "platform", "torch", "torchalloy"}
    assert json.loads(json.dumps(said)) == said


def test_torchs_version_is_told_without_loading_it() -> None:
    code = "import sys; from torchalloy.records import describe_environment as d; d(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_loaded_torch_is_asked_first(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    sys.modules["torch"].__version__ = "9.9"
    assert describe_environment()["torch"] == "9.9"
