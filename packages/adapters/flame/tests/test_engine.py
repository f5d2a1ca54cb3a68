"""flame's event engine, by its contract's checks 3 to 7."""

import pytest
from injector import Injector, Module, inject, provider

from torchalloy.adapters.flame.pytorch.experimental.engine import Engine, Events, State


def record(engine, *events):
    fired = []
    for event in events:
        engine.add_event_handler(event, lambda event=event: fired.append(event.name))
    return fired


def test_two_epochs_over_ten_items_count_and_fire_in_flames_order():
    engine = Engine()
    fired = record(engine, *(e for e in Events if not e.name.startswith(("TERM", "EXC", "DATA"))))
    engine.run(range(10), max_epochs=2)
    state = engine.state
    assert (state.epoch, state.local_iteration, state.global_iteration, state.max_iterations) == (2, 10, 20, 20)
    assert fired[:6] == [
        "STARTED",
        "EPOCH_STARTED",
        "GET_BATCH_STARTED",
        "GET_BATCH_COMPLETED",
        "ITERATION_STARTED",
        "ITERATION_COMPLETED",
    ]
    assert fired[-2:] == ["EPOCH_COMPLETED", "COMPLETED"]
    assert (fired.count("ITERATION_COMPLETED"), fired.count("EPOCH_COMPLETED"), fired.count("GET_BATCH_STARTED")) == (
        20,
        2,
        20,
    )


def test_max_iterations_ends_inside_the_second_epoch():
    engine = Engine()
    fired = record(engine, Events.EPOCH_COMPLETED)
    engine.run(range(10), max_iterations=15)
    assert (engine.state.global_iteration, engine.state.epoch, engine.state.max_epochs, len(fired)) == (15, 2, 2, 2)


@pytest.mark.parametrize(("data", "limits", "error"), [
    (range(3), {"max_epochs": 1, "max_iterations": 1}, ValueError),
    ([], {"max_epochs": 1}, ValueError),
    (3, {"max_epochs": 1}, TypeError),
])  # fmt: skip
def test_setup_refuses_what_cannot_run(data, limits, error):
    with pytest.raises(error):
        Engine().run(data, **limits)


def test_injected_handlers_get_their_own_engine_and_state():
    container, seen = Injector(), []

    @inject
    def handler(state: State, engine: Engine) -> None:
        seen.append((state, engine))

    engines = [Engine(container=container), Engine(container=container)]
    for engine in engines:
        engine.add_event_handler(Events.COMPLETED, handler)
        engine.run(range(1), max_epochs=1)
    assert [(state is engine.state, got is engine) for (state, got), engine in zip(seen, engines, strict=True)] == [
        (True, True)
    ] * 2
    assert seen[0][0] is not seen[1][0]


def test_filters_fire_by_the_events_counter():
    engine, at = Engine(), {"every": [], "once": [], "both": []}
    state = engine.state
    engine.add_event_handler(Events.ITERATION_COMPLETED(every=3), lambda: at["every"].append(state.global_iteration))
    engine.add_event_handler(Events.ITERATION_COMPLETED(once=4), lambda: at["once"].append(state.global_iteration))
    engine.add_event_handler(Events.EPOCH_STARTED | Events.EPOCH_COMPLETED, lambda: at["both"].append(state.epoch))
    engine.run(range(5), max_epochs=2)
    assert at == {"every": [3, 6, 9], "once": [4], "both": [1, 1, 2, 2]}


def test_a_dependency_is_made_once_for_a_handler():
    made = []

    class Numbers(Module):
        @provider
        def number(self) -> int:
            made.append(1)
            return len(made)

    @inject
    def handler(number: int) -> None:
        assert number == 1

    engine = Engine(container=Injector(Numbers()))
    engine.add_event_handler(Events.ITERATION_COMPLETED, handler)
    engine.run(range(10), max_epochs=2)
    assert made == [1]


def test_setup_then_stepping_epochs_by_hand():
    engine = Engine()
    engine.setup(range(10), max_epochs=2)
    engine.step_epoch()
    assert (engine.state.local_iteration, engine.state.global_iteration) == (10, 10)
    engine.step_epoch()
    assert (engine.state.local_iteration, engine.state.global_iteration, engine.state.max_iterations) == (10, 20, 20)


def test_a_finished_engine_runs_again_from_the_start():
    engine = Engine()
    for _ in range(2):
        engine.run(range(3), max_epochs=1)
        assert (engine.state.epoch, engine.state.global_iteration) == (1, 3)


def test_terminate_ends_the_run_after_the_iteration():
    engine = Engine()
    engine.add_event_handler(Events.ITERATION_COMPLETED(once=2), engine.terminate)
    engine.run(range(10), max_epochs=2)
    assert engine.state.global_iteration == 2
