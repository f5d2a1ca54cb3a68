"""The documentation is true: its code runs, its links lead somewhere, and its pages stand in their rooms."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE_TIMEOUT_S = 280
PATTERNS = ("*.md", "docs/**/*.md", "packages/*/README.md", "packages/adapters/*/README.md", "apps/*/README.md")
PAGES = sorted(page for pattern in PATTERNS for page in ROOT.glob(pattern))


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("torchalloy_tests_page", ROOT / "tests" / "page.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


runner = load_runner()
RUNNABLE = [page for page in PAGES if any(block.runs for block in runner.blocks(page))]


def label(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.docs
@pytest.mark.parametrize("page", RUNNABLE, ids=label)
def test_the_code_of_a_page_runs(page, tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "page.py"), str(page)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PAGE_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_a_block_that_is_not_run_says_why(page):
    silent = [block.line for block in runner.blocks(page) if block.why_not_run == ""]
    assert not silent, f"{label(page)}: `norun` needs a reason, at lines {silent}"


@pytest.mark.parametrize("page", PAGES, ids=label)
def test_the_links_of_a_page_lead_somewhere(page):
    broken = [f"{label(page)}: {problem}" for target in links(page) if (problem := wrong_with(target, page))]
    assert not broken


def prose(page: Path) -> str:
    """Return a page without its code: neither fenced blocks nor code spans hold links."""
    kept, fence = [], None
    for line in page.read_text(encoding="utf-8").splitlines():
        ticks = runner.FENCE.match(line)
        if ticks and fence is None:
            fence = ticks["ticks"]
        elif ticks and ticks["ticks"].startswith(fence) and not ticks["info"].strip():
            fence = None
        elif fence is None:
            kept.append(line)
    return "\n".join(kept)


def links(page: Path) -> Iterator[str]:
    """Yield the targets of inline links, of images, and of reference definitions."""
    text = re.sub(r"`[^`\n]*`", "`code`", prose(page))
    yield from re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", text)
    yield from re.findall(r"^ {0,3}\[[^\]]+\]:\s+(\S+)", text, flags=re.MULTILINE)


def wrong_with(target: str, page: Path) -> str | None:
    """Return what is wrong with a link inside the repository; addresses outside are not asked."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    name, _, anchor = unquote(target).partition("#")
    path = (page.parent / name).resolve() if name else page
    if not path.is_relative_to(ROOT):
        return f"{target} leads out of the repository"
    if not path.exists():
        return f"{target} is not there"
    if anchor and path.suffix == ".md" and anchor not in anchors(path):
        return f"{target}: no such heading; there are {', '.join(sorted(anchors(path)))}"
    return None


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes from a page's headings."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", prose(page), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "") for heading in headings]
    return {re.sub(r"\s", "-", re.sub(r"[^\w\- ]", "", heading.lower())) for heading in plain}


def test_the_documentation_has_four_rooms_and_each_page_stands_in_one():
    rooms = {"tutorials", "how-to", "reference", "explanation", "benchmarks"}
    elsewhere = [
        label(page)
        for page in PAGES
        if page.is_relative_to(ROOT / "docs") and page.parts[len(ROOT.parts) + 1] not in rooms
    ]
    assert elsewhere == ["docs/README.md"]


def test_a_page_runs_from_top_to_bottom_and_says_where_it_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nx = 1\n```\n```yaml file=a/b.yaml\nx: 1\n```\n"
        "```python norun it would fail\n1 / 0\n```\n"
        "```python\nassert open('a/b.yaml').read() == 'x: 1\\n'\nprint('seen', x)\nundefined\n```\n"
    )
    command = [sys.executable, str(ROOT / "tests" / "page.py"), str(page)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "seen 1" in done.stdout
    assert f'page.md", line {13}, in <module>' in done.stderr
    assert "NameError" in done.stderr
