"""Metrics on disk: what was written is read back, whatever happened in between."""

import csv
import logging
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchalloy.core import Reading, RunError, Sink
from torchalloy.records import CsvSink, JsonlSink, Sinks, TensorBoardSink, read_metrics

names = st.text(min_size=1, max_size=12)
numbers = st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)
readings = st.builds(
    Reading, stage=names, values=st.dictionaries(names, numbers, max_size=4), step=st.integers(0, 40),
    clock=st.sampled_from(["batches", "epochs"]),
)  # fmt: skip
rewinds = st.fixed_dictionaries({}, optional={"batches": st.integers(0, 40), "epochs": st.integers(0, 40)})


def losses(start, stop, clock="batches"):
    return [Reading("train", {"loss": step / 8}, step, clock) for step in range(start, stop)]


@settings(max_examples=60, deadline=None)
@given(st.lists(readings | rewinds, max_size=20), st.lists(st.integers(0, 20), max_size=3))
def test_reading_back_gives_what_was_written_and_not_rewound(tmp_path_factory, deeds, reopened_at) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "metrics.jsonl"
    sink, kept = JsonlSink(path), []
    for place, deed in enumerate(deeds):
        if place in reopened_at:
            sink.close()
            sink = JsonlSink(path)
        if isinstance(deed, Reading):
            sink.write(deed)
            kept.append(deed)
        else:
            sink.rewind(deed)
            kept = [reading for reading in kept if reading.step <= deed.get(reading.clock, 10**9)]
    assert read_metrics(path) == kept  # while it is open: nothing waits in a buffer
    sink.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 5e-324, 0.1 + 0.2, 2**60])
def test_every_number_is_read_back_exactly(tmp_path, value) -> None:
    sink = JsonlSink(tmp_path / "m.jsonl")
    sink.write(Reading("train", {"x": value}, 1, "batches"))
    (reading,) = read_metrics(tmp_path / "m.jsonl")
    assert repr(reading.values["x"]) == repr(value)
    assert b"NaN," not in (tmp_path / "m.jsonl").read_bytes()  # strict JSON


def test_a_torn_line_is_passed_over_by_readers_and_cut_by_the_next_writer(tmp_path) -> None:
    path = tmp_path / "m.jsonl"
    sink = JsonlSink(path)
    for reading in losses(0, 3):
        sink.write(reading)
    sink.close()
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        num_whole = whole[:cut].count(b"\n")
        assert read_metrics(path) == losses(0, num_whole)
        sink = JsonlSink(path)
        sink.write(losses(9, 10)[0])
        sink.close()
        assert read_metrics(path) == losses(0, num_whole) + losses(9, 10)


def test_a_line_longer_than_a_block_is_cut_whole(tmp_path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"rewind":{}}\n' + b"x" * 200_000)
    JsonlSink(path).close()
    assert path.read_bytes() == b'{"rewind":{}}\n'


def test_damage_in_the_middle_is_told_with_its_line(tmp_path) -> None:
    path = tmp_path / "m.jsonl"
    sink = JsonlSink(path)
    sink.write(losses(0, 1)[0])
    sink.close()
    path.write_bytes(path.read_bytes() + b"\0\0\0\n")
    with pytest.raises(RunError, match=r"m\.jsonl:2: damaged"):
        read_metrics(path)
    with pytest.raises(RunError, match="kept no metrics"):
        read_metrics(tmp_path / "none.jsonl")


WRITER = """
import sys
from pathlib import Path
from torchalloy.core import Reading
from torchalloy.records import CsvSink, JsonlSink
folder = Path(sys.argv[1])
sinks = JsonlSink(folder / "metrics.jsonl"), CsvSink(folder / "metrics.csv")
step = 0
while True:
    step += 1
    for sink in sinks:
        sink.write(Reading("train", {"loss": step / 8}, step, "batches"))
    print(step, flush=True)  # acknowledged
"""


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_loses_nothing_that_was_written(tmp_path, seed) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "1\n"
    time.sleep(random.Random(seed).uniform(0.0, 0.05))
    os.kill(process.pid, signal.SIGKILL)
    acknowledged = [1, *(int(line) for line in process.stdout.read().split())]
    process.wait()
    steps = [reading.step for reading in read_metrics(tmp_path / "metrics.jsonl")]
    assert steps == list(range(1, len(steps) + 1)) and steps[-1] in (acknowledged[-1], acknowledged[-1] + 1)
    CsvSink(tmp_path / "metrics.csv").close()
    rows = list(csv.DictReader((tmp_path / "metrics.csv").open()))
    assert [int(row["step"]) for row in rows][: acknowledged[-1]] == acknowledged


def test_a_full_disk_fails_the_write_and_leaves_whole_lines(tmp_path) -> None:
    resource = pytest.importorskip("resource")
    code = f"""
import resource, signal
from pathlib import Path
from torchalloy.core import Reading
from torchalloy.records import JsonlSink, read_metrics
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path({str(tmp_path)!r}, "m.jsonl")
sink = JsonlSink(path)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
written = []
for step in range(50):
    try:
        sink.write(Reading("train", {{"loss": step / 8}}, step, "batches"))
        written.append(step)
    except OSError:
        pass
assert 3 < len(written) < 20, written
assert [r.step for r in read_metrics(path)] == written
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
sink.write(Reading("train", {{"loss": 0.0}}, 99, "batches"))
sink.close()
assert [r.step for r in read_metrics(path)] == [*written, 99]
assert path.read_bytes().count(b"\\n") == len(written) + 1
"""
    assert resource is not None
    subprocess.run([sys.executable, "-c", code], check=True)


def test_csv_holds_one_row_a_value_and_is_rewound(tmp_path) -> None:
    sink = CsvSink(tmp_path / "m.csv")
    for reading in [*losses(1, 4), *losses(1, 3, "epochs")]:
        sink.write(reading)
    sink.write(Reading("valid", {'a,"b"\nc': float("nan")}, 2, "batches"))
    sink.rewind({"batches": 2, "epochs": 1})
    sink.write(losses(3, 4)[0])
    sink.close()
    assert (tmp_path / "m.csv").read_text().splitlines() == [
        "clock,step,stage,name,value",
        "batches,1,train,loss,0.125",
        "batches,2,train,loss,0.25",
        "epochs,1,train,loss,0.125",
        'batches,2,valid,"a,""b"" c",nan',
        "batches,3,train,loss,0.375",
    ]


def curve(folder, tag):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_tensorboard_reads_the_curves_and_a_rewound_one_never_doubles_back(tmp_path) -> None:
    sink = TensorBoardSink(tmp_path / "tb")
    assert not (tmp_path / "tb").exists()  # nothing is made, and nothing imported, before there is a reading
    for reading in [*losses(1, 6), *losses(1, 4, "epochs")]:
        sink.write(reading)
    assert curve(tmp_path / "tb", "train/loss") == [(step, step / 8) for step in range(1, 6)]  # before it is closed

    resumed = TensorBoardSink(tmp_path / "tb")
    resumed.rewind({"batches": 2, "epochs": 1})
    for reading in [*losses(3, 8), *losses(2, 5, "epochs")]:
        resumed.write(reading)
    resumed.close()
    sink.close()
    assert curve(tmp_path / "tb", "train/loss") == [(step, step / 8) for step in range(1, 8)]
    assert curve(tmp_path / "tb" / "epochs", "train/loss") == [(step, step / 8) for step in range(1, 5)]


def test_tensorboard_is_written_without_torch_or_tensorflow(tmp_path) -> None:
    code = (
        "import sys; from pathlib import Path; from torchalloy.core import Reading\n"
        "from torchalloy.records import TensorBoardSink\n"
        f"sink = TensorBoardSink(Path({str(tmp_path)!r}))\n"
        "sink.write(Reading('train', {'loss': 1.0}, 1, 'batches')); sink.close()\n"
        "print('torch' in sys.modules, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


@pytest.mark.parametrize("make", [JsonlSink, CsvSink, TensorBoardSink])
def test_each_sink_closes_twice_and_rewinds_when_empty(tmp_path, make) -> None:
    sink: Sink = make(tmp_path / "x")
    sink.rewind({"batches": 0})
    sink.write(losses(1, 2)[0])
    sink.close()
    sink.close()


class Broken:
    """A sink whose disk is gone for a while."""

    name = "broken"

    def __init__(self) -> None:
        self.seen: list[int] = []

    def write(self, reading: Reading, /) -> None:
        if reading.step < 5:
            raise OSError("no space")
        self.seen.append(reading.step)

    def close(self) -> None:
        raise OSError("still none")


class Hanging:
    name = "hanging"

    def write(self, reading: Reading, /) -> None: ...

    def close(self) -> None:
        time.sleep(30)


def test_a_failing_sink_is_reported_once_and_tried_again(tmp_path, caplog) -> None:
    broken, whole = Broken(), JsonlSink(tmp_path / "m.jsonl")
    with caplog.at_level(logging.WARNING), Sinks([broken, whole]) as sinks:
        for reading in losses(1, 8):
            sinks.write(reading)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "sink broken: write failed (OSError: no space); training goes on",
        "sink broken: failed 5 times in all",
    ]
    assert broken.seen == [5, 6, 7]
    assert read_metrics(tmp_path / "m.jsonl") == losses(1, 8)


def test_closing_is_bounded_in_time(tmp_path, caplog) -> None:
    whole = JsonlSink(tmp_path / "m.jsonl")
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        Sinks([Hanging(), Hanging(), whole], close_timeout_s=0.2).close()
    assert time.monotonic() - began < 2
    assert [record.getMessage() for record in caplog.records] == [
        "sink hanging: didn't close within 0.2 s; going on without it"
    ] * 2


def test_rewind_reaches_the_sinks_that_can(tmp_path) -> None:
    with Sinks([Broken(), JsonlSink(tmp_path / "m.jsonl")]) as sinks:
        for reading in losses(6, 9):
            sinks.write(reading)
        sinks.rewind({"batches": 6})
    assert read_metrics(tmp_path / "m.jsonl") == losses(6, 7)
