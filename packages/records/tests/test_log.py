"""One log file for loguru, the standard logging, and everybody's code."""

import logging
import subprocess
import sys

import pytest

from torchalloy.core import RunError
from torchalloy.records import open_log

PRELUDE = """
import logging, sys
from pathlib import Path
from torchalloy.records import open_log
path = Path(sys.argv[1], "log.txt")
"""


def run(code, folder):
    """Run `code` in a process of its own, as logging belongs to the whole process; return its standard error."""
    command = [sys.executable, "-c", PRELUDE + code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def test_the_file_takes_loguru_and_logging_and_the_console_shows_what_it_would_anyway(tmp_path) -> None:
    console = run(
        """
with open_log(path):
    from loguru import logger
    logger.info("from loguru {braces}")
    logging.getLogger("myproject.model").info("from user %d", 1)
    logging.getLogger("torchalloy.engine").info("from us")
    logging.getLogger("torchalloy.engine").debug("too low")
    logging.getLogger("lib").warning("a warning <b>")
    logging.log(25, "own level")
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("went wrong")
logging.getLogger("myproject").warning("after")
""",
        tmp_path,
    )
    lines = (tmp_path / "log.txt").read_text().splitlines()
    texts = [line.split(" | ")[-1] for line in lines if " | " in line]
    assert texts == ["from loguru {braces}", "from user 1", "from us", "a warning <b>", "own level", "went wrong"]
    assert " | INFO     | myproject.model:" in lines[1]
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "INFO     from loguru {braces}\n" in console and "WARNING  a warning <b>\n" in console
    assert "from user" not in console and "from us" not in console
    assert console.endswith("after\n")


def test_what_the_user_set_up_is_left_alone(tmp_path) -> None:
    console = run(
        """
from loguru import logger
logger.remove()
logger.add(sys.stderr, format="MINE {message}")
logging.basicConfig(format="THEIRS %(message)s", level=logging.WARNING)
before = logging.getLogger().level, list(logging.getLogger().handlers)
with open_log(path):
    logger.info("one")
    logging.getLogger("x").warning("two")
    logging.getLogger("x").info("three")
assert before == (logging.getLogger().level, logging.getLogger().handlers)
logger.info("four")
""",
        tmp_path,
    )
    assert console.splitlines() == ["MINE one", "THEIRS two", "MINE two", "MINE four"]
    texts = [line.split(" | ")[-1] for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert texts == ["one", "two"]


def test_each_rank_has_its_own_file_and_only_the_first_talks(tmp_path) -> None:
    console = run(
        """
from loguru import logger
with open_log(path, rank=2) as log:
    logger.info("quiet")
    logger.warning("loud")
assert log.path.name == "log.2.txt"
""",
        tmp_path,
    )
    assert console == "WARNING  loud\n"
    assert [path.name for path in tmp_path.iterdir()] == ["log.2.txt"]


def test_logs_open_together_tell_each_message_once(tmp_path) -> None:
    run(
        """
with open_log(path):
    with open_log(path.with_name("inner.txt")):
        logging.getLogger("x").info("both")
    logging.getLogger("x").info("outer")
assert logging.getLogger().handlers == []
with open_log(path):
    logging.getLogger("x").info("again")
""",
        tmp_path,
    )
    last = [line.split(" | ")[-1] for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert last == ["both", "outer", "again"]
    assert (tmp_path / "inner.txt").read_text().count("\n") == 1


def test_messages_go_above_a_live_bar(tmp_path) -> None:
    console = run(
        """
import os, pty, threading
from types import SimpleNamespace
from loguru import logger
from torchalloy.core import State
from torchalloy.records import Progress
os.environ["TERM"] = "xterm"
far, near = pty.openpty()
with open_log(path), Progress(os.fdopen(near, "w")) as progress:
    progress.handlers().run_start(SimpleNamespace(state=State(stage="train", epoch_length=5)))
    logger.info("above the bar")
seen = os.read(far, 65536).decode()
assert "above the bar" in seen and "train" in seen, seen
""",
        tmp_path,
    )
    assert console == ""


def test_a_level_nobody_knows_and_a_file_nobody_can_write_are_told(tmp_path) -> None:
    before = list(logging.getLogger().handlers)
    with pytest.raises(RunError, match="did you mean 'WARNING'"):
        open_log(tmp_path / "log.txt", level="warnin")
    with pytest.raises(RunError, match="can't be written"):
        open_log(tmp_path)
    assert logging.getLogger().handlers == before
