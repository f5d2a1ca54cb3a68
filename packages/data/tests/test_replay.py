import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from torchalloy.core import CheckpointError, RecipeError, Source, Stateful
from torchalloy.data import Generators, Loader, Replay, TensorData, as_source, seed_everything


class Noisy(Dataset):
    """Samples with noise of every global generator."""

    def __len__(self):
        return 11

    def __getitem__(self, index):
        return torch.tensor([index, random.random(), np.random.rand(), torch.rand(()).item()], dtype=torch.float64)


def noisy_loader():
    return DataLoader(Noisy(), batch_size=2, shuffle=True)


def own_generator_loader():
    return DataLoader(Noisy(), batch_size=2, shuffle=True, generator=torch.Generator().manual_seed(5))


def values(batches):
    return [batch.tolist() for batch in batches]


def run(source, epoch, start, num_batches=None):
    """Batches, each with what a step draws after it."""
    drawn = []
    for batch in source.batches(epoch, start):
        drawn.append((batch.tolist(), random.random(), torch.rand(()).item()))
        if len(drawn) == num_batches:
            break
    return drawn


@settings(deadline=None, max_examples=12)
@given(stop=st.integers(1, 5), more=st.integers(0, 5), make=st.sampled_from([noisy_loader, own_generator_loader]))
def test_an_epoch_cut_twice_is_the_whole_epoch(stop, more, make):
    seed_everything(3)
    source = Replay(make())
    run(source, 1, 0)
    whole = run(source, 2, 0)

    seed_everything(3)
    source = Replay(make())
    run(source, 1, 0)
    parts = run(source, 2, 0, stop)
    for num_batches in (more, None):
        if num_batches == 0:
            continue
        kept, generators = source.state_dict(), Generators().state_dict()
        seed_everything(99)  # a new process
        source = Replay(make())
        source.load_state_dict(kept)
        Generators().load_state_dict(generators)
        parts += run(source, 2, len(parts), num_batches)
    assert parts == whole


def test_entering_leaves_the_global_generators_where_they_were():
    source = Replay(noisy_loader())
    list(source.batches(1, 0))
    seed_everything(8)
    expected = random.random(), np.random.rand(), torch.rand(()).item()
    seed_everything(8)
    iterator = source.batches(1, 3)
    assert (random.random(), np.random.rand(), torch.rand(()).item()) == expected
    assert len(list(iterator)) == 3


def test_a_samplers_epoch_is_part_of_the_note():
    def make():
        sampler = DistributedSampler(range(10), num_replicas=2, rank=0, seed=1)
        return sampler, DataLoader(torch.arange(10), batch_size=1, sampler=sampler)

    sampler, loader = make()
    sampler.set_epoch(4)
    source = Replay(loader)
    whole = values(source.batches(1, 0))
    resumed = Replay(make()[1])
    resumed.load_state_dict(source.state_dict())
    assert values(resumed.batches(1, 2)) == whole[2:]


def test_replay_is_a_stateful_source_and_keeps_the_length():
    source = Replay([1, 2, 3])
    assert isinstance(source, Source) and isinstance(source, Stateful)
    assert len(source) == 3 and list(source) == [1, 2, 3]


def test_entering_without_a_note_is_refused():
    with pytest.raises(CheckpointError, match=r"epoch 2 can't be entered at batch 1: the checkpoint knows nothing"):
        Replay([1, 2]).batches(2, 1)
    source = Replay([1, 2])
    list(source.batches(1, 0))
    with pytest.raises(CheckpointError, match="knows how epoch 1 began"):
        source.batches(2, 1)


def test_entering_past_the_end_is_refused():
    source = Replay([1, 2])
    list(source.batches(1, 0))
    assert list(source.batches(1, 2)) == []
    with pytest.raises(CheckpointError, match="has 2 batches now"):
        source.batches(1, 3)


def test_an_iterator_serves_one_pass_from_its_start():
    with pytest.raises(RecipeError, match="list_iterator, which can be iterated once"):
        Replay(iter([1, 2])).batches(1, 1)
    source = Replay(number for number in (1, 2))
    assert list(source.batches(1, 0)) == [1, 2]
    with pytest.raises(RecipeError, match="can't give epoch 2 from batch 0"):
        source.batches(2, 0)


def test_states_of_loader_and_replay_may_meet_the_other():
    loader, replay = Loader(TensorData(torch.arange(3)), 1), Replay([1, 2])
    loader_state = loader.state_dict()
    loader.load_state_dict(replay.state_dict())
    assert loader.state_dict() == loader_state
    replay.load_state_dict(loader_state)
    with pytest.raises(CheckpointError, match="knows nothing"):
        replay.batches(1, 1)


def test_as_source_wraps_only_what_has_no_position():
    loader = Loader(TensorData(torch.arange(3)), 1)
    assert as_source(loader) is loader
    assert isinstance(as_source([1]), Replay)
