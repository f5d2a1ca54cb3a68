"""The one loop, written with the primitives."""

from torchalloy.core import State
from torchalloy.engine._drive import Drive
from torchalloy.engine._program import Program

__all__ = ["run"]


def run(program: Program, state: State) -> State:
    """Run `program` from where `state` is to its budget, or until a stop, and return `state`.

    Raises: whatever a step or a handler raises, after the `error` handlers were told.
    """
    drive = Drive(program, state)
    with drive.run():
        if program.owned is not None:
            program.owned.run(drive)
        else:
            for _ in drive.epochs():
                for stage in drive.due_stages():
                    drive.perform(stage.name)
    return state
