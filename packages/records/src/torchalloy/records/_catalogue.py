"""All runs of a folder, and the one that a person means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torchalloy.core import RunError, nearest
from torchalloy.records._folder import RunFolder
from torchalloy.records._json import read_number

__all__ = ["RunInfo", "catalogue", "find_run"]

_TRACES = ("run.json", "summary.json", "metrics.jsonl", "config.yaml", "checkpoints", "log.txt")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One line of the catalogue.

    Attributes:
        name: The folder's name.
        folder: The folder.
        status: "running", "finished", "stopped", "failed", "killed" (its process is gone), or "damaged".
        id: The run's own 16 digits; "" if damaged.
        style: Its style; "" if damaged.
        created: When, ISO 8601 in UTC; "" if damaged.
        seed: Its seed.
        seconds: How long it took; None while it runs or if it was killed before it ever ended.
        epochs: Epochs it finished, as its summary says.
        iterations: Training steps, as its summary says.
        metrics: Last value of each metric, by "stage/name", as its summary says.
        why: What is damaged, or the last line of what made it fail.
    """

    name: str
    folder: Path
    status: str
    id: str = ""
    style: str = ""
    created: str = ""
    seed: int | None = None
    seconds: float | None = None
    epochs: int | None = None
    iterations: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    why: str | None = None


def catalogue(root: str | Path) -> list[RunInfo]:
    """Return every run under `root`, oldest first; damaged ones come first of all, saying why.

    Folders without a trace of a run, and hidden ones, are none of ours and left out.

    Raises: RunError: `root` isn't a folder.
    """
    runs = [_info(folder) for folder in _folders(Path(root))]
    return sorted(runs, key=lambda run: (run.created, run.name))


def find_run(reference: str | Path, root: str | Path = "runs") -> RunFolder:
    """Return the run that `reference` means.

    Args:
        reference: A run's folder, its name, its id, the beginning of either if only one run has it, or `@last` for
            the one created last.
        root: The folder of all runs.

    Raises: RunError: no run or several fit (the message lists them, or the nearest), or the run is damaged.
    """
    reference, root = str(reference), Path(root)
    if _looks_like_path(reference):
        return RunFolder.open(Path(reference).expanduser())
    if reference and RunFolder.is_run(root / reference):
        return RunFolder.open(root / reference)
    if reference and RunFolder.is_run(reference):
        return RunFolder.open(reference)
    runs = catalogue(root)
    if reference == "@last":
        return _last(runs, root)
    return _by_prefix(reference, runs, root)


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise RunError(f"{root}: no such folder of runs; train something first, or say where runs are by --runs")
    try:
        folders = [folder for folder in root.iterdir() if not folder.name.startswith(".")]
    except OSError as error:
        raise RunError(f"{root}: can't be read: {error.strerror or error}") from error
    return [folder for folder in folders if any((folder / trace).exists() for trace in _TRACES)]


def _info(folder: Path) -> RunInfo:
    try:
        run = RunFolder.open(folder)
        summary, status = run.summary(), run.status
        numbers = _numbers(summary)
    except RunError as error:
        return RunInfo(name=folder.name, folder=folder, status="damaged", why=str(error))
    record = run.record
    why = (summary.get("error") or None) if status == "failed" else None
    return RunInfo(
        name=folder.name,
        folder=folder,
        status=status,
        id=record.id,
        style=record.style,
        created=record.created,
        seed=record.seed,
        why=str(why).strip().splitlines()[-1] if why else None,
        **numbers,
    )


def _numbers(summary: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: summary.get(name) for name in ("seconds", "epochs", "iterations")}
    metrics = summary.get("metrics", {})
    try:
        known = {name: read_number(value) for name, value in found.items() if value is not None}
        return known | {"metrics": {str(name): read_number(value) for name, value in metrics.items()}}
    except (ValueError, AttributeError) as error:
        raise RunError(f"summary.json: damaged: {error}") from error


def _looks_like_path(reference: str) -> bool:
    return "/" in reference or "\\" in reference or reference.startswith(("~", "."))


def _last(runs: list[RunInfo], root: Path) -> RunFolder:
    whole = [run for run in runs if run.status != "damaged"]
    if not whole:
        raise RunError(f"{root}: no run there yet, so there is no @last")
    return RunFolder.open(whole[-1].folder)


def _by_prefix(reference: str, runs: list[RunInfo], root: Path) -> RunFolder:
    fitting = [run for run in runs if reference and (run.name.startswith(reference) or run.id.startswith(reference))]
    if len(fitting) == 1:
        return RunFolder.open(fitting[0].folder)
    if fitting:
        shown = ", ".join(run.name for run in fitting[:10])
        more = f" and {len(fitting) - 10} more" if len(fitting) > 10 else ""
        raise RunError(f"run {reference!r}: {len(fitting)} runs in {root} begin so: {shown}{more}; write more of it")
    close = nearest(reference, [run.name for run in runs])
    hint = f"did you mean {close!r}? " if close else ""
    raise RunError(f"run {reference!r}: no such run in {root}; {hint}`alloy runs` lists the {len(runs)} that are there")
