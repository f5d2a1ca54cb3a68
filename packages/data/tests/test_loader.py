import random

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from torchalloy.core import ConfigError, Source
from torchalloy.data import Loader, TensorData, order_seed, sample_order


class Squares:
    """A map-style data set of numbers."""

    def __init__(self, num_samples):
        self.num_samples = num_samples

    def __len__(self):
        return self.num_samples

    def __getitem__(self, index):
        return index, index**2


class Shifted(TensorDataset):
    """Tensors in memory whose samples aren't their rows."""

    def __getitem__(self, index):
        return tuple(tensor[index] + 1 for tensor in self.tensors)


def numbers(num_samples, width=1):
    return TensorData(torch.arange(num_samples * width).view(num_samples, width), torch.arange(num_samples))


def places(batches):
    """The samples in each batch, by number."""
    return [batch[1].tolist() for batch in batches]


SIZES = {"num_samples": st.integers(1, 40), "batch_size": st.integers(1, 12), "seed": st.integers(0, 5)}
KINDS = {"rows": numbers, "each": Squares, "wide rows": lambda n: numbers(n, 9000)}


def test_a_loader_is_a_source():
    assert isinstance(Loader(numbers(4), 2), Source)


def test_order_is_the_documented_formula():
    generator = torch.Generator().manual_seed(order_seed(7, 3))
    expected = torch.randperm(10, generator=generator).split(4)
    assert places(Loader(numbers(10), 4, shuffle=True, seed=7).batches(3, 0)) == [part.tolist() for part in expected]


def test_making_batches_moves_no_global_generator():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    list(Loader(numbers(10), 4, shuffle=True).batches(1, 0))
    assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())


@settings(deadline=None, max_examples=60)
@given(**SIZES, kind=st.sampled_from(sorted(KINDS)), epoch=st.integers(1, 3), drop_last=st.booleans(), data=st.data())
def test_entering_anywhere_gives_the_same_rest(num_samples, batch_size, seed, kind, epoch, drop_last, data):
    make = lambda: Loader(KINDS[kind](num_samples), batch_size, shuffle=True, seed=seed, drop_last=drop_last)
    whole = places(make().batches(epoch, 0))
    start = data.draw(st.integers(0, len(whole)))
    assert places(make().batches(epoch, start)) == whole[start:]
    assert len(make()) == len(whole)


@settings(deadline=None, max_examples=60)
@given(**SIZES, num_ranks=st.integers(1, 4), kind=st.sampled_from(sorted(KINDS)), start=st.integers(0, 3))
def test_strides_of_all_ranks_together_are_the_single_process(num_samples, batch_size, seed, num_ranks, kind, start):
    batch_size = max(batch_size, num_ranks)
    assume(kind != "each" or not 0 < num_samples % batch_size < num_ranks)
    make = lambda **rank: Loader(KINDS[kind](num_samples), batch_size, shuffle=True, seed=seed, **rank)
    shares = [places(make(rank=rank, num_ranks=num_ranks).batches(1, start)) for rank in range(num_ranks)]
    whole = places(make(rank=0, num_ranks=1).batches(1, start))
    assert [len(share) for share in shares] == [len(whole)] * num_ranks
    for position, batch in enumerate(whole):
        assert [share[position] for share in shares] == [batch[rank::num_ranks] for rank in range(num_ranks)]


@settings(deadline=None, max_examples=30)
@given(**SIZES, num_ranks=st.integers(1, 3))
def test_reused_buffers_hold_the_same_batches(num_samples, batch_size, seed, num_ranks):
    batch_size = max(batch_size, num_ranks)
    options = {"shuffle": True, "seed": seed, "rank": num_ranks - 1, "num_ranks": num_ranks}
    kept = places(Loader(numbers(num_samples), batch_size, reuse_buffers=True, **options).batches(1, 0))
    assert kept == places(Loader(numbers(num_samples), batch_size, **options).batches(1, 0))


def test_kept_batches_stay_as_they_were_and_changing_one_changes_nothing_else():
    data = numbers(20)
    batches = []
    for batch in Loader(data, 4, shuffle=True, seed=1):
        batches.append(batch)
        batch[0].mul_(-1)
    assert data.tensors[0].flatten().tolist() == list(range(20))
    assert [batch[0].flatten().neg().tolist() for batch in batches] == places(batches)


def test_tensors_and_samples_give_equal_batches():
    rows, each = Loader(numbers(10), 3, shuffle=True), Loader(Squares(10), 3, shuffle=True)
    assert [batch[1].tolist() for batch in rows] == [batch[0].tolist() for batch in each]


def test_unshuffled_batches_equal_those_of_torch():
    ours, theirs = Loader(numbers(10), 4), DataLoader(numbers(10), 4)
    for our, their in zip(ours, theirs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(our, their, strict=True))


def test_a_subclass_with_its_own_samples_is_asked_for_them():
    (batch,) = Loader(Shifted(torch.arange(3)), 3)
    assert batch[0].tolist() == [1, 2, 3]


def test_getitems_is_called_once_a_batch():
    calls = []

    class Many(Squares):
        def __getitems__(self, rows):
            calls.append(rows)
            return [self[row] for row in rows]

    assert places(Loader(Many(5), 2)) == [[0, 1], [4, 9], [16]]
    assert calls == [[0, 1], [2, 3], [4]]


def test_collate_and_transform_are_applied():
    loader = Loader(Squares(4), 2, collate=lambda samples: [square for _, square in samples], transform=sum)
    assert list(loader) == [1, 13]


def test_plain_iteration_counts_its_epochs():
    loader = Loader(numbers(9), 2, shuffle=True)
    expected = [places(loader.batches(epoch, 0)) for epoch in (1, 2, 3)]
    assert [places(loader) for _ in range(3)] == expected
    loader.set_epoch(2)
    assert places(loader) == expected[1]


def test_leaving_an_epoch_early_begins_the_next():
    loader = Loader(numbers(9), 2, shuffle=True)
    for _ in loader:
        break
    assert places(loader) == places(loader.batches(2, 0))


@settings(deadline=None, max_examples=40)
@given(stop=st.integers(0, 15), second=st.integers(0, 15))
def test_plain_iteration_goes_on_from_its_state_again_and_again(stop, second):
    def take(loader, num_batches):
        """Batches of as many epochs as it takes; the state after the last one, as a loop body would save it."""
        taken, state = [], loader.state_dict()
        while len(taken) < num_batches:
            for batch in loader:
                taken.append(batch[1].tolist())
                state = loader.state_dict()
                if len(taken) == num_batches:
                    break
        return taken, state

    make = lambda: Loader(numbers(9), 2, shuffle=True, seed=3)
    whole, _ = take(make(), stop + second + 10)
    got = []
    state = make().state_dict()
    for part in (stop, second, 10):
        loader = make()
        loader.load_state_dict(state)
        taken, state = take(loader, part)
        got += taken
    assert got == whole


def test_num_ranks_is_asked_of_torch_when_iteration_starts(tmp_path):
    loader = Loader(numbers(8), 4)
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        assert places(loader) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"batch_size": 0}, "batch_size is 0; expected an integer >= 1"),
        ({"batch_size": 2.0}, "batch_size is 2.0"),
        ({"batch_size": 2, "rank": 1}, "give both or neither"),
        ({"batch_size": 2, "rank": 2, "num_ranks": 2}, "0 <= rank < num_ranks=2"),
        ({"batch_size": 2, "collate": list}, "collate would not be called"),
        ({"batch_size": 2, "dataset": iter([1])}, "has no __len__ and __getitem__"),
        ({"batch_size": 2, "dataset": Squares(3), "reuse_buffers": True}, "only for tensors in memory"),
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments, says):
    with pytest.raises(ConfigError, match=says):
        Loader(**{"dataset": numbers(4), **arguments})


def test_more_ranks_than_samples_in_a_batch_is_refused():
    with pytest.raises(ConfigError, match="batch_size >= 3"):
        Loader(numbers(4), 2, rank=0, num_ranks=3).batches(1, 0)


def test_a_last_batch_that_leaves_a_rank_nothing_to_collate_is_refused_on_all():
    for rank in (0, 1):
        with pytest.raises(ConfigError, match=r"last batch has 1 samples for 2 ranks.*drop_last=True"):
            Loader(Squares(5), 4, rank=rank, num_ranks=2).batches(1, 0)
    assert len(list(Loader(Squares(5), 4, rank=1, num_ranks=2, drop_last=True).batches(1, 0))) == 1


@pytest.mark.parametrize("tensors", [(), (torch.tensor(1),), (torch.zeros(2), torch.zeros(3))])
def test_tensors_of_no_common_length_are_refused(tensors):
    with pytest.raises(ConfigError, match="one length along axis 0"):
        TensorData(*tensors)


def test_sample_order_holds_every_sample_once():
    assert sorted(sample_order(50, seed=0, epoch=1).tolist()) == list(range(50))
