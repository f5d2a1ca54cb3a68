"""A state tree survives being taken apart and put together, whatever it holds."""

import json
import math
from collections import Counter, OrderedDict, defaultdict
from enum import IntEnum

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from torchalloy.checkpoint import Encoded, decode, encode
from torchalloy.core import CheckpointError

DTYPES = sorted((value for value in vars(torch).values() if isinstance(value, torch.dtype)), key=str)
PLAIN_DTYPES = [dtype for dtype in DTYPES if dtype.is_floating_point or dtype.is_complex or "int" in str(dtype)]


def there_and_back(tree):
    encoded = encode(tree)
    return decode(Encoded(json.loads(json.dumps(encoded.tree, allow_nan=False)), encoded.tensors))


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and bits(a) == bits(b)
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))  # the order of keys counts
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return a == b


def bits(tensor):
    return tensor.detach().resolve_conj().contiguous().reshape(-1).view(torch.uint8).tolist()


tensors = st.builds(
    lambda dtype, shape, seed: torch.randint(0, 100, shape, generator=torch.Generator().manual_seed(seed)).to(dtype),
    st.sampled_from(
        [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex128, torch.uint16, torch.float8_e5m2fnuz]
    ),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.integers(0, 9),
)
arrays = hnp.arrays(
    st.one_of(hnp.scalar_dtypes(), hnp.unicode_string_dtypes(), hnp.byte_string_dtypes()),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=3),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers(allow_nan=False),
    st.integers(-(2**5000), 2**5000), hnp.from_dtype(np.dtype("f4")), hnp.from_dtype(np.dtype("M8[ns]")),
)  # fmt: skip
keys = st.recursive(
    st.one_of(
        st.integers(), st.text(), st.just("$"), st.booleans(), st.floats(allow_nan=False), st.none(), st.binary()
    ),
    lambda inner: st.tuples(inner, inner),
    max_leaves=3,
)
trees = st.recursive(
    st.one_of(scalars, tensors, arrays),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(st.text(), inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(trees)
def test_decode_gives_back_what_encode_took(tree):
    assert same(tree, there_and_back(tree))


@pytest.mark.parametrize("dtype", [*PLAIN_DTYPES, torch.bool], ids=str)
def test_a_tensor_of_any_dtype_comes_back_bit_equal(dtype):
    try:
        raw = torch.arange(64, dtype=torch.uint8)
        tensor = (raw % 2).bool() if dtype is torch.bool else raw.view(dtype)
    except (RuntimeError, NotImplementedError) as error:
        pytest.fail(f"torch can't make the example: {error}")
    assert same({"t": tensor}, there_and_back({"t": tensor}))


def test_containers_that_pytorch_uses_keep_their_type():
    tree = {
        "ordered": OrderedDict(b=1, a=2),
        "milestones": Counter([30, 30, 60]),
        "default": defaultdict(list, {1: [2]}),
        "set": {1, 2},
    }
    back = there_and_back(tree)
    assert back == tree
    assert [type(back[name]) for name in tree] == [type(tree[name]) for name in tree]
    assert back["default"][99] == []


def test_a_modules_state_dict_keeps_its_versions():
    state = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)).state_dict()
    assert there_and_back(state)._metadata == state._metadata


def test_one_tensor_in_two_places_stays_one_and_overlapping_views_come_back():
    shared = torch.arange(6.0)
    encoded = encode({"a": shared, "b": shared, "head": shared[:3], "column": shared.view(2, 3).T})
    back = decode(encoded)
    assert back["a"] is back["b"]
    assert same(back["head"], shared[:3]) and same(back["column"], shared.view(2, 3).T)
    assert len(encoded.tensors) == 3


def test_tensors_are_named_by_their_path():
    encoded = encode(
        {"layers.0.weight": torch.zeros(1), "layers": [{"weight": torch.ones(1)}], "__metadata__": torch.ones(2)}
    )
    assert sorted(encoded.tensors) == ["__metadata__#2", "layers.0.weight", "layers.0.weight#2"]


UNUSUAL = ("Optimizer", "SparseAdam", "LBFGS", "Muon")  # the base class, and those that want other examples
OPTIMIZERS = [getattr(torch.optim, name) for name in torch.optim.__all__ if name[0].isupper() and name not in UNUSUAL]


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_the_state_of_every_optimizer_comes_back(kind):
    weight = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = kind([weight], lr=0.1)
    weight.square().sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    assert same(state, there_and_back(state))


def schedules(optimizer):
    rates = torch.optim.lr_scheduler
    yield rates.MultiStepLR(optimizer, [2, 4])
    yield rates.OneCycleLR(optimizer, 1.0, total_steps=10, cycle_momentum=False)
    yield rates.CosineAnnealingWarmRestarts(optimizer, 4)
    yield rates.ReduceLROnPlateau(optimizer)
    yield rates.LambdaLR(optimizer, lambda epoch: 0.9**epoch)
    yield rates.CyclicLR(optimizer, 0.1, 1.0, cycle_momentum=False)
    yield rates.SequentialLR(optimizer, [rates.LinearLR(optimizer), rates.MultiStepLR(optimizer, [3])], [2])


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_the_state_of_schedules_comes_back_and_they_go_on_with_it():
    for schedule in schedules(torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)):
        state = schedule.state_dict()
        assert same(state, there_and_back(state)), type(schedule).__name__
        schedule.load_state_dict(there_and_back(state))
        schedule.step(0.5) if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau) else schedule.step()


def test_generator_states_come_back():
    import random

    state = {
        "python": random.getstate(),
        "numpy": np.random.default_rng(3).bit_generator.state,
        "old": np.random.get_state(),
        "torch": torch.get_rng_state(),
    }
    assert same(state, there_and_back(state))


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (lambda: 0, "builtins.function"),
        (Colour.RED, "Colour"),
        (np.array([object()]), "dtype object"),
        (torch.empty(2, device="meta"), "meta device"),
        (torch.eye(2).to_sparse(), "sparse_coo"),
    ],
    ids=["function", "enum", "objects", "meta", "sparse"],
)
def test_what_cannot_be_kept_is_refused_with_part_path_and_type(value, said):
    with pytest.raises(CheckpointError) as refused:
        encode({"groups": [{"hook": value}]}, part="optimizer")
    assert "part 'optimizer' at 'groups.0.hook'" in str(refused.value)
    assert said in str(refused.value)


def test_a_tree_that_holds_itself_is_refused():
    tree = {"a": []}
    tree["a"].append(tree)
    with pytest.raises(CheckpointError, match="holds itself"):
        encode(tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"$": "os.system", "items": ["true"]},
        {"$": "tensor", "name": "gone"},
        {"$": "bytes", "base64": "?"},
        {"$": ["tuple"]},
    ],
)
def test_json_that_is_no_state_tree_is_refused(tree):
    with pytest.raises(CheckpointError, match="isn't a state tree"):
        decode(Encoded(tree, {}))
