"""Where output goes: with --json stdout is kept for the one line, whoever else writes to it."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO

__all__ = ["print_table", "stdout_kept"]

_ENDLESS = 10_000  # columns; a pipe has no edge to wrap at


@contextmanager
def stdout_kept(keep: bool) -> Iterator[None]:
    """While the block runs, send to stderr what anyone prints to stdout: Python, C libraries and child processes."""
    if not keep:
        yield
        return
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: fitted to a terminal, at its full width elsewhere."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
    else:
        text = StringIO()
        wide = Console(width=_ENDLESS, highlight=False, file=text)
        wide.print(table)
        print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))
