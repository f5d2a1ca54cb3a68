"""flame's Engine: one process function over one data set, with events; the loop itself is torchalloy's."""

import inspect
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any

from injector import Injector, get_bindings

from torchalloy.adapters.flame.pytorch.experimental.engine.events import Events, EventsList, FilteredEvent, event_name
from torchalloy.adapters.flame.pytorch.experimental.engine.state import State
from torchalloy.core import Budget, Drive, Handlers, Recipe, Stage
from torchalloy.engine import Drive as EngineDrive
from torchalloy.engine import Program, link, run

__all__ = ["Engine"]

logger = logging.getLogger(__name__)
STAGE = "run"


def identity(batch: Any) -> Any:
    """Return what was given."""
    return batch


class Engine:
    """Calls `process_function` on every batch, and handlers on every event.

    Args:
        process_function: Gets the batch alone; what it returns becomes `state.output`.
        container: The injector handlers are fed from; the engine adds a child of its own, so engines on one container
            never share a state.
    """

    def __init__(self, process_function: Callable[[Any], Any] = identity, container: Injector | None = None) -> None:
        self.process_function = process_function
        self.state = State()
        self.container = Injector() if container is None else container.create_child_injector()
        self.container.binder.bind(Engine, to=self)
        self.container.binder.bind(State, to=self.state)
        self.last_event_name: Any = None
        self.should_terminate = False
        self.should_terminate_single_epoch = False
        self._handlers: dict[Any, list[tuple[Any, Callable[..., Any], Mapping[str, Any]]]] = {}

    def add_event_handler(self, event: Any, handler: Callable[..., Any], **kwargs: Any) -> None:
        """Call `handler` on `event`. Its injected dependencies are made now, once; `kwargs` win over them."""
        for one in event if isinstance(event, EventsList) else (event,):
            self._handlers.setdefault(event_name(one), []).append(
                (one, handler, {**self._dependencies(handler, kwargs), **kwargs})
            )

    def has_event_handler(self, handler: Callable[..., Any], event: Any = None) -> bool:
        """Whether `handler` is called on `event`, or on any event."""
        names = self._handlers if event is None else [event_name(event)]
        return any(known is handler for name in names for _, known, _ in self._handlers.get(name, ()))

    def fire_event(self, event: Any) -> None:
        """Call the handlers of `event` now, in the order they were added."""
        self.last_event_name = event
        for registered, handler, kwargs in tuple(self._handlers.get(event_name(event), ())):
            if not isinstance(registered, FilteredEvent) or registered.filter(
                self, self.state.get_event_attrib_value(event)
            ):
                handler(**kwargs)

    def terminate(self) -> None:
        """End the run after the iteration under way."""
        self.should_terminate = True
        self.state.stop = "terminated"

    def set_epoch(self, epoch: int) -> None:
        """Go on behind `epoch` when the engine runs next."""
        self.state.epoch = epoch

    def set_data(self, data: Iterable[Any]) -> None:
        """Use `data` from now on."""
        self.state.dataloader = data

    def run(
        self,
        data: Iterable[Any],
        max_epochs: int | None = None,
        max_iterations: int | None = None,
        epoch_length: int | None = None,
    ) -> State:
        """Run over `data` and return the state.

        Raises: TypeError, ValueError: see `setup`.
        """
        self.setup(data, max_epochs=max_epochs, max_iterations=max_iterations, epoch_length=epoch_length)
        run(self._program(), self.state)
        return self.state

    def step_epoch(self) -> None:
        """Run one epoch of what `setup` was given."""
        drive = EngineDrive(self._program(), self.state)
        drive.perform(STAGE)
        drive.commit()

    def setup(
        self,
        data: Iterable[Any],
        max_epochs: int | None = None,
        max_iterations: int | None = None,
        epoch_length: int | None = None,
    ) -> None:
        """Make the state ready for `data`.

        A finished state starts anew; one that isn't goes on, and only its `max_epochs` may grow.

        Raises:
            TypeError: `data` can't be iterated over.
            ValueError: Both limits given, no data, a smaller `max_epochs` than reached, another `epoch_length`.
        """
        if not isinstance(data, Iterable):
            raise TypeError(f"data must be iterable, got {type(data).__name__}")
        state = self.state
        if state.max_epochs is not None and not state.is_done():
            self._continue(max_epochs, epoch_length)
        else:
            self._begin(data, max_epochs, max_iterations, epoch_length)
        state.dataloader = data

    def _continue(self, max_epochs: int | None, epoch_length: int | None) -> None:
        state = self.state
        if max_epochs is not None:
            if max_epochs < state.epoch:
                raise ValueError(f"max_epochs {max_epochs} is below the {state.epoch} epochs run already")
            state.max_epochs = max_epochs
        if epoch_length is not None and epoch_length != state.epoch_length:
            raise ValueError(f"epoch_length {epoch_length} differs from the run's {state.epoch_length}")

    def _begin(
        self, data: Iterable[Any], max_epochs: int | None, max_iterations: int | None, epoch_length: int | None
    ) -> None:
        state = self.state
        if max_epochs is not None and max_iterations is not None:
            raise ValueError("give max_epochs or max_iterations, not both")
        if state.max_epochs is not None:
            state.epoch = 0  # a finished run starts anew; set_epoch on a fresh state resumes
        length = epoch_length if epoch_length is not None else len(data) if isinstance(data, Sized) else None
        if length is not None and length < 1:
            raise ValueError(
                "data is empty" if epoch_length is None else f"epoch_length must be positive, got {epoch_length}"
            )
        if length is None:
            logger.warning("data has no length; give epoch_length, or an endless iterable never ends its epoch")
        if max_epochs is None and max_iterations is None:
            logger.warning("neither max_epochs nor max_iterations is given; running one epoch")
            max_epochs = 1
        if max_iterations is not None and length is not None:
            max_epochs = math.ceil(max_iterations / length)
        state.epoch_length, state.max_epochs, state.max_iterations = length, max_epochs, max_iterations
        state.local_iteration = state.global_iteration = 0
        state.update_max_iterations()

    def _program(self) -> Program:
        state = self.state
        data = state.dataloader
        assert data is not None
        stage = Stage(STAGE, _Fetching(self, data), self._step, limit=state.epoch_length)
        return link(Recipe((stage,), Budget(state.max_epochs, state.max_iterations), handlers=(self._events(),)))

    def _step(self, batch: Any, _: Any) -> Any:
        return self.process_function(batch)

    def _events(self) -> Handlers:
        fire = self.fire_event

        def started(_: Drive) -> None:
            self.should_terminate = self.should_terminate_single_epoch = False
            fire(Events.STARTED)

        return Handlers(
            "events",
            run_start=started,
            epoch_start=lambda _: fire(Events.EPOCH_STARTED),
            before_step=lambda _s, _b: fire(Events.ITERATION_STARTED),
            after_step=lambda _s, _o: self._iteration_completed(),
            epoch_end=lambda _: fire(Events.EPOCH_COMPLETED),
            run_end=lambda _: fire(Events.COMPLETED),
            error=lambda _s, _e: fire(Events.EXCEPTION_RAISED),
        )

    def _iteration_completed(self) -> None:
        self.fire_event(Events.ITERATION_COMPLETED)
        if self.should_terminate:
            self.state.stop = "terminated"
            self.fire_event(Events.TERMINATE)

    def _dependencies(self, handler: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Make what an `@inject` handler asks for, less what was given."""
        function = handler if inspect.isroutine(handler) else type(handler).__call__
        wanted = get_bindings(function)
        return {name: self.container.get(interface) for name, interface in wanted.items() if name not in given}


class _Fetching:
    """The data, telling the engine before and after each fetch."""

    def __init__(self, engine: Engine, data: Iterable[Any]) -> None:
        self._engine = engine
        self._data = data

    def __iter__(self) -> Iterator[Any]:
        engine, data = self._engine, iter(self._data)
        while not engine.should_terminate_single_epoch:
            engine.fire_event(Events.GET_BATCH_STARTED)
            try:
                batch = next(data)
            except StopIteration:
                engine.fire_event(Events.DATALOADER_STOP_ITERATION)
                return
            engine.state.batch = batch
            engine.fire_event(Events.GET_BATCH_COMPLETED)
            yield batch
        engine.should_terminate_single_epoch = False
        engine.fire_event(Events.TERMINATE_SINGLE_EPOCH)
