"""The smaller tools: averages, files, frozen models, loggers, the adversarial loss, and ranks in one process."""

import io
import json
import logging
import math
import wave
from argparse import Namespace
from collections import defaultdict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from torch import nn

import torchalloy.adapters.flashy as flashy
from torchalloy.adapters.flashy import distrib
from torchalloy.adapters.flashy.adversarial import AdversarialLoss
from torchalloy.adapters.flashy.loggers import LocalFSLogger, TensorboardLogger, flatten
from torchalloy.adapters.flashy.utils import readonly, write_and_rename

# --- averages, files, frozen models


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0.1, 10)), min_size=1, max_size=20), st.floats(0.1, 1.0))
def test_an_averager_is_the_weighted_mean_that_forgets_by_beta(steps, beta):
    update = flashy.averager(beta)
    for value, weight in steps:
        mean = update({"loss": value}, weight)["loss"]
    weights = [weight * beta ** (len(steps) - 1 - i) for i, (_, weight) in enumerate(steps)]
    expected = math.fsum(w * value for w, (value, _) in zip(weights, steps, strict=True)) / math.fsum(weights)
    assert mean == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_an_averager_returns_every_metric_it_has_seen_and_keeps_no_graph():
    update = flashy.averager()
    update({"loss": torch.ones((), requires_grad=True) * 2})
    means = update({"accuracy": torch.tensor(1)})
    assert float(means["loss"]) == 2.0 and not means["loss"].requires_grad and f"{means['accuracy']:.1f}" == "1.0"


def test_an_averager_sums_halves_in_full_precision():
    update = flashy.averager()
    for _ in range(3000):
        mean = update({"loss": torch.tensor(1.0, dtype=torch.float16)})
    assert float(mean["loss"]) == 1.0


@pytest.mark.parametrize("pid", [False, True])
def test_a_file_is_written_whole_or_not_at_all(tmp_path, pid):
    path = tmp_path / "kept"
    path.write_text("old")
    with pytest.raises(io.UnsupportedOperation), write_and_rename(path, "w", pid=pid) as file:
        file.read(file.write("half"))
    assert path.read_text() == "old"
    with write_and_rename(path, "w", pid=pid) as file:
        file.write("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_readonly_puts_back_what_each_parameter_was():
    model = nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    with readonly(model):
        assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model.weight.requires_grad and not model.bias.requires_grad


# --- loggers


def test_files_lie_where_flashy_put_them(tmp_path):
    logger = LocalFSLogger(tmp_path)
    logger.log_text("valid", "sample", "hello", step=3)
    logger.log_audio(["valid", "speech"], "tone", torch.linspace(-2, 2, 8).expand(2, 8), 16000, step=3)
    logger.log_hyperparams(OmegaConf.create({"optim": {"lr": 0.1}, "device": None}))
    assert (tmp_path / "valid_3/sample.txt").read_text() == "hello"
    with wave.open(str(tmp_path / "valid_speech_3/tone.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes(), file.getsampwidth()) == (2, 16000, 8, 2)
    assert json.loads((tmp_path / "hyperparams.json").read_text()) == {"optim.lr": 0.1, "device": "None"}


def test_folders_may_take_the_place_of_underscores(tmp_path):
    LocalFSLogger(tmp_path, use_subdirs=True).log_text(["valid", "a"], "sample", "hello", step=3)
    assert (tmp_path / "valid/a/3/sample.txt").exists()


def test_a_prefix_given_as_a_list_stays_as_it_is(tmp_path):
    prefix = ["valid", "a"]
    LocalFSLogger(tmp_path).log_text(prefix, "sample", "hello", step=3)
    assert prefix == ["valid", "a"]


@pytest.mark.parametrize("make", [LocalFSLogger, TensorboardLogger])
def test_media_can_be_switched_off_and_only_tensors_are_sounds(make, tmp_path):
    logger = make(tmp_path / "none", with_media_logging=False)
    logger.log_text("valid", "sample", "hello", step=1)
    logger.log_audio("valid", "tone", torch.zeros(8), 16000, step=1)
    assert not list(tmp_path.rglob("*.txt")) + list(tmp_path.rglob("*.wav"))
    with pytest.raises(AssertionError, match="tensors"):
        logger.log_audio("valid", "tone", [0.0], 16000)


def test_tensorboard_gets_texts_and_sounds_by_stage_and_key(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorboardLogger(tmp_path)
    logger.log_audio("valid", "tone", torch.zeros(2, 8), 16000, step=3)
    logger.log_text("valid", "sample", "hello", step=3)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    tags = events.Tags()
    assert tags["audio"] == ["valid/tone"] and tags["tensors"] == ["valid/sample/text_summary"]


def test_namespaces_are_parameters_too():
    assert flatten(Namespace(lr=0.1, path=None)) == {"lr": 0.1, "path": "None"}


def test_log_lines_go_to_a_file_that_a_rerun_continues(tmp_path):
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        for text in ("first", "second"):
            flashy.setup_logging(folder=tmp_path, level="INFO")
            logging.getLogger("flashy.solver").info(text)
        lines = (tmp_path / "solver.log.0").read_text().splitlines()
        assert [line.split("] - ")[1] for line in lines] == ["first", "second"]
        assert all("[flashy.solver][INFO]" in line for line in lines)
    finally:
        logging.getLogger().handlers[:], logging.getLogger().level = before


# --- the adversarial loss


def adversarial():
    torch.manual_seed(0)
    adversary = nn.Linear(2, 1)
    return AdversarialLoss(adversary, torch.optim.Adam(adversary.parameters(), lr=0.1))


def test_the_adversary_learns_that_a_high_logit_is_fake():
    loss, fake, real = adversarial(), torch.ones(4, 2, requires_grad=True), -torch.ones(4, 2)
    losses = [float(loss.train_adv(fake, real)) for _ in range(50)]
    assert losses[-1] < 0.1 < losses[0] and fake.grad is None
    assert (loss.adversary(fake) > 0).all() and (loss.adversary(real) < 0).all()


def test_the_generators_loss_reaches_the_fake_and_not_the_adversary():
    loss, fake = adversarial(), torch.ones(4, 2, requires_grad=True)
    loss(fake).backward()
    assert fake.grad.abs().sum() > 0 and all(parameter.grad is None for parameter in loss.adversary.parameters())
    assert all(parameter.requires_grad for parameter in loss.adversary.parameters())


def test_its_state_holds_the_optimizer_also_inside_another_module():
    first, second = nn.ModuleDict({"adv": adversarial()}), nn.ModuleDict({"adv": adversarial()})
    first["adv"].train_adv(torch.ones(1, 2), torch.zeros(1, 2))
    state = first.state_dict()
    assert "adv.optimizer" in state
    second.load_state_dict(state)
    assert second["adv"].optimizer.state_dict()["state"][0]["step"] == 1
    del state["adv.optimizer"]
    with pytest.raises(KeyError, match="adv.optimizer"):
        second.load_state_dict(state)


# --- one process


def test_alone_every_collective_is_the_identity():
    model, metrics, thing = nn.Linear(2, 1), {"loss": 1.0}, defaultdict(list)
    model(torch.ones(1, 2)).sum().backward()
    before = model.weight.grad.clone()
    with distrib.eager_sync_model(model):
        model(torch.ones(1, 2)).sum().backward()
    distrib.sync_model(model)
    distrib.broadcast_model(model)
    assert torch.equal(model.weight.grad, 2 * before)
    assert distrib.average_metrics(metrics) is metrics and distrib.broadcast_object(thing) is thing
    assert distrib.wrap(model) is model and distrib.rank_zero_only(lambda: 5)() == 5


def test_alone_a_loader_is_the_plain_one():
    loader = distrib.loader(list(range(4)), batch_size=2, shuffle=False)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3]]
