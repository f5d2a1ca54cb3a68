"""Be one process of several: ranks, devices, gradient averaging, agreement, and the launchers that start them."""

from torchalloy.distributed._collectives import agree_stop, barrier, broadcast_module, broadcast_object, reduce_means
from torchalloy.distributed._devices import device_for
from torchalloy.distributed._gradients import Averaging, average_gradients
from torchalloy.distributed._launchers import Accelerate, Here, Torchrun
from torchalloy.distributed._ranks import Ranks, current, finish, initialise

__all__ = [
    "Accelerate",
    "Averaging",
    "Here",
    "Ranks",
    "Torchrun",
    "agree_stop",
    "average_gradients",
    "barrier",
    "broadcast_module",
    "broadcast_object",
    "current",
    "device_for",
    "finish",
    "initialise",
    "reduce_means",
]
