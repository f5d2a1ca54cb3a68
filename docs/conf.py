"""Sphinx builds the pages of this folder, which read just as well where they are (session `docs`)."""

from pathlib import Path

from sphinx.application import Sphinx

project = "torchalloy"
copyright = "2026, torchalloy contributors"
extensions = ["myst_parser"]
root_doc = "README"
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = "torchalloy"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
suppress_warnings = [
    "myst.xref_missing",  # links out of docs/ have no page here; tests/test_docs.py checks them all
    "misc.highlighting_failure",  # a page may show broken YAML or TOML with the message it gets
]

ROOMS = {
    "tutorials": "Tutorials",
    "how-to": "How to",
    "reference": "Reference",
    "explanation": "Explanation",
    "benchmarks": "Benchmarks",
}


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the first page a table of contents of every room; in the repository it would only be noise."""
    if name != root_doc:
        return
    for room, title in ROOMS.items():
        if any(Path(app.srcdir, room).rglob("*.md")):
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {title}\n\n{room}/**\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what this file adds."""
    app.connect("source-read", add_contents)
    return {"parallel_read_safe": True}
