"""The Python API from above: train, resume, evaluate and explain what a config describes."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from torchalloy.checkpoint import Checkpoint, Store
from torchalloy.config import ConfigDocument
from torchalloy.core import CheckpointError, Handlers, OwnedRun, Sink, UnknownName, did_you_mean
from torchalloy.distributed import current, device_for, finish, initialise
from torchalloy.engine import Row
from torchalloy.records import RunFolder, Sinks, find_run, make_up_name
from torchalloy.runtime._assembly import Assembled, assemble_document, read_config
from torchalloy.runtime._catalog import catalog
from torchalloy.runtime._launch import launch
from torchalloy.runtime._result import RunResult
from torchalloy.runtime._session import Session

__all__ = ["Explanation", "evaluate", "explain", "resume", "train"]


def train(
    config: str | Path,
    overrides: Sequence[str] = (),
    *,
    runs: str | Path = "runs",
    name: str | None = None,
    launcher: str | None = None,
    num_processes: int = 1,
    start_from: str | None = None,
    stream: TextIO | None = None,
) -> RunResult:
    """Train what a config describes, in a new run folder.

    Args:
        config: A config file of any installed format.
        overrides: `key=value` in Hydra's grammar.
        runs: The folder of all runs.
        name: The run's name; one is made up otherwise.
        launcher: A launcher's name; None runs in this process.
        num_processes: Processes the launcher starts; >= 1.
        start_from: A run (of any style) from whose newest verified checkpoint this one goes on.
        stream: Where progress is drawn; standard output by default.

    Returns: The run's folder and summary.
    Raises: AlloyError: for any mistake in what was given. An error of the user's own step comes through as it is,
        with the run marked failed.
    """
    name = name or make_up_name()
    if launcher is not None or num_processes > 1:
        read_config(config, overrides)  # mistakes are told once, before any process starts
        given = {
            "config": str(config),
            "overrides": list(overrides),
            "runs": str(runs),
            "name": name,
            "start_from": start_from,
        }
        return launch(launcher or "torchrun", num_processes, "train", Path(runs) / name, **given)
    document = read_config(config, overrides)
    initialise(device_for(str(document.tree.get("device", "auto")), current()))
    try:
        record = _create(document, Path(runs), name) if current().is_main else None
        try:
            session = _session(document, Path(config).parent, Path(runs) / name, record, stream)
            note = _go_on_from(session, start_from, Path(runs)) if start_from is not None else ""
        except BaseException:
            if record is not None:
                record.discard()  # nothing ran, so there is nothing to keep
            raise
        if record is not None:
            _keep_config(record, document, Path(config), overrides)
        return RunResult(record.path if record else None, session.run().summary, note)
    finally:
        finish()


def resume(
    run: str | Path,
    overrides: Sequence[str] = (),
    *,
    runs: str | Path = "runs",
    launcher: str | None = None,
    num_processes: int = 1,
    stream: TextIO | None = None,
) -> RunResult:
    """Continue a run from its newest verified checkpoint; a finished run is left as it is.

    Args:
        run: A folder, a name, a unique prefix, or "@last".
        overrides: Changes to the run's config, such as a larger budget.
        runs: The folder of all runs.
        launcher: A launcher's name; None runs in this process.
        num_processes: Processes the launcher starts; >= 1. It may differ from what the run had.
        stream: Where progress is drawn; standard output by default.

    Raises: RunError: no such run. CheckpointError: it has no checkpoint that can be read.
    """
    record = find_run(str(run), Path(runs))
    if record.status == "finished" and not overrides:
        return RunResult(record.path, record.summary(), f"{record.name} is finished already; nothing to resume")
    document = read_config(record.path / "config.yaml", overrides)
    if launcher is not None or num_processes > 1:
        given = {"run": str(record.path.resolve()), "overrides": list(overrides)}
        return launch(launcher or "torchrun", num_processes, "resume", record.path, **given)
    initialise(device_for(str(document.tree.get("device", "auto")), current()))
    try:
        checkpoint = _newest(record)
        own = record if current().is_main else None
        session = _session(document, _home(record), record.path, own, stream)
        report = session.restore(checkpoint)
        if report.missing or report.unexpected:
            raise CheckpointError(f"{checkpoint.folder}: doesn't fit this config; {report}")
        if own is not None:
            own.resume(sys.argv)
            own.write_text("config.yaml", document.to_yaml())
        return RunResult(record.path, session.run().summary)
    finally:
        finish()


def evaluate(
    run: str | Path, overrides: Sequence[str] = (), *, runs: str | Path = "runs", stream: TextIO | None = None
) -> dict[str, float]:
    """Score a run's newest verified checkpoint on every stage that isn't training; the run itself stays as it is.

    Returns: Metrics by "stage/name".
    Raises: RunError: no such run. CheckpointError: no checkpoint. RecipeError: the run has nothing to score by.
    """
    record = find_run(str(run), Path(runs))
    document = read_config(record.path / "config.yaml", overrides)
    checkpoint = _newest(record)
    session = _session(document, _home(record), None, None, stream)
    session.restore(checkpoint, only=("model", "ema"))
    session.state.epoch = int(checkpoint.meta["epoch"])
    return session.score()


class Explanation:
    """What a config would run: the parts it keeps, the budget, the stages, and who is called at each moment."""

    def __init__(self, session: Session) -> None:
        recipe = session.recipe
        self.style: str = session.settings.style
        self.parts: dict[str, str] = {
            name: f"{type(part).__module__}.{type(part).__qualname__}" for name, part in session.parts.items()
        }
        self.epochs: int | None = recipe.budget.epochs
        self.iterations: int | None = recipe.budget.iterations
        self.stages: dict[str, str] = {
            name: "training" if stage.counts else "scoring" for name, stage in session.program.stages.items()
        }
        if isinstance(recipe.work, OwnedRun):
            self.stages = {name: "training" if name == "train" else "scoring" for name in recipe.work.stages}
        self.owns_its_loop: bool = session.program.owned is not None
        self.table: list[Row] = session.program.table()


def explain(config: str | Path, overrides: Sequence[str] = ()) -> Explanation:
    """Compile a config and say what would run, without running it."""
    document = read_config(config, overrides)
    return Explanation(_session(document, Path(config).parent, None, None, None))


def _session(
    document: ConfigDocument, home: Path, folder: Path | None, record: RunFolder | None, stream: TextIO | None
) -> Session:
    assembled = assemble_document(document, home, folder=folder)
    ranks, makers = current(), _sink_makers(assembled)
    return Session(
        assembled.recipe,
        assembled.state,
        assembled.settings,
        ranks,
        record,
        extra_parts={name: offer.thing.make(assembled.assembly) for name, offer in catalog().parts.items()},
        extra_handlers=_chosen_handlers(assembled),
        make_sinks=lambda made: Sinks([make(made.path) for make in makers]),
        stream=(stream or sys.stdout) if ranks.is_main else None,
    )


def _go_on_from(session: Session, run: str, runs: Path) -> str:
    source = find_run(run, runs)
    report = session.restore(_newest(source))
    return f"went on from {source.name} at step {session.state.global_iteration}; {report}"


def _create(document: ConfigDocument, runs: Path, name: str) -> RunFolder:
    style, seed = document.tree.get("style"), document.tree.get("seed", 0)
    return RunFolder.create(
        runs, name, style=str(style), seed=seed if isinstance(seed, int) else None, command=sys.argv
    )


def _keep_config(record: RunFolder, document: ConfigDocument, config: Path, overrides: Sequence[str]) -> None:
    record.write_text("config.yaml", document.to_yaml())
    document.copy_sources(record.path / "config")
    origin = {"config": str(config), "home": str(config.parent.resolve()), "overrides": list(overrides)}
    record.write_text("config/origin.json", json.dumps(origin, indent=1) + "\n")


def _home(record: RunFolder) -> Path:
    """Return the folder the run's config lay in, beside which its user modules may lie."""
    origin = record.path / "config/origin.json"
    return Path(json.loads(origin.read_text())["home"]) if origin.exists() else record.path


def _newest(record: RunFolder) -> Checkpoint:
    checkpoint = Store(record.checkpoints, keep=None).newest()
    if checkpoint is None:
        raise CheckpointError(
            f"{record.path}: has no checkpoint; it ended before the first one was written. Train it anew"
        )
    return checkpoint


def _chosen_handlers(assembled: Assembled) -> list[Handlers]:
    offered, chosen = catalog().handlers, []
    for name, node in assembled.settings.handlers.items():
        if name not in offered:
            raise assembled.document.problem(
                f"handlers.{name}", f"no handler named {name!r}; {did_you_mean(name, offered)}"
            )
        chosen.append(offered[name].thing.make(assembled.assembly, node))
    return chosen


def _sink_makers(assembled: Assembled) -> list[Callable[[Path], Sink]]:
    try:
        return sink_makers(assembled.settings.sinks)
    except UnknownName as error:
        raise assembled.document.problem("sinks", str(error)) from error


def sink_makers(names: Sequence[str]) -> list[Callable[[Path], Sink]]:
    """Return the makers of the named sinks.

    Raises: UnknownName: with the nearest name.
    """
    offered = catalog().sinks
    for name in names:
        if name not in offered:
            raise UnknownName(f"no sink named {name!r}; {did_you_mean(name, offered)}")
    return [offered[name].thing.make for name in names]
