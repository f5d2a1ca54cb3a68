"""thexp's parts by its contract's checks 1 to 7, each used alone as the README does."""

import random as python_random
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import SGD

import torchalloy.adapters.thexp as thexp
from torchalloy.adapters.thexp import AvgMeter, DataBundler, Logger, Meter, Params, RndManager, Saver
from torchalloy.adapters.thexp.base_classes.errors import BoundCheckError
from torchalloy.adapters.thexp.calculate import accuracy, rampup
from torchalloy.adapters.thexp.utils import random
from torchalloy.adapters.thexp.utils.date.dataloader import DataLoader
from torchalloy.core import CheckpointError, ConfigError
from torchalloy.data import Loader, TensorData


def test_the_face_is_sorted_and_every_name_is_there():
    assert thexp.__all__ == sorted(thexp.__all__)
    assert thexp.frame.__all__ == sorted(thexp.frame.__all__)
    assert all(hasattr(thexp, name) for name in thexp.__all__)


def test_params_print_one_line_for_each_pair():
    params = Params()
    params.device = "cpu"
    params.epoch = 400
    params.batch_size = 25
    lines = repr(params).splitlines()
    assert len(lines) == 6
    assert (lines[0], lines[-1]) == ("Params[('epoch', 400),", " ('batch_size', 25)]")


def test_a_subclass_of_params_prints_its_own_name_and_its_optim_option():
    class BaseParams(Params):
        def __init__(self):
            super().__init__()
            self.batch_size = 50
            self.topk = (1, 2, 3, 4)
            self.optim_option(lr=0.009, moment=0.9)

    params = BaseParams()
    assert repr(params).startswith("BaseParams[")
    assert repr(params).endswith("('optim', {'lr': 0.009, 'moment': 0.9})]")
    assert params.optim.lr == params["optim.lr"] == 0.009


def test_the_command_line_reaches_into_nodes_and_is_read_as_literals(monkeypatch):
    monkeypatch.setattr(
        "sys.argv",
        ["p.py", "--epoch=400", "--optim.lr=0.01", "--a.b.c=[1,2]", "--fast", "--name", "cuda:0", "--tags=[x,y]"],
    )
    params = Params()
    assert params.from_args() is params
    assert (params.epoch, params.optim.lr, params["a.b.c"], params.fast, params.name, params.tags) == (
        400,
        0.01,
        [1, 2],
        True,
        "cuda:0",
        ["x", "y"],
    )
    assert "('optim', {'lr': 0.01})" in repr(params)


def test_params_refuse_what_they_cannot_mean():
    params = Params()
    with pytest.raises(AttributeError, match="did you mean 'epoch'"):
        _ = params.epcoh
    params.choice("kind", "a", "b")
    with pytest.raises(BoundCheckError, match="'c' isn't one of 'a', 'b'"):
        params.kind = "c"
    with pytest.raises(ConfigError, match="'stray' is no parameter"):
        params.from_args(["stray"])
    with pytest.raises(AssertionError):
        params.get_exp_name()


def test_a_meter_prints_each_kind_in_its_way():
    meter = Meter()
    meter.a = 0.236
    meter.percent(meter.a_)
    assert repr(meter) == "@a=23.60%"
    meter = Meter()
    meter.a, meter.b, meter.c, meter.d = 1, "2", torch.tensor(0.5), torch.rand(4, 4)
    assert re.fullmatch(r"@a=1  @b=2  @c=0\.5000  @d=tensor\(\[\[.*\.\.\.", repr(meter))
    assert meter.a_ == "a"
    with pytest.raises(AssertionError):
        meter.a_ = 1
    meter.new += 3
    assert meter.new == 3


def test_an_average_meter_prints_newest_and_mean_of_what_varies():
    average = AvgMeter()
    for c, c1, n in ((0.1, 0.25, 1), (0.3, 0.75, 2)):
        meter = Meter()
        meter.percent(meter.c_)
        meter.c, meter.c1, meter.n = torch.tensor(c, requires_grad=True), torch.tensor([c1]), n
        average.update(meter)
    assert repr(average) == "@c=30.00%(20.00%)  @c1=0.7500(0.5000)  @n=2"
    again = AvgMeter()
    again.load_state_dict(average.state_dict())
    assert repr(again) == repr(average)


def test_a_saver_rotates_checkpoints_and_keeps_keypoints_and_models(tmp_path):
    saver = Saver(tmp_path)
    for i in range(10):
        saver.save_keypoint(i, {"a": i}, {"b": i})
        saver.save_checkpoint(i, {"a": i}, {"b": i})
        saver.save_model(i, {"a": i}, {"b": i})
    names = {file.name for file in tmp_path.iterdir() if not file.name.startswith(".")}
    expected = (
        {f"keep.{i:07d}.ckpt" for i in range(10)}
        | {f"model.{i:07d}.pth" for i in range(10)}
        | {f"{i:07d}.ckpt" for i in (7, 8, 9)}
    )
    assert names == expected | {f"{name}.json" for name in expected}
    assert saver.find_checkpoints()[0].endswith("0000009.ckpt")
    assert saver.load_keypoint_info(5) == {"b": 5}
    assert saver.find_models()[0] == "model.0000009.pth"
    assert saver.save_keypoint(4, {"a": 44}).endswith("keep.1000004.ckpt")
    assert saver.load_keypoint(4)["a"] == 44
    assert saver.load_checkpoint(1) is None
    with pytest.raises(CheckpointError, match="no model 77"):
        saver.load_model(77)


def test_the_logger_keeps_the_last_inline_text_in_its_file(tmp_path, capsys):
    Logger.reset()
    try:
        logger = Logger()
        assert logger.add_log_dir(tmp_path)
        assert not logger.add_log_dir(tmp_path)
        Logger.reset()
        logger = Logger()
        folder = tmp_path / "fresh"
        logger.add_log_dir(folder)
        for i in range(5):
            logger.inline("x", i)
        logger.info("done", prefix="P")
        [file] = folder.iterdir()
        assert re.fullmatch(r"\d{12}\.0\.log", file.name)
        first, second = file.read_text().splitlines()
        assert first.endswith("x - 4")
        assert second.endswith("P - done")
        with pytest.warns(UserWarning, match="there is a Logger already"):
            assert Logger(sep="|") is logger
    finally:
        Logger.reset()


def test_putting_the_random_state_back_repeats_a_training():
    state, rounds = random.get_state(), []
    for _ in range(2):
        data = torch.rand(5, 2)
        y = torch.tensor([0, 0, 0, 0, 0])
        model = nn.Linear(2, 2)
        sgd = SGD(model.parameters(), lr=0.01)
        nn.CrossEntropyLoss()(model(data), y).backward()
        sgd.step()
        rounds.append(str(list(model.parameters())))
        random.set_state(state)
    assert rounds[0] == rounds[1]


def test_a_saved_random_state_repeats_all_three_libraries(tmp_path):
    manager = RndManager(tmp_path)

    def draw():
        return torch.rand(1).item(), float(np.random.rand()), python_random.random()

    assert manager.load_rnd_state("x", not_exist_save=True) is False
    first = draw()
    assert manager.load_rnd_state("x", not_exist_save=True) is True
    assert draw() == first
    assert manager.mark("here") is False
    marked = draw()
    assert manager.mark("here") is True
    assert draw() == marked
    assert manager.list() == ["here", "x"]


def test_a_zip_ends_with_the_shortest_loader_that_is_not_cycled():
    long, short = DataLoader(range(6), batch_size=1), DataLoader(range(2), batch_size=1)
    assert len(list(DataBundler().zip_mode().add(long).add(short))) == 2
    bundler = DataBundler.create_zip_bundler(a=short, b=long)
    assert (len(bundler), [int(a) for a, _ in bundler]) == (6, [0, 1, 0, 1, 0, 1])
    assert [int(x) for x in DataBundler.create_chain_bundler(short, short)] == [0, 1, 0, 1]


def test_a_bundle_of_exact_loaders_is_entered_anywhere():
    loaders = [Loader(TensorData(torch.arange(12)), size, shuffle=True, seed=1) for size in (2, 4)]
    source = DataBundler().zip_mode().add(loaders[0]).cycle(loaders[1]).source()
    whole = [str(batch) for batch in source.batches(3, 0)]
    assert len(whole) == 6
    assert [str(batch) for batch in source.batches(3, 4)] == whole[4:]


def test_accuracy_and_ramps_meet_their_formulas():
    scores = torch.tensor([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5]])
    labels = torch.tensor([1, 1, 2])
    assert accuracy.classify(scores, labels, topk=(1,)) == (3, [2])
    assert accuracy.classify(scores, labels, cacu_rate=True, topk=(1, 3)) == [2 / 3, 1.0]
    assert rampup.sigmoid_rampup(0) == pytest.approx(np.exp(-5))
    assert (rampup.sigmoid_rampup(100), rampup.sigmoid_rampup(3, 0)) == (1.0, 1.0)
    assert rampup.linear_rampup(50, amplitude=2) == 1.0
    assert rampup.cosine_rampdown(5, 10) == pytest.approx(0.5)
