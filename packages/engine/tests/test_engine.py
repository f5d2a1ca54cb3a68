"""The loop: order of events, budgets, rhythms, nested stages, and that any split of a run gives the same rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import torchalloy.engine as engine
from torchalloy.core import Budget, Every, Handlers, Mean, OwnedRun, Recipe, RecipeError, Stage, State, on_demand
from torchalloy.engine import Drive, Metrics, link, run
from torchalloy.engine.testing import Trace


def add(batch, state):
    return {"sum": float(batch)}


def recipe(*, train=4, valid=2, epochs=2, **budget):
    stages = (Stage("train", range(train), add), Stage("valid", range(valid), add, counts=False))
    return Recipe(stages, Budget(epochs, **budget))


def traced(recipe, state, *extra):
    trace = Trace()
    run(link(recipe, trace.handlers(), *extra), state)
    return trace.events


def test_the_face_is_sorted_and_whole():
    assert engine.__all__ == sorted(engine.__all__)
    assert all(hasattr(engine, name) for name in engine.__all__)


def test_events_come_in_the_order_of_the_map():
    events = traced(recipe(train=1, valid=1, epochs=1), State())
    assert [event[0] for event in events] == [
        "run_start", "epoch_start",
        "stage_start", "before_step", "after_step", "stage_end",
        "stage_start", "before_step", "after_step", "stage_end",
        "epoch_end", "run_end",
    ]  # fmt: skip


def test_only_counting_steps_move_the_run():
    state = State()
    traced(recipe(train=4, valid=3, epochs=2), state)
    assert (state.epoch, state.global_iteration, state.local_iteration, state.stage) == (2, 8, 3, "")


def test_iterations_end_inside_an_epoch_which_is_then_closed():
    state = State()
    events = traced(recipe(train=4, valid=1, epochs=None, iterations=6), state)
    assert state.global_iteration == 6
    assert [event for event in events if event[0] == "epoch_end"] == [("epoch_end", 1), ("epoch_end", 2)]


def test_a_limit_takes_no_batch_more():
    taken = []

    class Data:
        def __iter__(self):
            for number in range(10):
                taken.append(number)
                yield number

    run(link(Recipe((Stage("train", Data(), add, limit=3),), Budget(1))), State())
    assert taken == [0, 1, 2]


def stop_at(step):
    def stop(state, _):
        if state.global_iteration == step:
            state.stop = "enough"

    return Handlers("stop", after_step=Every(1, stop, stage="train"))


@given(train=st.integers(1, 5), valid=st.integers(0, 3), epochs=st.integers(1, 3), data=st.data())
def test_any_split_of_a_run_gives_the_same_rest(train, valid, epochs, data):
    whole = traced(recipe(train=train, valid=valid, epochs=epochs), State())[1:-1]
    at = data.draw(st.integers(1, train * epochs))
    first = State()
    head = traced(recipe(train=train, valid=valid, epochs=epochs), first, stop_at(at))[1:-1]
    second = State()
    second.load_state_dict(first.state_dict())
    tail = traced(recipe(train=train, valid=valid, epochs=epochs), second)[1:-1]
    assert head + tail == whole


def test_every_is_called_by_the_runs_own_count_also_after_a_resume():
    called = []
    beat = Handlers("beat", after_step=Every(3, lambda state, _: called.append(state.global_iteration), stage="train"))
    state = State()
    run(link(recipe(train=5, valid=0, epochs=1), beat, stop_at(4)), state)
    run(link(recipe(train=5, valid=0, epochs=2), beat), state)
    assert called == [3, 6, 9]


def test_a_handler_may_perform_a_stage_inside_another():
    seen, drives = [], []
    scoring = Stage("valid", "ab", lambda b, s: seen.append((b, s.stage, s.local_iteration)), on_demand, counts=False)
    stages = (Stage("train", range(3), add), scoring)

    def score(state, _):
        drives[0].perform("valid")
        seen.append((state.stage, state.local_iteration, state.output))

    handlers = Handlers("score", run_start=drives.append, after_step=Every(2, score, stage="train"))
    state = run(link(Recipe(stages, Budget(1), handlers=(handlers,))), State())
    assert seen == [("a", "valid", 1), ("b", "valid", 2), ("train", 2, {"sum": 1.0})]
    assert state.global_iteration == 3


def test_an_owned_run_tells_the_same_story():
    def loop(drive):
        for _ in drive.epochs():
            for name, size in (("train", 4), ("valid", 2)):
                with drive.stage(name):
                    for batch in drive.feed(range(size)):
                        drive.report(add(batch, drive.state))

    assert traced(Recipe(OwnedRun(loop), Budget(2)), State()) == traced(recipe(), State())


def test_an_error_is_told_and_comes_through_as_it_is():
    def fail(batch, state):
        raise KeyError("mine")

    trace = Trace()
    with pytest.raises(KeyError, match="mine"):
        run(link(Recipe((Stage("train", range(2), fail),), Budget(1)), trace.handlers()), State())
    assert trace.events[-1] == ("error", "KeyError")


@pytest.mark.parametrize(("bad", "message"), [
    (Recipe((), Budget(1)), "no stage"),
    (Recipe((Stage("a", (), add),)), "no budget"),
    (Recipe((Stage("a", (), add), Stage("a", (), add)), Budget(0)), "0 epochs.*2 stages named 'a'"),
    (Recipe((Stage("a", (), add),), Budget(1), {}, (Handlers("h", after_step=Every(0, add)),)), "every 0 steps"),
])  # fmt: skip
def test_what_cannot_run_is_refused_all_at_once(bad, message):
    with pytest.raises(RecipeError, match=message):
        link(bad)


def test_a_training_stage_without_data_is_an_error():
    with pytest.raises(RecipeError, match="'train' got no batch"):
        run(link(Recipe((Stage("train", [], add),), Budget(1))), State())


def test_an_unknown_stage_names_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'valid'"):
        Drive(link(recipe()), State()).perform("valdi")


def test_the_table_says_who_is_called_when():
    beat = Handlers("beat", after_step=Every(3, lambda state, _: None, stage="train"))
    rows = [(row.moment, row.handler, row.rhythm) for row in link(recipe(), beat).table()]
    assert rows == [("after_step", "beat", "every 3 steps of train")]


def collect(window, recipe, state, *handlers, metrics=None, every_step=False):
    readings = []
    metrics = metrics or Metrics(readings.append, window=window, every_step=every_step)
    metrics._publish = readings.append
    run(link(recipe, metrics.window_handlers(), *handlers, first=(metrics.handlers(recipe),)), state)
    return readings, metrics


def test_metrics_are_means_of_windows_and_stages():
    state = State()
    readings, _ = collect(2, recipe(train=5, valid=2, epochs=1), state)
    told = [(r.stage, r.clock, r.step, r.values["sum"]) for r in readings]
    assert told == [
        ("train", "batches", 2, 0.5), ("train", "batches", 4, 2.5), ("train", "epochs", 1, 2.0),
        ("valid", "stage", 2, 0.5), ("valid", "epochs", 1, 0.5),
    ]  # fmt: skip
    assert state.metrics == {"train/sum": 2.0, "valid/sum": 0.5}


def test_a_mean_weighs_by_its_count():
    stage = Stage("train", [(6.0, 3), (1.0, 1)], lambda pair, _: {"right": Mean(*pair)})
    state = State()
    collect(10, Recipe((stage,), Budget(1)), state)
    assert state.metrics == {"train/right": 7 / 4}


def test_each_steps_own_values_are_told_once_a_window():
    readings, _ = collect(2, recipe(train=4, valid=0, epochs=1), State(), every_step=True)
    assert [(r.step, r.values["sum"]) for r in readings if r.clock == "batches"] == [
        (1, 0.0),
        (2, 1.0),
        (3, 2.0),
        (4, 3.0),
    ]


@given(at=st.integers(1, 9))
def test_metrics_of_a_split_run_are_those_of_the_whole(at):
    whole, _ = collect(3, recipe(train=5, valid=1, epochs=2), State())
    first, second = State(), State()
    head, metrics = collect(3, recipe(train=5, valid=1, epochs=2), first, stop_at(at))
    resumed = Metrics(lambda reading: None, window=3)
    resumed.load_state_dict(metrics.state_dict())
    second.load_state_dict(first.state_dict())
    tail, _ = collect(3, recipe(train=5, valid=1, epochs=2), second, metrics=resumed)
    assert head + tail == whole


def test_a_step_that_returns_no_mapping_is_named():
    with pytest.raises(RecipeError, match="a step returned float"):
        collect(1, Recipe((Stage("train", [1], lambda b, s: 0.5),), Budget(1)), State())


def test_batches_that_do_not_know_their_number_are_walked_through():
    class Unsized(list):
        def __len__(self):
            raise TypeError("an iterable data set has no length")

    state = run(link(Recipe((Stage("train", Unsized([1, 2]), add),), Budget(1))), State())
    assert (state.global_iteration, state.epoch_length) == (2, None)


def test_a_stage_left_by_an_error_that_is_caught_is_left():
    def loop(drive):
        for _ in drive.epochs():
            with pytest.raises(KeyError), drive.stage("train"):
                raise KeyError("mine")
            with drive.stage("valid"):
                assert not drive.counts
            assert drive.state.stage == "valid" and not drive.counts

    run(link(Recipe(OwnedRun(loop), Budget(1))), State())
