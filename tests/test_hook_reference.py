"""The reference page of the hooks says what the live specifications say, and its real users are real."""

import inspect
import re
from pathlib import Path

import pytest

from torchalloy.core import HookSpecs

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "hooks.md"
SPECS = {name: spec for name, spec in vars(HookSpecs).items() if hasattr(spec, "torchalloy_spec")}


def sections() -> dict[str, str]:
    """Return the page's text about each hook."""
    parts = re.split(r"^## (\w+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def signature(name: str) -> str:
    """Return how the page writes a specification's signature: without `self`."""
    returned = inspect.signature(SPECS[name]).return_annotation
    said = re.sub(r"[\w.]+\.(\w+)", r"\1", str(returned))
    return f"def {name}() -> {said}"


def test_every_hook_has_its_section_in_the_order_of_the_specifications():
    assert [name for name in sections() if name.startswith("alloy_")] == list(SPECS)


@pytest.mark.parametrize("name", SPECS)
def test_a_section_says_signature_meaning_moment_and_example(name):
    section = " ".join(sections()[name].split())
    assert signature(name) in section
    assert inspect.getdoc(SPECS[name]).splitlines()[0] in section
    assert "**When:**" in section
    assert f"@hookimpl def {name}():" in section


@pytest.mark.parametrize("name", SPECS)
def test_the_real_user_of_a_hook_defines_it(name):
    user = re.search(r"\*\*A real user:\*\*.*?\]\(([^)]+)\)", sections()[name])
    assert user, f"{name}: no real user"
    assert f"def {name}(" in (PAGE.parent / user[1]).read_text(encoding="utf-8")
