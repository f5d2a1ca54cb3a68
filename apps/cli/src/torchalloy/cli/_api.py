"""The runtime's Python API, as the commands use it; imported when a command runs, because it brings torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

from torchalloy.core import MissingExtra

__all__ = ["Api", "Result", "installed"]


class Result(Protocol):
    """How a run ended; a `torchalloy.runtime.RunResult`."""

    @property
    def folder(self) -> Path | None:
        """The run's folder."""
        ...

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` says."""
        ...

    @property
    def note(self) -> str:
        """What a person should know besides, or ""."""
        ...


class Api(Protocol):
    """What the commands call; `torchalloy.runtime` is one."""

    def train(
        self,
        config: str | Path,
        overrides: Sequence[str] = (),
        *,
        runs: str | Path = ...,
        name: str | None = ...,
        launcher: str | None = ...,
        num_processes: int = ...,
        start_from: str | None = ...,
        stream: TextIO | None = ...,
    ) -> Result:
        """Train what a config describes."""
        ...

    def resume(
        self,
        run: str | Path,
        overrides: Sequence[str] = (),
        *,
        runs: str | Path = ...,
        launcher: str | None = ...,
        num_processes: int = ...,
        stream: TextIO | None = ...,
    ) -> Result:
        """Continue a run."""
        ...

    def evaluate(self, run: str | Path, *, runs: str | Path = ..., stream: TextIO | None = ...) -> dict[str, float]:
        """Score a run."""
        ...

    def explain(self, config: str | Path, overrides: Sequence[str] = ()) -> Any:
        """Compile a config without running it; returns a `torchalloy.runtime.Explanation`."""
        ...

    def catalog(self) -> Any:
        """Return what the installed plugins offer; a `torchalloy.runtime.Catalog`."""
        ...


def installed(function: str) -> Api:
    """Return the installed runtime, with all that its `function` needs imported.

    Raises: MissingExtra: There is none, or something it needs is missing.
    """
    try:
        import torchalloy.runtime as runtime

        getattr(runtime, function)  # imported when first asked for; later a missing module may be the user's own
    except ModuleNotFoundError as error:
        name = error.name or str(error)
        raise MissingExtra(
            f"this command needs {name}, which isn't installed: pip install 'torchalloy-cli[run]'"
        ) from error
    return runtime
