"""Config nodes: what they build, and which key a wrong one is told about."""

import copy
import functools
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchalloy.core import AlloyError, UnknownName
from torchalloy.registry import BuildError, Registry, UnknownInNode, expect


@dataclass
class Layer:
    width: int
    depth: int = 2
    inner: Any = None


def optimizer(parameters, lr, *, momentum=0.9):
    return (parameters, lr, momentum)


def takes_anything(*args, **kwargs):
    return (args, kwargs)


def fails(size):
    raise RuntimeError(f"bad size {size}")


LAYER = f"{__name__}.Layer"


@pytest.fixture
def registry():
    registry = Registry()
    registry.add("part", "layer", Layer, "tests")
    registry.add("part", "sgd", optimizer, "tests")
    registry.add("part", "any", takes_anything, "tests")
    registry.add("part", "fails", fails, "tests")
    registry.add("part", "number", 3, "tests")
    return registry


@pytest.mark.parametrize("key", ["name", "type", "_target_", "_call"])
def test_each_spelling_of_the_target_builds_the_same(registry, key):
    assert registry.build({key: "layer", "width": 4}, "part") == Layer(4)


def test_the_first_spelling_names_the_target_and_the_others_are_parameters(registry):
    assert registry.build({"type": "any", "name": "x"}, "part") == ((), {"name": "x"})


def test_a_bare_name_is_called_with_what_is_passed_by_position(registry):
    assert registry.build("layer", "part", 5) == Layer(5)
    assert registry.build({"name": "sgd", "lr": 0.1}, "part", "weights") == ("weights", 0.1, 0.9)


def test_a_callable_may_stand_for_its_name(registry):
    assert registry.build(Layer, "", 1) == registry.build({"_target_": Layer, "width": 1}) == Layer(1)


def test_nested_nodes_are_built_at_any_depth_and_the_config_stays_as_it_was(registry):
    node = {"name": "layer", "width": 1, "inner": [{"a": {"_target_": "layer", "_args_": [2]}}, {"name": "plain"}]}
    before = copy.deepcopy(node)
    assert registry.build(node, "part") == Layer(1, inner=[{"a": Layer(2)}, {"name": "plain"}])
    assert node == before


@pytest.mark.parametrize("node", [{"name": "sgd", "_partial_": True, "lr": 1}, {"_use": "sgd", "lr": 1}])
def test_a_partial_is_bound_and_not_called(registry, node):
    bound = registry.build(node, "part")
    assert isinstance(bound, functools.partial) and bound("w") == ("w", 1, 0.9)


def test_use_without_parameters_is_the_object_itself(registry):
    assert registry.build({"_use": "sgd"}, "part") is optimizer
    assert registry.build({"_use": "number"}, "part") == 3


@pytest.mark.parametrize(
    ("node", "kind_of_error", "path", "message"),
    [
        ({"name": "layre"}, UnknownInNode, ("name",), "no part named 'layre'.*did you mean 'layer'"),
        (
            {"name": "layer", "widht": 3},
            UnknownInNode,
            ("widht",),
            "no parameter 'widht'; did you mean 'width'.*takes: width, depth=2",
        ),
        ({"name": "layer"}, BuildError, (), "layer needs 'width': not given; it takes: width"),
        ({"name": "sgd", "lr": 1, "parameters": 2}, BuildError, ("parameters",), "passed by position already"),
        ({"width": 3}, BuildError, (), "nothing says what to build.*'_target_'.*its keys are width"),
        ({"name": 3}, BuildError, ("name",), "expected a name or a dotted path; got int 3"),
        ({"name": "layer", "width": 1, "_partial_": 1}, BuildError, ("_partial_",), "expected true or false"),
        ({"name": "number"}, BuildError, (), "can't be called"),
        (7, BuildError, (), "expected a name, or a mapping"),
        (
            {"name": "layer", "width": 1, "inner": [{"_call": LAYER, "wdth": 1}]},
            UnknownInNode,
            ("inner", 0, "wdth"),
            "'width'",
        ),
        (
            {"name": "fails", "size": 3},
            BuildError,
            (),
            r"fails can't be built: RuntimeError: bad size 3 .*test_build.py:\d+",
        ),
    ],
)
def test_a_wrong_node_says_what_and_which_key(registry, node, kind_of_error, path, message):
    positional = ("w",) if isinstance(node, dict) and node.get("name") == "sgd" else ()
    with pytest.raises(kind_of_error, match=message) as raised:
        registry.build(node, "part", *positional)
    assert type(raised.value) is kind_of_error and raised.value.path == path
    assert isinstance(raised.value, UnknownName) == (kind_of_error is UnknownInNode)


def test_nothing_of_the_users_runs_before_the_parameters_are_checked(registry):
    called = []

    def build_me(size):
        called.append(size)

    with pytest.raises(BuildError):
        registry.build({"_target_": build_me, "size": 1, "sise": 2})
    assert called == []


@given(
    names=st.sets(st.sampled_from("abcdef")),
    num_positional=st.integers(0, 3),
    target=st.sampled_from([lambda a, b=1, *, c: 0, lambda a, /, b: 0, lambda *a, d=1: 0, lambda e, **f: 0, lambda: 0]),
)
def test_arguments_are_refused_exactly_when_python_would_refuse_them(names, num_positional, target):
    try:
        target(*range(num_positional), **dict.fromkeys(names, 1))
        accepted = True
    except TypeError:
        accepted = False
    node = {"_target_": target, **dict.fromkeys(names, 1)}
    if accepted:
        assert Registry().build(node, "", *range(num_positional)) == 0
    else:
        with pytest.raises(BuildError) as raised:
            Registry().build(node, "", *range(num_positional))
        assert raised.value.__cause__ is None  # found by the check, not by the call


@pytest.mark.parametrize(
    ("thing", "message"), [(str, "class str"), (3, "an object of type int"), (fails, "function .*fails")]
)
def test_a_thing_of_the_wrong_kind_is_named_with_the_right_kind(thing, message):
    with pytest.raises(AlloyError, match=f"model: {message}.* is not .*Layer"):
        expect(thing, Layer, "model")


def test_a_thing_of_the_right_kind_is_handed_back():
    assert expect(Layer, Layer, "x") is Layer and expect(3, (str, int), "x") == 3
