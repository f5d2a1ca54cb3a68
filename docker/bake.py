"""Write docker/docker-bake.json from docker/matrix.toml.

python docker/bake.py
docker buildx bake -f docker/docker-bake.json cpu
"""

import json
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
INDEX = "https://download.pytorch.org/whl"


def matrix() -> dict[str, Any]:
    """Return what matrix.toml says."""
    return tomllib.loads((HERE / "matrix.toml").read_text(encoding="utf-8"))


def arguments(target: dict[str, str]) -> dict[str, str]:
    """Return the build arguments of one target."""
    return {"BASE_IMAGE": target["base"], "TORCH_INDEX": f"{INDEX}/{target['variant']}"}


def bake_file() -> str:
    """Return the whole bake file; paths in it are relative to the root of the repository."""
    targets = matrix()["target"]
    recipes = {
        name: {
            "context": ".",
            "dockerfile": "docker/Dockerfile",
            "target": "runtime",
            "args": arguments(target),
            "tags": [f"torchalloy:{name}"],
        }
        for name, target in targets.items()
    }
    return json.dumps({"group": {"default": {"targets": ["cpu"]}}, "target": recipes}, indent=2) + "\n"


if __name__ == "__main__":
    (HERE / "docker-bake.json").write_text(bake_file(), encoding="utf-8")
