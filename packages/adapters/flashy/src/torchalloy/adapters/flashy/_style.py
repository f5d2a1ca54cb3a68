"""The style `solver`: a user's Solver keeps its loop."""

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torchalloy.core import Assembly, Recipe

__all__ = ["SolverStyle"]


class SolverStyle:
    """flashy's Solver.

    Config key: `solver`, the class. The rest of the file belongs to the user: the solver gets the whole config. A
    method `evaluate()` that calls `run_stage` is what `alloy eval` runs.
    """

    name = "solver"
    sections = None

    def compile(self, assembly: Assembly, /) -> Recipe:
        """Make the solver inside its experiment, whose folder is the run's."""
        from torchalloy.adapters.flashy.solver import BaseSolver

        name = assembly.config.get("solver")
        if not isinstance(name, str):
            raise assembly.problem("solver", "names the Solver class, such as 'my_project.train.Solver'")
        cls = assembly.find(name, "solver", at="solver")
        if not (isinstance(cls, type) and issubclass(cls, BaseSolver)):
            raise assembly.problem("solver", f"{name} is no Solver: it should be a class derived from BaseSolver")
        xp = _experiment(assembly)
        with xp.enter(stack=True):
            return cls(xp.cfg).recipe()  # type: ignore[call-arg]


def _experiment(assembly: Assembly) -> Any:
    from torchalloy.adapters.flashy.dora.xp import XP

    # A run that keeps nothing still has a folder to write to, as long as the experiment is in use.
    passing = None if assembly.folder is not None else tempfile.TemporaryDirectory(prefix="alloy-solver-")
    folder = assembly.folder or Path(passing.name if passing is not None else "")
    dora = SimpleNamespace(dir=folder, passing=passing)
    return XP(dora, assembly.document.to_omegaconf(), [], folder.name, xp_folder=folder)
