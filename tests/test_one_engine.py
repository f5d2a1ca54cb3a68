"""The proof that this is one engine: five styles, one model, one data set, one seed, and they can't be told apart."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from torchalloy.core import Every, Handlers, OwnedRun
from torchalloy.distributed import Ranks
from torchalloy.engine.testing import Trace
from torchalloy.records import RunFolder
from torchalloy.runtime import assemble
from torchalloy.runtime._session import Session

HERE = Path(__file__).parent
CONFIGS = HERE.parent / "configs" / "digits"
STYLES = {
    "process": ("process.yaml", "max_epochs={}"),
    "base_model": ("base_model.py", "solver.max_iter={}"),
    "alchemy_model": (HERE / "one_engine" / "alchemy_model.toml", "sched.epochs={}"),
    "trainer": ("trainer.yaml", "params.epoch={}"),
    "solver": ("solver/config.yaml", "epochs={}"),
}
EPOCHS, STEPS = 2, 45


class Losses:
    """Writes down the loss of every training step."""

    def __init__(self, recipe):
        self.seen = []
        owned = isinstance(recipe.work, OwnedRun)
        self._measure = None if owned else {stage.name: stage.measure for stage in recipe.work}["train"]

    def handlers(self):
        return Handlers("losses", after_step=Every(1, self._note, stage="train"))

    def _note(self, state, output):
        self.seen.append(float((self._measure(output) if self._measure else output)["loss"]))


def start(style, folder, stop_after=None, epochs=EPOCHS):
    """Return a session of a digits config, and the trace and losses it will write."""
    config, override = STYLES[style]
    record = RunFolder.create(folder, style, style=style, seed=0, command=())
    made = assemble(CONFIGS / config, [override.format(epochs)], folder=record.path)
    trace, losses = Trace(), Losses(made.recipe)
    handlers = [trace.handlers(), losses.handlers()]
    if stop_after is not None:
        handlers.append(Handlers("stop", after_step=Every(1, lambda state, _: stop(state, stop_after), stage="train")))
    recipe = replace(made.recipe, handlers=(*handlers, *made.recipe.handlers))
    return Session(recipe, made.state, made.settings, Ranks(), record), trace.events, losses.seen


def stop(state, step):
    if state.global_iteration == step:
        state.stop = "the test says so"


def unclocked(metrics):
    """Leave out what a clock measured."""
    return {name: value for name, value in metrics.items() if not name.endswith("/duration")}


def newest(folder, style):
    from torchalloy.checkpoint import Store

    return Store(folder / style / "checkpoints").newest()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Each style's whole run: its events, its losses, and the names of what it keeps."""
    folder, told = tmp_path_factory.mktemp("whole"), {}
    for style in STYLES:
        session, events, losses = start(style, folder)
        session.run()
        told[style] = (events, losses, sorted(newest(folder, style).parts), dict(session.state.metrics))
    return told


def hand_written():
    """Train the same model on the same data in plain PyTorch; return the loss of every step."""
    from torchalloy.data import digits

    images, labels = digits().train.tensors  # the scans; everything below is plain PyTorch
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
    criterion = torch.nn.CrossEntropyLoss()
    losses = []
    for epoch in range(1, EPOCHS + 1):
        for batch in order(epoch, len(images)).split(32):
            loss = criterion(model(images[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    return losses


def order(epoch, size):
    """The order of an epoch's samples, by the formula in torchalloy.data's reference."""
    seed = int.from_bytes(hashlib.sha256(f"0/{epoch}".encode()).digest()[:8], "big")
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))


def test_all_styles_tell_the_same_events(whole):
    expected = whole["process"][0]
    assert expected[:5] == [
        ("run_start",), ("epoch_start", 1), ("stage_start", 1, "train"),
        ("before_step", "train", 1, 1), ("after_step", "train", 1, 1),
    ]  # fmt: skip
    assert len(expected) == 2 + EPOCHS * (2 + 2 + 2 * STEPS + 2 + 2)
    for style in STYLES:
        assert whole[style][0] == expected, style


def test_all_losses_equal_a_hand_written_loop_bit_by_bit(whole):
    expected = hand_written()
    assert len(expected) == EPOCHS * STEPS
    for style in STYLES:
        assert whole[style][1] == expected, style


def test_all_checkpoints_keep_the_same_parts(whole):
    for style in STYLES:
        assert whole[style][2] == ["data", "metrics", "model", "optimizer", "rng", "state", "style"], style


def test_all_score_the_same_accuracy(whole):
    right = {style: told[3]["test/accuracy"] * 360 for style, told in whole.items()}
    assert right == pytest.approx(dict.fromkeys(right, right["process"]), abs=1e-3) and right["process"] > 0.8 * 360


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("step", [1, 44, 45, 46, 71])
def test_a_stopped_run_resumes_to_the_same_rest(style, step, whole, tmp_path):
    first, head, head_losses = start(style, tmp_path / "first", stop_after=step)
    first.run()
    second, tail, tail_losses = start(style, tmp_path / "second")
    second.restore(newest(tmp_path / "first", style))
    second.run()
    events, losses, _, metrics = whole[style]
    assert head_losses + tail_losses == losses
    assert head[:-1] + tail[1:] == events
    assert unclocked(second.state.metrics) == unclocked(metrics)


RING = list(zip(STYLES, [*list(STYLES)[1:], next(iter(STYLES))], strict=True))


@pytest.mark.parametrize(("writer", "reader"), RING)
def test_a_checkpoint_of_one_style_continues_under_another(writer, reader, whole, tmp_path):
    first, _, head = start(writer, tmp_path / "first", epochs=1)
    first.run()
    tail = go_on(writer, reader, tmp_path)
    assert head + tail == whole[reader][1]


@pytest.mark.parametrize(("writer", "reader"), [pair for pair in RING if "alchemy_model" not in pair])
def test_a_checkpoint_inside_an_epoch_continues_under_another(writer, reader, whole, tmp_path):
    """alchemy's data comes from pipes without an address: it can't be entered in the middle without its own note."""
    first, _, head = start(writer, tmp_path / "first", stop_after=50)
    first.run()
    tail = go_on(writer, reader, tmp_path)
    assert head + tail == whole[reader][1]


def go_on(writer, reader, folder):
    """Continue what `writer` kept under `reader`; return the losses."""
    second, _, tail = start(reader, folder / "second")
    report = second.restore(newest(folder / "first", writer))
    second.run()
    assert report.missing == () and report.unexpected == ()
    return tail
