import random

import numpy as np
import pytest
import torch

from torchalloy.adapters.alchemy.pipeline.itr import Batch, Shuffle, SplitByWorker, WithLength
from torchalloy.adapters.alchemy.pipeline.lst import ItrToLst, SequenceWrapper
from torchalloy.adapters.alchemy.pipeline.output import Collect
from torchalloy.adapters.alchemy.runner import get_dataloader
from torchalloy.adapters.alchemy.task import AlchemyTask
from torchalloy.adapters.alchemy.util.collate_fn import DefaultCollateFn
from torchalloy.adapters.alchemy.util.sym import sym_tbl
from torchalloy.core import ConfigError


@pytest.fixture(autouse=True)
def _clean_table():
    yield
    sym_tbl().reset()


def test_the_order_depends_on_the_seed_alone():
    def order(**kwargs):
        return [int(item) for item in get_dataloader(SequenceWrapper(list(range(10))), shuffle=True, **kwargs)]

    first = order()
    torch.manual_seed(5)
    assert order() == first
    assert order(seed=1) != first
    assert sorted(first) == list(range(10))


def test_two_workers_share_the_items():
    pipe = Batch(SplitByWorker(Shuffle(SequenceWrapper(list(range(23))), buffer_size=4)), batch_size=3)
    loader = get_dataloader(SplitByWorker(SequenceWrapper(list(range(23)))), batch_size=None, num_workers=2)
    assert sorted(int(item) for item in loader) == list(range(23))
    assert sorted(item for batch in pipe for item in batch) == list(range(23))


def test_shuffling_what_is_only_walked_through_is_refused_with_the_remedy():
    with pytest.raises(ConfigError, match=r"itr\.Shuffle"):
        get_dataloader(Batch(SequenceWrapper([1])), shuffle=True)


def test_a_walk_can_be_taken_again_from_its_start():
    pipe = Shuffle(SequenceWrapper(list(range(50))), buffer_size=7)
    state = random.getstate()
    first = list(pipe)
    random.setstate(state)
    assert list(pipe) == first
    assert sorted(first) == list(range(50))
    assert first != list(range(50))
    pipe.set_shuffle_settings(shuffle=False)
    assert list(pipe) == list(range(50))


def test_the_last_short_batch_is_kept_unless_dropped():
    assert list(Batch(range(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert list(Batch(range(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="batch_size"):
        Batch(range(5), batch_size=0)


def test_a_length_that_is_none_is_no_length():
    assert len(WithLength(range(3), length=3)) == 3
    with pytest.raises(TypeError):
        len(WithLength(range(3)))


def test_itr_to_lst_is_eager_and_keeps_items_under_both_names():
    taken = []
    kept = ItrToLst(taken.append(item) or item for item in range(3))
    assert taken == [0, 1, 2]
    assert kept.data == kept.datapipe == [0, 1, 2]
    assert (len(kept), kept[1]) == (3, 1)


def test_ragged_arrays_are_padded_with_zeros_in_every_dimension():
    samples = [{"x": np.ones((2, 1)), "n": 3, "t": "a"}, {"x": np.ones((1, 3)), "n": 4, "t": "b"}]
    batch = DefaultCollateFn()(samples)
    assert batch["x"].tolist() == [[[1, 0, 0], [1, 0, 0]], [[1, 1, 1], [0, 0, 0]]]
    assert (batch["n"], batch["t"]) == ([3, 4], ["a", "b"])
    scalars = DefaultCollateFn()([{"y": torch.tensor(1)}, {"y": torch.tensor(2)}])
    assert scalars["y"].tolist() == [1, 2]
    assert DefaultCollateFn()([torch.zeros(2), torch.ones(2)]).shape == (2, 2)


def test_a_task_builds_its_pipes_one_upon_the_other():
    sym_tbl().cfg = {"task": {}}
    task = AlchemyTask()
    pipes = [
        {
            "type": "alchemy.pipeline.lst.SequenceWrapper",
            "datapipe": [{"x": np.array([1.0])}, {"x": np.array([2.0, 3.0])}],
        },
        {"type": "alchemy.pipeline.Batch", "batch_size": 2},
    ]
    task.load_dataset("dev", pipes=pipes)
    dataset, kwargs = task.dataset("dev")
    (batch,) = get_dataloader(dataset, **kwargs)
    assert batch["x"].tolist() == [[1.0, 0.0], [2.0, 3.0]]
    with pytest.raises(KeyError, match="did you mean 'dev'"):
        task.dataset("dev1")
    with pytest.raises(ConfigError, match=r"task\.datasets\.test"):
        task.load_dataset("test", batch_size=2)


def test_a_ready_collate_function_is_taken_as_it_is():
    sym_tbl().cfg = {"task": {}}
    task = AlchemyTask()
    pipes = [{"type": "alchemy.pipeline.lst.SequenceWrapper", "datapipe": [1, 2, 3]}]
    task.load_dataset("dev", pipes=pipes, batch_size=3, collate_fn=sum)
    dataset, kwargs = task.dataset("dev")
    assert list(get_dataloader(dataset, **kwargs)) == [6]


def test_collect_makes_its_list_even_for_an_empty_split_and_refuses_mappings():
    pipe = Collect("found")
    pipe.begin_eval("dev")
    assert sym_tbl().get_global("found") == []
    assert pipe([1, 2], None) == [1, 2]
    pipe([3], None)
    assert sym_tbl().pop_global("found") == [1, 2, 3]
    with pytest.raises(ValueError, match="mapping"):
        pipe({"scores": 1}, None)
