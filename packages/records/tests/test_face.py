"""What importing the package means."""

import subprocess
import sys

import torchalloy.records as face
from torchalloy.core import Reading, SinkFactory
from torchalloy.records import _plugin

HEAVY = ("torch", "numpy", "rich", "loguru", "tensorboard", "tensorflow", "typer", "pandas")


def test_the_face_is_its_sorted_list() -> None:
    assert face.__all__ == sorted(face.__all__)
    assert all(hasattr(face, name) for name in face.__all__)


def test_importing_brings_nothing_heavy() -> None:
    code = "import sys, torchalloy.records, torchalloy.records._plugin as p; list(p.alloy_sinks()); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(HEAVY) & set(done.stdout.split())


def test_the_plugin_offers_working_sinks_by_name(tmp_path) -> None:
    offered: list[SinkFactory] = list(_plugin.alloy_sinks())
    assert [factory.name for factory in offered] == ["jsonl", "tensorboard", "csv"]
    for factory in offered:
        sink = factory.make(tmp_path)
        sink.write(Reading("train", {"loss": 0.5}, 1, "batches"))
        sink.close()
    assert (tmp_path / "metrics.jsonl").exists() and (tmp_path / "metrics.csv").exists()
