"""The repository is what its map says: distributions alike, in step with each other, and named where they must be."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PATTERNS = ("packages/*/pyproject.toml", "packages/adapters/*/pyproject.toml", "apps/*/pyproject.toml")
FOLDERS = sorted(path.parent for pattern in PATTERNS for path in ROOT.glob(pattern))
CODELESS = ROOT / "packages" / "torchalloy"
WITH_CODE = [folder for folder in FOLDERS if folder != CODELESS]
TORCH_FREE = {"core", "registry", "engine", "config", "di", "records", "cli"}


def settings(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def label(folder: Path) -> str:
    return folder.relative_to(ROOT).as_posix()


def name_of(folder: Path) -> str:
    return str(settings(folder)["project"]["name"])


def requirements(folder: Path, with_extras: bool = True) -> list[Requirement]:
    project = settings(folder)["project"]
    extras = project.get("optional-dependencies", {}).values() if with_extras else []
    return [Requirement(line) for lines in (project.get("dependencies", []), *extras) for line in lines]


def modules_of(folder: Path) -> list[str]:
    source = folder / "src"
    return [".".join(path.parent.relative_to(source).parts) for path in sorted(source.rglob("py.typed"))]


def contracts(kind: str) -> list[dict[str, Any]]:
    return [one for one in settings(ROOT)["tool"]["importlinter"]["contracts"] if one["type"] == kind]


# --- every distribution alike ---


def test_all_packages_of_the_map_are_there():
    services = {"config", "di", "distributed", "records", "checkpoint"}
    wanted = {"core", "registry", "engine", "data", "optim", "runtime", "torchalloy", *services}
    assert wanted <= {folder.name for folder in FOLDERS if folder.parent.name == "packages"}
    assert {folder.name for folder in FOLDERS if folder.parent.name == "adapters"} == {
        "alchemy",
        "flame",
        "flashy",
        "thexp",
        "trainframework",
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=label)
def test_a_distribution_has_a_readme_with_an_install_line(folder):
    assert f"pip install {name_of(folder)}" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", WITH_CODE, ids=label)
def test_a_package_has_src_a_face_a_marker_of_types_and_tests(folder):
    assert len(modules_of(folder)) == 1, "one py.typed, directly in the package"
    (module,) = modules_of(folder)
    face = folder / "src" / Path(*module.split(".")) / "__init__.py"
    assert ast.get_docstring(ast.parse(face.read_text(encoding="utf-8"))), "its face says what it is for"
    assert list((folder / "tests").glob("test_*.py"))
    assert not (folder / "tests" / "__init__.py").exists()


def test_the_namespaces_belong_to_nobody():
    strays = [*ROOT.glob("**/src/torchalloy/__init__.py"), *ROOT.glob("**/src/torchalloy/adapters/__init__.py")]
    assert not strays


def test_the_distribution_without_code_brings_all_others_but_the_example():
    assert not (CODELESS / "src").exists()
    brought = {need.name for need in requirements(CODELESS)}
    example = {"torchalloy", "torchalloy-digits"}
    assert brought == {name_of(folder) for folder in FOLDERS} - example


# --- in step ---


def test_all_versions_are_the_same():
    assert len({settings(folder)["project"]["version"] for folder in FOLDERS}) == 1


def test_packages_pin_each_other_to_that_version():
    version = settings(CODELESS)["project"]["version"]
    pins = {
        f"{label(folder)}: {need}"
        for folder in FOLDERS
        for need in [
            *requirements(folder),
            *map(Requirement, settings(folder).get("dependency-groups", {}).get("test", [])),
        ]
        if need.name.startswith("torchalloy") and str(need.specifier) != f"=={version}"
    }
    assert not pins


def test_the_version_is_in_core_and_in_the_changelog():
    version = settings(CODELESS)["project"]["version"]
    face = (ROOT / "packages/core/src/torchalloy/core/__init__.py").read_text(encoding="utf-8")
    assert f'__version__ = "{version}"' in face
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_pythons_and_licenses_are_the_same():
    said = {(settings(one)["project"]["requires-python"], settings(one)["project"]["license"]) for one in FOLDERS}
    assert said == {(">=3.11", "MIT")}


def test_torch_has_the_same_range_everywhere():
    ranges = {str(need.specifier) for folder in FOLDERS for need in requirements(folder) if need.name == "torch"}
    assert len(ranges) == 1


# --- named where it must be ---


def test_each_package_is_named_in_the_layers():
    layers = contracts("layers")[0]["layers"]
    named = {name for layer in layers for name in re.split(r"[\s|:()]+", layer) if name}
    ours = {
        module.split(".")[1]
        for folder in WITH_CODE
        for module in modules_of(folder)
        if module.startswith("torchalloy.")
    }
    assert named == ours


def test_each_adapter_is_named_as_independent():
    adapters = {module for folder in WITH_CODE for module in modules_of(folder) if ".adapters." in module}
    assert set(contracts("independence")[0]["modules"]) == adapters


def test_each_package_without_torch_is_named_so():
    forbidden = contracts("forbidden")[0]
    assert forbidden["forbidden_modules"] == ["torch"]
    assert {module.split(".")[1] for module in forbidden["source_modules"]} == TORCH_FREE
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    assigned = [node.value for node in tree.body if isinstance(node, ast.Assign) and named(node) == "TORCH_FREE"]
    assert [set(ast.literal_eval(value)) for value in assigned] == [TORCH_FREE]


def named(assignment: ast.Assign) -> str:
    return ast.unparse(assignment.targets[0])


def test_each_source_folder_is_on_the_path_of_mypy():
    path = settings(ROOT)["tool"]["mypy"]["mypy_path"]
    named = {part.strip().removeprefix("$MYPY_CONFIG_FILE_DIR/") for part in path.split(":") if part.strip()}
    assert named == {f"{label(folder)}/src" for folder in WITH_CODE}


def test_each_distribution_is_in_the_workspace_of_uv():
    assert set(settings(ROOT)["tool"]["uv"]["sources"]) >= {name_of(folder) for folder in FOLDERS}


def test_everything_that_is_asked_for_is_pinned():
    lines = (ROOT / "constraints" / "tested.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonical(Requirement(line).name) for line in lines if line and not line.startswith("#")}
    groups = settings(ROOT)["dependency-groups"].values()
    asked = {canonical(Requirement(line).name) for group in groups for line in group} | {"nox"}
    asked |= {canonical(need.name) for folder in FOLDERS for need in requirements(folder)}
    assert {name for name in asked if not name.startswith("torchalloy")} <= pinned
    assert "torch==2.13.0" in lines, "no local version: it would bind everybody to one build"


# --- true to what it declares ---


@pytest.mark.parametrize(
    "folder", [one for one in WITH_CODE if settings(one)["project"].get("entry-points")], ids=label
)
def test_a_plugin_is_declared_where_it_lies(folder):
    for points in settings(folder)["project"]["entry-points"].values():
        for target in points.values():
            assert (folder / "src" / (target.partition(":")[0].replace(".", "/") + ".py")).exists()


@pytest.mark.parametrize("folder", WITH_CODE, ids=label)
def test_a_package_declares_what_it_imports(folder):
    declared = {canonical(need.name) for need in requirements(folder)} | {canonical(name_of(folder))}
    if "torchalloy" in declared:  # a program may ask for everything at once, as a user's project would
        declared |= {canonical(need.name) for one in FOLDERS for need in requirements(one, with_extras=False)}
    missing = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in sorted((folder / "src").rglob("*.py"))
        for module in imports(path)
        if not distributions_of(module) & declared and module.split(".")[0] not in TAKEN_IF_THERE
    }
    assert not missing


# A wheel of torchvision fits one build of torch only, so no extra can name it: users bring it, or an error asks for it.
TAKEN_IF_THERE = {"torchvision"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if foreign(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and foreign(node.module):
            yield node.module


def foreign(module: str) -> bool:
    return module.split(".")[0] not in sys.stdlib_module_names


OURS = {module: name_of(folder) for folder in WITH_CODE for module in modules_of(folder)}
THEIRS = importlib.metadata.packages_distributions()


def distributions_of(module: str) -> set[str]:
    """Return the names of the distributions that may bring `module`: for ours by folder, for others as installed."""
    for ours, name in OURS.items():
        if module == ours or module.startswith(f"{ours}."):
            return {canonical(name)}
    return {canonical(name) for name in THEIRS.get(module.split(".")[0], [])}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_packages_without_torch_declare_none_and_neither_do_their_needs():
    by_name = {name_of(folder): folder for folder in FOLDERS}
    for folder in (one for one in WITH_CODE if one.name in TORCH_FREE):
        waiting, seen = [folder], set()
        while waiting:
            here = waiting.pop()
            seen.add(here)
            needs = {need.name for need in requirements(here, with_extras=False)}
            assert "torch" not in needs, f"{label(folder)} needs torch through {label(here)}"
            waiting += [by_name[name] for name in needs & set(by_name) if by_name[name] not in seen]


def test_importing_the_packages_without_torch_imports_no_torch():
    modules = [module for folder in WITH_CODE if folder.name in TORCH_FREE for module in modules_of(folder)]
    program = f"import sys, {', '.join(modules)}; sys.exit('torch is imported' if 'torch' in sys.modules else 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- what runs it ---


def sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}


def test_ci_runs_the_default_sessions():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "python3 noxfile.py" in script.read_text(encoding="utf-8")


def test_the_workflows_run_sessions_that_exist():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")]
    named = {name for text in texts for line in re.findall(r"noxfile\.py -s ([\w ]+)", text) for name in line.split()}
    assert named
    assert named <= sessions()


def test_the_workflows_pin_every_action_by_hash_and_ask_for_no_rights():
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        assert "permissions:\n  contents: read\n" in text
        assert all(re.search(r"@[0-9a-f]{40} # v\d", line) for line in text.splitlines() if "uses:" in line)
