"""The way in from below: a user's own script holds a recipe and asks for the same run."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torchalloy.checkpoint import Store
from torchalloy.config import document_from_tree
from torchalloy.core import Recipe, State
from torchalloy.distributed import current, device_for, initialise
from torchalloy.records import RunFolder, Sinks
from torchalloy.runtime._session import Session
from torchalloy.runtime._settings import DEFAULT_SINKS, Saving, Settings
from torchalloy.runtime._train import sink_makers

__all__ = ["run_recipe"]


def run_recipe(
    recipe: Recipe,
    *,
    style: str,
    folder: Path | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int | None = None,
    resume: bool = False,
    state: State | None = None,
    save_every_epochs: int | None = 1,
    save_every_steps: int | None = None,
    keep: int | None = 3,
    progress: bool = True,
    sinks: Sequence[str] = DEFAULT_SINKS,
) -> State:
    """Run a recipe that a script holds, with everything a run from a config gets.

    Args:
        recipe: What runs.
        style: The style's name, for the record.
        folder: Where the run leaves its record; None leaves nothing behind.
        config: What the record keeps as the config.
        seed: For the record and for ranks beyond the first; the script seeded its generators itself.
        resume: Go on from the newest verified checkpoint in `folder`, if there is one.
        state: Where the run is, if not at its start.
        save_every_epochs: Epochs between two checkpoints, or None.
        save_every_steps: Training steps between two checkpoints, or None.
        keep: Newest checkpoints that stay; None for all.
        progress: Draw progress on standard output.
        sinks: Names of the sinks that get the metrics.

    Returns: The state the run reached.
    """
    initialise(device_for("auto", current()))
    ranks, state = current(), state or State()
    settings = Settings(style, seed or 0, sinks=tuple(sinks), save=Saving(save_every_epochs, save_every_steps, keep))
    record = (
        RunFolder.adopt(folder, style=style, seed=settings.seed, command=sys.argv)
        if folder is not None and ranks.is_main
        else None
    )
    session = Session(
        recipe, state, settings, ranks, record,
        make_sinks=lambda made: Sinks([make(made.path) for make in sink_makers(sinks)]),
        stream=sys.stdout if progress and ranks.is_main else None,
    )  # fmt: skip
    if resume and folder is not None and (checkpoint := Store(folder / "checkpoints", keep=keep).newest()) is not None:
        session.restore(checkpoint)
    if record is not None:
        record.write_text("config.yaml", document_from_tree(dict(config or {}), style).to_yaml())
    session.run()
    return state
