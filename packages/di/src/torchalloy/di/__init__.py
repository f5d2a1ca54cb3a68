"""Wire a run's services by type: one container a run, each object made once, no sharing between runs."""

from torchalloy.di._container import Container
from torchalloy.di._services import RunServices, constant, services

__all__ = ["Container", "RunServices", "constant", "services"]
