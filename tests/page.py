"""Run the code of one Markdown page from top to bottom, as a reader would: a new process, an empty folder.

    python tests/page.py PAGE

What a fence says behind its language decides:

    ```python                        runs; all such blocks of a page share their names
    ```console or ```bash            each `alloy ...` line runs (with or without a `$`), other lines are for the reader
    ```yaml file=configs/a.yaml      any language: the block is written to that file, and not run
    ```console exit=2                the commands end with this code
    ```python norun <reason>         not run, for the reason given

The folder `configs` is there, as in a clone.
"""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)$")
SHELLS = ("console", "bash", "sh", "shell")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what its fence says, its text without the fence's indent, and the line (from 1) it begins at."""

    info: str
    text: str
    line: int

    @property
    def language(self) -> str:
        """The first word of the fence."""
        return self.info.split()[0] if self.info.split() else ""

    def option(self, name: str) -> str | None:
        """Return the value of `name=value` in the fence."""
        found = re.search(rf"(?:^|\s){name}=(\S+)", self.info)
        return found[1] if found else None

    @property
    def why_not_run(self) -> str | None:
        """The reason that follows `norun`; "" where none is given."""
        found = re.search(r"(?:^|\s)norun(?:\s+(.*))?$", self.info)
        return (found[1] or "").strip() if found else None

    @property
    def runs(self) -> bool:
        """Whether something of it is run or written."""
        if self.why_not_run is not None:
            return False
        if self.option("file") or self.language == "python":
            return True
        return self.language in SHELLS and any(commands(self))


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page; a block that isn't closed is an error."""
    opened, start = None, 0
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened, start, lines = fence, number + 1, []
        elif opened and fence and fence["ticks"].startswith(opened["ticks"]) and not fence["info"].strip():
            yield Block(opened["info"].strip(), "\n".join(lines) + "\n", start)
            opened = None
        elif opened:
            lines.append(line.removeprefix(opened["indent"]))
    if opened:
        raise ValueError(f"{page}:{start - 1}: this block isn't closed")


def commands(block: Block) -> Iterator[list[str]]:
    """Yield the `alloy` commands of a block, lines that end with a backslash joined."""
    for line in block.text.replace("\\\n", " ").splitlines():
        command = line.strip().removeprefix("$ ")
        if command.split()[:1] == ["alloy"]:
            yield shlex.split(command, comments=True)


def run_page(page: Path) -> None:
    """Run all blocks of `page` in the present folder."""
    if (ROOT / "configs").is_dir():
        shutil.copytree(ROOT / "configs", "configs", dirs_exist_ok=True)
    sys.path.insert(0, "")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.runs:
            run_block(block, page, namespace)


def run_block(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    """Write, execute, or hand to the shell what one block holds."""
    if file := block.option("file"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        # Empty lines in front make a traceback name the page's own lines.
        exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), namespace)
    else:
        for command in commands(block):
            run_command(command, int(block.option("exit") or 0), f"{page}:{block.line}")


def run_command(command: list[str], wanted: int, where: str) -> None:
    """Run one command; end the page where it doesn't end as wanted."""
    print("$", shlex.join(command), flush=True)
    code = subprocess.run(command, check=False).returncode
    if code != wanted:
        raise SystemExit(f"{where}: `{shlex.join(command)}` ended with {code}, not {wanted}")


if __name__ == "__main__":
    run_page(Path(sys.argv[1]).resolve())
