"""The lines of a stage on the way."""

import logging

import pytest

from torchalloy.adapters.flashy import LogProgressBar


def walk(total, updates, caplog, **kwargs):
    """Return the indices at which `update` said a line is due, and the lines that were written."""
    logger = logging.getLogger("test_progress")
    with caplog.at_level(logging.INFO, logger.name):
        bar = LogProgressBar(logger, range(total), updates=updates, name="Train", **kwargs)
        due = [index for index in bar if bar.update(loss=float(index))]
    return due, [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("total", "updates", "indices"),
    [(10, 5, [2, 4, 6, 8]), (4, 8, [1, 2, 3]), (7, 3, [2, 4, 6]), (1, 5, []), (10, 0, [])],
)
def test_lines_fall_at_flashys_indices(total, updates, indices, caplog):
    due, lines = walk(total, updates, caplog)
    assert due == indices
    assert [line.split(" | ")[1] for line in lines] == [f"{index}/{total}" for index in indices]


def test_a_line_shows_the_metrics_of_its_own_step(caplog):
    due, lines = walk(10, 5, caplog)
    assert [line.split(" | ")[0] for line in lines] == ["Train"] * 4
    assert [line.split(" | ")[3] for line in lines] == [f"loss {index:.3f}" for index in due]
    assert all(line.split(" | ")[2].endswith(" it/sec") for line in lines)


def test_the_time_of_a_step_may_be_shown_instead(caplog):
    _, lines = walk(10, 5, caplog, time_per_it=True)
    assert all(line.split(" | ")[2].endswith(" ms/it") for line in lines)


def test_a_bar_walks_again_from_the_start(caplog):
    bar = LogProgressBar(logging.getLogger("test_progress"), range(3))
    assert (list(bar), list(bar), len(bar)) == ([0, 1, 2], [0, 1, 2], 3)


def test_items_without_a_length_need_a_total():
    with pytest.raises(AssertionError, match="total"):
        LogProgressBar(logging.getLogger("test_progress"), iter([1]))
