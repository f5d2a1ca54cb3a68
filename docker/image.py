"""Build an image of docker/matrix.toml and run it: its user, `alloy --version`, and the digits.

    python docker/image.py [TARGET]

With docker where its daemon answers, otherwise with buildah (as root, without a daemon). Where buildah can't pull the
base image, debootstrap makes a Debian in its place, if it is installed, and a line says so.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import bake

ROOT = Path(__file__).resolve().parent.parent
TRAIN = ("train", "--config", "configs/digits/process.yaml")
MADE_BASE = "localhost/torchalloy-base:bookworm"
PULL_TIMEOUT_S = 600


def main(name: str) -> None:
    """Build and run the target called `name`."""
    targets = bake.matrix()["target"]
    if name not in targets:
        fail(f"no target {name!r} in docker/matrix.toml; there are {', '.join(targets)}")
    if answers("docker", "info"):
        build_and_run_with_docker(name, bake.arguments(targets[name]))
    elif shutil.which("buildah"):
        build_and_run_with_buildah(name, bake.arguments(targets[name]))
    else:
        fail("neither a docker daemon answers nor is buildah here (Debian: apt install buildah debootstrap)")
    print(f"image: torchalloy:{name} was built and has trained the digits")


def build_and_run_with_docker(name: str, arguments: dict[str, str]) -> None:
    """Build with BuildKit and run each command in a container of its own."""
    tag = f"torchalloy:{name}"
    run("docker", "build", "--file", "docker/Dockerfile", "--tag", tag, *as_options(arguments), ".")
    told = output("docker", "image", "inspect", "--format", "{{json .Config}}", tag)
    check_settings(json.loads(told))
    for words in (("--version",), TRAIN):
        run("docker", "run", "--rm", tag, *words)


def build_and_run_with_buildah(name: str, arguments: dict[str, str]) -> None:
    """Build and run in a chroot: no daemon, no registry where the base is made here."""
    tag = f"localhost/torchalloy:{name}"
    arguments, volumes = with_private_sources({**arguments, "BASE_IMAGE": base_for_buildah(arguments["BASE_IMAGE"])})
    isolation = ("--isolation", "chroot", "--network", "host")
    options = (*isolation, "--pull-never", "--layers", *as_options(arguments), *volumes)
    run("buildah", "bud", *options, "--file", "docker/Dockerfile", "--tag", tag, ".")
    container = output("buildah", "from", "--pull-never", tag)
    try:
        check_settings(json.loads(output("buildah", "inspect", "--type", "image", tag))["OCIv1"]["config"])
        inside = ("buildah", "run", *isolation, container, "--")
        if (user := output(*inside, "id", "-un")) != "alloy":
            fail(f"the image runs as {user}, not as alloy")
        for words in (("--version",), TRAIN):
            run(*inside, "alloy", *words)
    finally:
        run("buildah", "rm", container)


def check_settings(settings: dict[str, object]) -> None:
    """Fail unless the image runs `alloy` as its own user."""
    found = settings.get("Entrypoint"), settings.get("User")
    if found != (["alloy"], "10001:10001"):
        fail(f"the image's entry point and user are {found}, not alloy and 10001")


def base_for_buildah(base: str) -> str:
    """Return the base if it can be had, else one made by debootstrap."""
    reference = base if "." in base.split("/")[0] else f"docker.io/{base if '/' in base else f'library/{base}'}"
    if answers("buildah", "inspect", "--type", "image", reference) or answers("buildah", "pull", reference):
        return reference
    if shutil.which("debootstrap") is None:
        fail(
            f"{reference} can't be pulled, and debootstrap isn't here to make a base (Debian: apt install debootstrap)"
        )
    print(f"image: {reference} can't be pulled; the base is a Debian bookworm made by debootstrap", flush=True)
    if not answers("buildah", "inspect", "--type", "image", MADE_BASE):
        make_base()
    return MADE_BASE


def make_base() -> None:
    """Make `MADE_BASE`: a minimal Debian with Python and venv."""
    packages = "--include=python3,python3-venv,python3-pip,ca-certificates"
    with tempfile.TemporaryDirectory(prefix="torchalloy-base-") as folder:
        run("debootstrap", "--variant=minbase", packages, "bookworm", folder)
        container = output("buildah", "from", "scratch")
        run("buildah", "add", "--quiet", container, folder, "/")
        run("buildah", "commit", "--quiet", "--rm", container, MADE_BASE)


def with_private_sources(arguments: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Add this machine's own certificate and wheel folder, if pip is told of such, and mount both read-only."""
    private = {
        name: os.environ[name]
        for name in ("PIP_CERT", "PIP_FIND_LINKS")
        if Path(os.environ.get(name, "")).is_absolute()
    }
    if "PIP_FIND_LINKS" in private:
        arguments = {**arguments, "TORCH_INDEX": ""}
        print(f"image: torch comes from {private['PIP_FIND_LINKS']}, as PIP_FIND_LINKS says", flush=True)
    volumes = [word for path in private.values() for word in ("--volume", f"{path}:{path}:ro")]
    return {**arguments, **private}, volumes


def as_options(arguments: dict[str, str]) -> list[str]:
    """Return build arguments as words of a command line."""
    return [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]


def run(*command: str) -> None:
    """Run a command at the root of the repository; end with its code where it fails."""
    print(f"image: {' '.join(command[:3])} ...", flush=True)
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        fail(f"{' '.join(command)} ended with {code}")


def output(*command: str) -> str:
    """Return what a command prints."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def answers(*command: str) -> bool:
    """Return whether a command is here and succeeds."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=PULL_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def fail(message: str) -> NoReturn:
    """End with one line that says what is wrong."""
    raise SystemExit(f"image: {message}")


def chosen(words: Sequence[str]) -> str:
    """Return the target that the command line names."""
    if len(words) > 1:
        fail("one target at a time")
    return words[0] if words else "cpu"


if __name__ == "__main__":
    main(chosen(sys.argv[1:]))
