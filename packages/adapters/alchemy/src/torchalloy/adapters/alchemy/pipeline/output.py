"""Output pipes that keep what a model says."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torchalloy.adapters.alchemy._errors import BadArgument
from torchalloy.adapters.alchemy.pipeline._families import OutputPipeline
from torchalloy.adapters.alchemy.util.json import NpJsonEncoder
from torchalloy.adapters.alchemy.util.sym import sym_tbl

__all__ = ["Collect", "SaveAppend"]


@OutputPipeline.register()
class SaveAppend(OutputPipeline):
    """Appends each output as a line of JSON to a file in the record folder; does nothing without one.

    Args:
        filename: The file, relative to the record folder.
        step_tag: Put `_step<N>` into the name while there is a train scheduler.
    """

    def __init__(self, filename: str, step_tag: bool = True, **kwargs: Any) -> None:
        super().__init__()
        self.filename = filename
        self.step_tag = step_tag

    def __call__(self, outputs: Any, inputs: Any) -> Any:
        """Append, and return the outputs as they are."""
        folder = sym_tbl().record_dir
        if folder is not None:
            path = self._path(folder)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as lines:
                lines.writelines(json.dumps(output, ensure_ascii=False, cls=NpJsonEncoder) + "\n" for output in outputs)
        return outputs

    def _path(self, folder: Path) -> Path:
        path = folder / self.filename
        schedule = sym_tbl().train_sched
        if schedule is None or not self.step_tag:
            return path
        return path.with_name(f"{path.stem}_step{schedule.cur_step}{path.suffix}")


@OutputPipeline.register()
class Collect(OutputPipeline):
    """Adds the outputs of an evaluation to a list in a global symbol, which the pipe that uses it pops."""

    def __init__(self, varname: str, **kwargs: Any) -> None:
        super().__init__()
        self.varname = varname

    def begin_eval(self, split: str, **kwargs: Any) -> None:
        """Make the list, so that it is there after an empty split too."""
        sym_tbl().try_set_global(self.varname, [])

    def __call__(self, outputs: Iterable[Any], inputs: Any) -> Any:
        """Extend the list, and return the outputs as they are.

        Raises: BadArgument: the outputs are a mapping, whose keys would be collected.
        """
        if isinstance(outputs, Mapping):
            raise BadArgument(f"Collect {self.varname!r} got a mapping; a pipe before it should make a list of samples")
        outputs = outputs if hasattr(outputs, "__len__") else list(outputs)
        sym_tbl().try_set_global(self.varname, [])
        sym_tbl().get_global(self.varname).extend(outputs)
        return outputs
