"""flame's event engine: handlers on named events, dependencies injected once, on torchalloy's loop."""

from torchalloy.adapters.flame.pytorch.experimental.engine.container import Container
from torchalloy.adapters.flame.pytorch.experimental.engine.engine import Engine
from torchalloy.adapters.flame.pytorch.experimental.engine.events import EventEnum, Events, EventsList
from torchalloy.adapters.flame.pytorch.experimental.engine.state import State

__all__ = ["Container", "Engine", "EventEnum", "Events", "EventsList", "State"]
