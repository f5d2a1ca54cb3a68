"""Look into each wheel of a folder: exactly the package's files, its marker of types, its entry points, its needs.

    python tests/wheelhouse.py build/wheelhouse

Run by the session `wheels`. Prints a line for each wheel; ends with 1 and every problem where there is one.
"""

import configparser
import email
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PATTERNS = ("packages/*/pyproject.toml", "packages/adapters/*/pyproject.toml", "apps/*/pyproject.toml")


def main(wheelhouse: Path) -> int:
    """Check all wheels and source archives in `wheelhouse` against the tree; return the exit code."""
    problems = []
    for declared in sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern)):
        project = tomllib.loads(declared.read_text(encoding="utf-8"))["project"]
        stem = f"{project['name'].replace('-', '_')}-{project['version']}"
        found = [f"{stem}: {problem}" for problem in problems_of(wheelhouse, stem, declared.parent, project)]
        print(f"{'wrong' if found else 'right'}  {stem}")
        problems += found
    print("\n".join(problems) or "every wheel holds what its folder says")
    return 1 if problems else 0


def problems_of(wheelhouse: Path, stem: str, folder: Path, project: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one distribution's wheel and source archive."""
    wheel, archive = wheelhouse / f"{stem}-py3-none-any.whl", wheelhouse / f"{stem}.tar.gz"
    if not wheel.exists() or not archive.exists():
        yield "not built"
        return
    with zipfile.ZipFile(wheel) as opened:
        texts = {
            name: opened.read(name).decode() for name in opened.namelist() if name.startswith(f"{stem}.dist-info/")
        }
        code = {name for name in opened.namelist() if name not in texts}
    yield from wrong_files(code, folder)
    yield from wrong_entry_points(texts.get(f"{stem}.dist-info/entry_points.txt", ""), project)
    yield from wrong_needs(texts[f"{stem}.dist-info/METADATA"], project)
    with tarfile.open(archive) as opened_archive:
        if f"{stem}/README.md" not in opened_archive.getnames():
            yield "the source archive has no README.md"


def wrong_files(code: set[str], folder: Path) -> Iterator[str]:
    """Yield what a wheel holds too much or too little beside what `src` holds."""
    source = folder / "src"
    files = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    wanted = {
        file.as_posix() for file in files if not any(part.startswith((".", "__pycache__")) for part in file.parts)
    }
    yield from (f"lacks {name}" for name in sorted(wanted - code))
    yield from (f"holds {name}, which is not in src" for name in sorted(code - wanted))
    yield from (f"holds {name}: the namespace belongs to nobody" for name in sorted(code & NOBODYS))
    if source.is_dir() and not any(name.endswith("/py.typed") for name in code):
        yield "lacks py.typed"


NOBODYS = {"torchalloy/__init__.py", "torchalloy/adapters/__init__.py"}


def wrong_entry_points(text: str, project: dict[str, Any]) -> Iterator[str]:
    """Yield entry points that the wheel has and pyproject.toml doesn't declare, or the other way round."""
    parser = configparser.ConfigParser()
    parser.read_string(text)
    found = {(group, name, target) for group in parser.sections() for name, target in parser[group].items()}
    declared = {("console_scripts", *item) for item in project.get("scripts", {}).items()}
    for group, points in project.get("entry-points", {}).items():
        declared |= {(group, *item) for item in points.items()}
    yield from (f"entry point {' '.join(point)} is in one of wheel and pyproject.toml" for point in found ^ declared)


def wrong_needs(text: str, project: dict[str, Any]) -> Iterator[str]:
    """Yield needs that the wheel's metadata lacks."""
    said = email.message_from_string(text)
    needs = {str(Requirement(line)) for line in said.get_all("Requires-Dist", [])}
    wanted = {str(Requirement(line)) for line in project.get("dependencies", [])}
    yield from (f"its metadata lacks the need {need}" for need in sorted(wanted - needs))
    if said["Requires-Python"] != project["requires-python"]:
        yield f"its metadata asks for Python {said['Requires-Python']}"


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
