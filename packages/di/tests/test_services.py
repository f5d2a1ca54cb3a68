"""Services: who gets what, how often it is made, and what a wrong wiring is told."""

import functools
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NewType, Protocol

import pytest
from injector import AssistedBuilder, Injector, Module, ProviderOf, inject, provider, singleton, threadlocal

import torchalloy.di
from torchalloy.core import AlloyError, PluginError, Provider, Services
from torchalloy.di import constant, services

Rate = NewType("Rate", float)
TrainConfig = NewType("TrainConfig", dict)


class Model:
    """A service that counts how many were made."""


class Loader(Protocol):
    def load(self) -> int: ...


class Base(ABC):
    @abstractmethod
    def f(self) -> None: ...


@dataclass
class Optimizer:
    model: Model
    rate: float


@inject
@dataclass
class Process:
    model: Model
    optimizer: Optimizer


def make_optimizer(model: Model, rate: Rate) -> Optimizer:
    return Optimizer(model, rate)


WIRED = [Provider(Model, Model), Provider(Optimizer, make_optimizer), constant(Rate, 0.5)]


def test_face_is_sorted():
    assert torchalloy.di.__all__ == sorted(torchalloy.di.__all__)


def test_makers_get_their_annotated_parameters_and_everything_is_made_once():
    run: Services = services(WIRED)
    process = run.get(Process)
    assert process.optimizer == Optimizer(process.model, 0.5)
    assert process.optimizer.model is process.model is run.get(Model)
    assert run.get(Process) is process


def test_two_runs_share_nothing():
    one, other = services(WIRED), services(WIRED)
    assert one.get(Model) is not other.get(Model)
    assert one.get(Process) is not other.get(Process)


@pytest.mark.parametrize(
    "make",
    [Optimizer, functools.partial(make_optimizer), lambda: Optimizer(Model(), 1.0)],
    ids=["class", "partial", "lambda"],
)
def test_any_callable_can_make_a_service(make):
    run = services([Provider("optimizer", make), Provider(Model, Model), constant(float, 2.0), constant(Rate, 2.0)])
    assert isinstance(run.get("optimizer"), Optimizer)


def test_a_default_stands_unless_its_type_has_a_provider():
    def make(rate: float = 0.1, model: Model | None = None) -> tuple[float, Model | None]:
        return rate, model

    assert services([Provider("pair", make)]).get("pair") == (0.1, None)
    run = services([Provider("pair", make), constant(float, 0.7), Provider(Model, Model)])
    assert run.get("pair") == (0.7, run.get(Model))


def test_injected_constructors_keep_their_defaults_too():
    class Step:
        @inject
        def __init__(self, model: Model, rate: float = 0.1) -> None:
            self.model, self.rate = model, rate

    assert services([]).get(Step).rate == 0.1  # injector alone would pass float(), 0.0


def test_user_modules_win_over_providers_and_need_no_singleton_mark():
    class Mine(Module):
        @provider
        def rate(self) -> Rate:
            return Rate(0.25)

        @singleton
        @provider
        def config(self, rate: Rate) -> TrainConfig:
            return TrainConfig({"rate": rate})

    run = services(WIRED, Mine)
    assert run.get(Optimizer).rate == 0.25
    assert run.get(TrainConfig) is run.get(TrainConfig) == {"rate": 0.25}


def test_a_child_adds_and_shares_and_leaves_its_parent_alone():
    parent = services([Provider(Model, Model)])
    child = parent.child(constant(Rate, 3.0), lambda binder: binder.bind(TrainConfig, to={"a": 1}))
    assert child.get(Model) is parent.get(Model)
    assert (child.get(Rate), child.get(TrainConfig)) == (3.0, {"a": 1})
    with pytest.raises(AlloyError, match="nothing provides Rate"):
        parent.get(Rate)


@pytest.mark.parametrize("mark", [lambda cls: cls, singleton])
def test_a_class_made_by_a_child_sees_what_the_child_binds(mark):
    @mark
    class Uses:
        @inject
        def __init__(self, model: Model) -> None:
            self.model = model

    mine = Model()
    assert services([]).child(constant(Model, mine)).get(Uses).model is mine


def test_the_injector_is_a_real_one_and_its_children_keep_the_rules():
    run = services(WIRED)
    assert isinstance(run.injector, Injector) and run.injector.get(Injector) is run.injector
    child = run.injector.create_child_injector(lambda binder: binder.bind(TrainConfig, to={}))
    assert child.get(Process) is child.get(Process)
    assert child.get(Injector) is child
    with pytest.raises(AlloyError, match="nothing provides int"):
        child.get(int)


def test_injectors_own_ways_of_asking_work():
    run = services(WIRED)
    assert run.get(ProviderOf[Model]).get() is run.get(Model)
    assert run.child(lambda b: b.bind(Process)).get(AssistedBuilder[Process]).build(model=1).model == 1


def test_threadlocal_stays_threadlocal():
    run = services([], lambda binder: binder.bind(Model, to=Model, scope=threadlocal))
    seen = []
    thread = threading.Thread(target=lambda: seen.append(run.get(Model)))
    thread.start()
    thread.join()
    assert run.get(Model) is run.get(Model) is not seen[0]


class NeedsSize:
    def __init__(self, size):
        self.size = size


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (Rate, "a NewType of float"),
        (TrainConfig, "a NewType of dict"),
        (float, "standard library"),
        (threading.Event, "standard library"),
        (Loader, "a Protocol"),
        (Base, "an abstract class"),
        (NeedsSize, "its __init__ needs 'size'; mark it @inject"),
        (NewType("modle", object), "a NewType of object"),
    ],
)
def test_an_unbound_key_is_an_error_that_says_why_who_asked_and_what_is_bound(key, reason):
    def make(thing) -> str:
        return "x"

    make.__annotations__["thing"] = key
    run = services([constant("model", 1), Provider("outer", make)])
    with pytest.raises(AlloyError, match=f"{reason}.*asked for by outer.*Bound: model, outer"):
        run.child().get("outer")


def test_the_whole_chain_of_askers_is_told():
    with pytest.raises(AlloyError, match=r"nothing provides Rate.*asked for by Process -> Optimizer\."):
        services([Provider(Optimizer, make_optimizer)]).get(Process)


def test_the_nearest_bound_key_is_told():
    with pytest.raises(AlloyError, match=r"Did you mean 'Optimizer'\?"):
        services(WIRED).get(NewType("Optimiser", object))


def test_a_cycle_is_told_as_a_chain():
    def make_model(process: Process) -> Model:
        return process.model

    with pytest.raises(AlloyError, match="Process needs itself: Process -> Model -> Process;"):
        services([Provider(Model, make_model)]).get(Process)


def test_a_call_that_does_not_fit_is_an_error_of_the_key():
    run = services([], lambda binder: binder.bind(NeedsSize, to=NeedsSize))
    with pytest.raises(AlloyError, match=r"NeedsSize can't be made: .*missing 1 required positional argument: 'size'"):
        run.get(NeedsSize)


def test_an_exception_of_a_maker_comes_through_with_a_note():
    def make_model() -> Model:
        raise FileNotFoundError("weights.bin")

    run = services([Provider(Model, make_model), constant(Optimizer, None)])
    with pytest.raises(FileNotFoundError, match=r"weights.bin") as raised:
        run.get(Process)
    assert raised.value.__notes__ == ["While making the service Process -> Model"]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([constant(Rate, 1), constant(Rate, 2)], PluginError, "Rate has two providers"),
        ([constant(list[int], [])], AlloyError, r"list\[int\] can't be a key"),
        (["not a module"], AlloyError, "expected an injector Module.*got str 'not a module'"),
        ([Provider(Model, lambda thing: thing)], AlloyError, "provider of Model: parameter 'thing' has no annotation"),
    ],
)
def test_wrong_providers_are_told(given, error, message):
    with pytest.raises(error, match=message):
        services([], *given).get(Model)


def test_an_annotation_that_names_nothing_is_told():
    def make(thing: "Unheard") -> Model:  # noqa: F821
        return Model()

    with pytest.raises(AlloyError, match="provider of Model: an annotation can't be evaluated: name 'Unheard'"):
        services([Provider(Model, make)]).get(Model)


def test_importing_it_imports_no_torch():
    code = "import sys, torchalloy.di; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
