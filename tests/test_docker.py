"""The images: the bake file is the matrix, and the matrix stands on what was tested."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MATRIX = tomllib.loads((ROOT / "docker" / "matrix.toml").read_text(encoding="utf-8"))
BAKE = json.loads((ROOT / "docker" / "docker-bake.json").read_text(encoding="utf-8"))


def test_the_bake_file_is_what_the_script_makes():
    program = "import bake; print(bake.bake_file(), end='')"
    made = subprocess.run(
        [sys.executable, "-B", "-c", program], cwd=ROOT / "docker", capture_output=True, text=True, check=True
    )
    assert made.stdout == (ROOT / "docker" / "docker-bake.json").read_text(encoding="utf-8")


def test_there_is_a_target_for_each_build_of_torch():
    assert list(MATRIX["target"]) == ["cpu", "cu126", "cu130", "cu132", "rocm72"] == list(BAKE["target"])


def test_the_images_hold_the_torch_that_was_tested():
    assert f"torch=={MATRIX['torch']}" in (ROOT / "constraints" / "tested.txt").read_text(encoding="utf-8").splitlines()


def test_the_dockerfile_takes_every_argument_that_the_bake_file_gives():
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    given = {name for target in BAKE["target"].values() for name in target["args"]}
    assert all(f"ARG {name}" in text for name in given)


def test_the_image_runs_alloy_and_not_as_root():
    lines = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert 'ENTRYPOINT ["alloy"]' in lines
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]


def test_no_line_of_the_dockerfile_asks_a_registry_for_its_syntax():
    assert not (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8").startswith("# syntax")
