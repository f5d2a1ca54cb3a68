"""What people see while a run goes on."""

import io
import os
import pty
import re
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchalloy.core import Every, Reading, State
from torchalloy.records import Progress, above_bar
from torchalloy.records._standing import Pace, Standing


def drive(progress, *, epochs=2, steps=100, step_s=0.0, stages=("train", "valid"), at_step=None):
    """Call the handlers as the engine does, on a run of `epochs` epochs."""
    state, handlers = State(max_epochs=epochs), progress.handlers()
    handlers.run_start(SimpleNamespace(state=state))
    for epoch in range(1, epochs + 1):
        state.epoch = epoch
        handlers.epoch_start(state)
        for stage in stages:
            state.stage, state.local_iteration, state.epoch_length = stage, 0, steps
            handlers.stage_start(state)
            for step in range(1, steps + 1):
                time.sleep(step_s)
                state.local_iteration = step
                state.global_iteration += stage == "train"
                if step % handlers.after_step.num_steps == 0:
                    progress.write(Reading(stage, {"accuracy": 0.5, "loss": step / 1000}, step, "batches"))
                    handlers.after_step.handle(state, None)
                if at_step:
                    at_step(state)
            state.metrics |= {f"{stage}/loss": 0.25 / epoch, f"{stage}/accuracy": 0.75}
            handlers.stage_end(state)
        state.stage = ""
        handlers.epoch_end(state)
    handlers.run_end(state)
    return state


class Terminal:
    """A real pseudo-terminal: `stream` is its near end, `seen()` what came out at the far one."""

    def __init__(self) -> None:
        self._far, near = pty.openpty()
        self.stream = os.fdopen(near, "w", encoding="utf-8")
        self._text = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def seen(self) -> str:
        self.stream.close()
        self._reader.join(5)
        return self._text

    def _read(self) -> None:
        try:
            while data := os.read(self._far, 65536):
                self._text += data.decode("utf-8", "replace")
        except OSError:  # the near end was closed
            pass


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    return Terminal()


def test_a_pipe_gets_one_plain_line_for_each_stage() -> None:
    out = io.StringIO()
    with Progress(out) as progress:
        drive(progress)
    lines = [re.sub(r"in [\d.]+ s.*", "in TIME", line) for line in out.getvalue().splitlines()]
    assert lines == [
        "epoch 1/2 train: loss 0.25, accuracy 0.75 (100 steps in TIME",
        "epoch 1/2 valid: loss 0.25, accuracy 0.75 (100 steps in TIME",
        "epoch 2/2 train: loss 0.125, accuracy 0.75 (100 steps in TIME",
        "epoch 2/2 valid: loss 0.125, accuracy 0.75 (100 steps in TIME",
    ]


def test_a_long_stage_gets_lines_at_a_bounded_rate_with_rate_and_time_left() -> None:
    out = io.StringIO()
    drive(Progress(out, window=10, line_every_s=0.1), epochs=1, steps=200, step_s=0.002, stages=("train",))
    *within, end = out.getvalue().splitlines()
    assert 2 <= len(within) <= 6
    assert all(
        re.fullmatch(r"epoch 1/1 train \d+/200: loss 0\.\d+, accuracy 0\.5, \d+ steps/s, 0:00:0\d left", line)
        for line in within
    )
    assert end.startswith("epoch 1/1 train: loss 0.25")


def test_a_pipe_never_loads_rich() -> None:
    code = (
        "import io, sys; from types import SimpleNamespace; from torchalloy.core import State\n"
        "from torchalloy.records import Progress, above_bar\n"
        "h = Progress(io.StringIO()).handlers(); s = State(stage='train'); h.run_start(SimpleNamespace(state=s))\n"
        "h.stage_end(s); h.run_end(s); above_bar('x'); sys.exit('rich' in sys.modules)"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0


def test_a_terminal_gets_a_bar_that_leaves_no_trace(terminal) -> None:
    drive(Progress(terminal.stream, window=10), epochs=1, steps=100, step_s=0.008)
    seen = terminal.seen()
    for part in ("epoch 1/1 train", "━", "/100", "loss 0.", "steps/s", "left", "valid", "train: loss 0.25"):
        assert part in seen
    assert seen.rindex("\x1b[2K") > seen.rindex("steps/s")  # the line is erased last
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")  # and the cursor shown again


def test_a_slow_step_does_not_freeze_the_bar(terminal) -> None:
    progress = Progress(terminal.stream, window=1000)
    drive(progress, epochs=1, steps=4, step_s=0.3, stages=("train",))
    seen = terminal.seen()
    assert all(f"{step}/4" in seen for step in (1, 2, 3))


def test_a_narrow_terminal_keeps_the_bar_on_one_line(terminal, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "64")
    drive(Progress(terminal.stream, window=10), epochs=1, steps=100, step_s=0.008)
    drawn = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip("\r") for line in terminal.seen().split("\n")]
    frames = [frame for text in drawn for frame in text.split("\r") if "/100" in frame]
    assert frames and all(len(frame) <= 64 and "epoch 1/1 " in frame for frame in frames)


def test_only_one_bar_is_live_and_the_second_writes_lines_above_it(terminal) -> None:
    inner_out = io.StringIO()

    def nested(state) -> None:
        if state.local_iteration == 5:
            drive(Progress(inner_out, live=True), epochs=1, steps=3, stages=("train",))
            assert above_bar("a word [not markup]")

    drive(Progress(terminal.stream), epochs=1, steps=10, stages=("train",), at_step=nested)
    assert inner_out.getvalue().count("\n") == 1
    assert "a word [not markup]" in terminal.seen()
    assert not above_bar("nobody")


def test_a_paused_bar_leaves_the_terminal_alone_and_comes_back(terminal) -> None:
    progress, texts = Progress(terminal.stream), []

    def rest(state) -> None:
        if state.local_iteration == 5:
            progress.pause()
            assert not above_bar("x")
            terminal.stream.write("BEGIN")
            terminal.stream.flush()
            time.sleep(0.4)
            terminal.stream.write("END")
            terminal.stream.flush()
            progress.resume()
            texts.append(above_bar("y"))

    drive(progress, epochs=1, steps=10, stages=("train",), at_step=rest)
    seen = terminal.seen()
    assert "BEGINEND" in seen and texts == [True]
    assert "━" in seen[seen.index("END") :]


def test_what_the_run_prints_to_a_pipe_stays_in_the_pipe(terminal, monkeypatch) -> None:
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    drive(Progress(terminal.stream), epochs=1, steps=3, stages=("train",), at_step=lambda _: print("data"))
    assert pipe.getvalue() == "data\n" * 3 and "data" not in terminal.seen()


def test_a_closed_pipe_does_not_stop_training() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    stream = os.fdopen(write_end, "w")
    assert drive(Progress(stream)).global_iteration == 200
    with pytest.raises(BrokenPipeError):  # it was broken indeed
        stream.close()


def test_a_terminal_that_goes_away_does_not_stop_training(terminal) -> None:
    def hang_up(state) -> None:
        if state.local_iteration == 5:
            terminal.seen()  # closes the stream under the bar

    assert drive(Progress(terminal.stream), epochs=1, stages=("train",), at_step=hang_up).global_iteration == 100


def test_it_is_called_once_a_window_and_never_each_step() -> None:
    handlers = Progress(io.StringIO(), window=50).handlers()
    assert isinstance(handlers.after_step, Every) and handlers.after_step.num_steps == 50
    assert handlers.before_step is None


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=30), st.floats(0.01, 100))
def test_a_steady_pace_is_told_exactly(increments, period_s) -> None:
    pace, steps = Pace(), 0
    for place, _ in enumerate(increments):
        pace.update("train", steps, place * period_s)
        steps += 7
    assert pace.rate == pytest.approx(7 / period_s)


def test_the_pace_starts_anew_with_each_pass() -> None:
    pace = Pace()
    pace.update(1, 90, 0.0)
    pace.update(2, 10, 1.0)
    assert pace.rate is None
    pace.update(2, 5, 2.0)
    assert pace.rate is None


@pytest.mark.parametrize(
    ("budget", "expected"),
    [({"max_epochs": 10}, 19.0), ({"max_iterations": 150}, 2.0), ({"max_epochs": 10, "max_iterations": 70}, 0.4)],
)
def test_time_left_follows_the_budget(budget, expected) -> None:
    state = State(**budget)
    standing = Standing(state, now_s=0.0)
    state.epoch = 1
    standing.epoch_started()
    state.stage, state.epoch_length = "train", 100
    standing.stage_started(0.0)
    state.local_iteration = state.global_iteration = 50
    assert standing.view(1.0).left_s == pytest.approx(expected)


def test_a_run_resumed_inside_a_stage_counts_its_own_steps_only() -> None:
    state = State(epoch=3, max_epochs=4, stage="train", local_iteration=40, global_iteration=240, epoch_length=100)
    standing = Standing(state, now_s=0.0)
    state.local_iteration, state.global_iteration = 60, 260
    assert standing.view(2.0).left_s == pytest.approx(14.0)  # 140 steps at 10 a second
    assert standing.stage_summary(2.0) == "epoch 3/4 train: (20 steps in 2.0 s, 10 steps/s)"


def test_scoring_alone_is_told_without_an_epoch_and_by_its_stage() -> None:
    state = State(stage="", epoch_length=50)
    standing = Standing(state, now_s=0.0)
    state.stage = "test"
    standing.stage_started(0.0)
    standing.moved(0.0)
    state.local_iteration = 25
    standing.moved(1.0)
    view = standing.view(1.0)
    assert (view.title, view.left_s, view.rate) == ("test", pytest.approx(1.0), pytest.approx(25.0))
