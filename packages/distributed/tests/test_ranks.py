"""One process is the simplest case of several, and a wrong environment is never taken for it."""

import subprocess
import sys

import pytest
import torch

from torchalloy.core import ConfigError, LaunchError
from torchalloy.distributed import (
    Ranks,
    agree_stop,
    average_gradients,
    barrier,
    broadcast_module,
    broadcast_object,
    current,
    device_for,
    finish,
    initialise,
    reduce_means,
)
from torchalloy.distributed._buckets import buckets, spread
from torchalloy.distributed._devices import _own_gpu, _that_gpu, _without_gpu


def test_one_process_needs_no_other():
    assert initialise() == current() == Ranks(0, 1, 0, 1)
    assert current().is_main
    assert reduce_means([(1.0, 2)]) == [(1.0, 2.0)]
    assert broadcast_object({"a": (1,)}) == {"a": [1]}
    assert agree_stop(True) and not agree_stop(False)
    barrier()
    broadcast_module(torch.nn.Linear(1, 1))
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    averaging = average_gradients(optimizer)
    weight.sum().backward()
    averaging.average()
    optimizer.step()
    assert weight.item() == 0 and not optimizer._optimizer_step_pre_hooks
    averaging.remove()
    finish()


def test_the_environment_says_who_this_is(monkeypatch):
    for name, value in {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert current() == Ranks(3, 4, 1, 2)
    assert not current().is_main


@pytest.mark.parametrize(
    "environment",
    [{"RANK": "1"}, {"WORLD_SIZE": "2"}, {"RANK": "x", "WORLD_SIZE": "2"}, {"RANK": "2", "WORLD_SIZE": "2"}],
)
def test_an_environment_that_cannot_be_is_refused(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LaunchError, match="RANK"):
        current()


def test_processes_that_cannot_meet_say_how_they_could(monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(LaunchError, match="process 0 of 2 can't meet the others: .*MASTER_ADDR.*--launcher torchrun"):
        initialise()


def test_torch_is_not_imported_for_the_face_the_plugin_or_the_rank():
    code = (
        "import sys, torchalloy.distributed as d, torchalloy.distributed._plugin as p;"
        "d.current(); d.initialise(); d.barrier(); d.device_for('cpu', d.current()); p.alloy_launchers(); d.finish();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_auto_takes_what_there_is():
    assert device_for("auto", Ranks()) == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device_for("cpu", Ranks(1, 2, 1, 2)) == "cpu"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("gpu", "'gpu' is unknown"),
        ("cuda1", "did you mean 'cuda:0'|did you mean 'cuda'"),
        ("cuda:99", "cuda:99"),
        ("", "Known: auto, cpu"),
    ],
)
def test_a_device_that_is_not_there_is_refused_with_what_works(setting, said):
    with pytest.raises(ConfigError, match=said):
        device_for(setting, Ranks())


def test_each_process_gets_a_gpu_of_its_own_or_is_refused():
    assert _own_gpu("auto", 1, Ranks()) == "cuda"
    assert _own_gpu("cuda", 2, Ranks(1, 2, 1, 2)) == "cuda:1"
    assert _that_gpu(1, 2, Ranks()) == "cuda:1"
    with pytest.raises(
        ConfigError, match="4 processes, but this machine has 2 GPUs: 'cuda:0', 'cuda:1'; start at most 2"
    ):
        _own_gpu("auto", 2, Ranks(0, 4, 0, 4))
    with pytest.raises(ConfigError, match="no 'cuda:2'; this machine has 2 GPUs"):
        _that_gpu(2, 2, Ranks())
    with pytest.raises(ConfigError, match="one GPU for 2 processes; use 'cuda'"):
        _that_gpu(0, 2, Ranks(0, 2, 0, 2))
    assert _without_gpu("auto") == "cpu"
    with pytest.raises(ConfigError, match="'cuda' isn't available: .*; use 'cpu' or 'auto'"):
        _without_gpu("cuda")


def test_buckets_keep_every_tensor_once_and_within_their_size():
    tensors = [
        torch.full((size,), size, dtype=dtype)
        for size in (1, 30, 5, 200, 7)
        for dtype in (torch.float32, torch.float64)
    ]
    groups = list(buckets(tensors, 256))
    assert sorted(id(tensor) for group in groups for tensor in group) == sorted(map(id, tensors))
    for group in groups:
        assert len(group) == 1 or sum(tensor.numel() * tensor.element_size() for tensor in group) <= 256
        assert len({tensor.dtype for tensor in group}) == 1
        assert all(
            torch.equal(piece, tensor) for piece, tensor in zip(spread(torch.cat(group), group), group, strict=True)
        )
