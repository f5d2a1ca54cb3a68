"""The training loop: primitives that anyone may drive, and the one loop made of them. No torch inside."""

from torchalloy.engine._drive import Drive
from torchalloy.engine._link import link
from torchalloy.engine._metrics import Metrics
from torchalloy.engine._program import Program, Row
from torchalloy.engine._run import run

__all__ = ["Drive", "Metrics", "Program", "Row", "link", "run"]
