"""The style `trainer`: a Trainer found by name and its parameters from the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torchalloy.core import Assembly, Recipe, RecipeError

if TYPE_CHECKING:
    from torchalloy.adapters.thexp.frame.params import Params
    from torchalloy.adapters.thexp.frame.trainer import Trainer

__all__ = ["TrainerStyle"]


class TrainerStyle:
    """thexp's Trainer.

    Config keys: `trainer`, the class; `params`, what its parameters are set to; `params_class`, the class of the
    parameters, if it isn't thexp's Params. The run's folder is the experiment's directory.
    """

    name = "trainer"
    sections = ("trainer", "params", "params_class")

    def compile(self, assembly: Assembly, /) -> Recipe:
        """Make the parameters and the trainer, and let it initialise itself."""
        from torchalloy.adapters.thexp._place import RUN_PLACE, RunPlace
        from torchalloy.adapters.thexp.frame.logger import Logger

        cls, params = _trainer_class(assembly), _params(assembly)
        logger = Logger()
        stdout, logger.stdout = logger.stdout, False  # a run from a config says what it does itself
        token = RUN_PLACE.set(RunPlace(assembly.folder))
        try:
            trainer = cls(params)
            trainer.initial_run()
            return trainer.recipe(quiet=True)
        except RecipeError as error:
            raise assembly.problem("trainer", str(error)) from error
        finally:
            RUN_PLACE.reset(token)
            logger.stdout = stdout


def _trainer_class(assembly: Assembly) -> type[Trainer]:
    from torchalloy.adapters.thexp.frame.trainer import Trainer

    name = assembly.config.get("trainer")
    if not isinstance(name, str):
        raise assembly.problem("trainer", "names the Trainer class, such as 'my_project.train.MyTrainer'")
    cls = assembly.find(name, "trainer", at="trainer")
    if not (isinstance(cls, type) and issubclass(cls, Trainer)):
        raise assembly.problem("trainer", f"{name} is no Trainer: it should be a class derived from thexp's Trainer")
    return cls


def _params(assembly: Assembly) -> Params:
    from torchalloy.adapters.thexp.base_classes.errors import BoundCheckError

    values = assembly.config.get("params", {})
    if not isinstance(values, Mapping):
        raise assembly.problem("params", f"expected a mapping of parameters, got {type(values).__name__}")
    params: Params = _params_class(assembly)()
    params.device = assembly.device
    for name, value in values.items():
        try:
            params[name] = value
        except BoundCheckError as error:
            raise assembly.problem(f"params.{name}", str(error)) from error
    _check_epoch(assembly, params.epoch)
    return params


def _params_class(assembly: Assembly) -> Any:
    from torchalloy.adapters.thexp.frame.params import Params

    name = assembly.config.get("params_class")
    if name is None:
        return Params
    cls = assembly.find(name, "params", at="params_class")
    if not (isinstance(cls, type) and issubclass(cls, Params)):
        raise assembly.problem("params_class", f"{name} is no Params: it should be a class derived from thexp's Params")
    return cls


def _check_epoch(assembly: Assembly, epoch: object) -> None:
    if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < 1:
        raise assembly.problem("params.epoch", f"expected a positive integer, got {epoch!r}")
