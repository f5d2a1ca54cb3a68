"""The style `alchemy_model`: a config of alchemy's layout, run by `alloy`."""

import copy
from collections.abc import Mapping
from typing import Any

from torchalloy.core import AlloyError, Assembly, Handlers, Recipe, State

__all__ = ["AlchemyStyle"]


class AlchemyStyle:
    """Compiles alchemy's classes, found by the dotted types of the config, to a recipe.

    The run's folder is the record folder: FileLogger writes README.md, cfg.toml and checkpt/ there, and its `log_dir`
    isn't used. On ranks other than the first there is no record folder.
    """

    name = "alchemy_model"
    sections: tuple[str, ...] | None = (
        "tag",
        "desc",
        "runner",
        "plugins",
        "task",
        "model",
        "criterion",
        "backward",
        "optim",
        "sched",
        "resume",
    )

    def compile(self, assembly: Assembly, /) -> Recipe:
        """Build runner, plugins, task, model and the rest, and return what is to be run.

        Raises: ConfigError: with the place of the type that nobody has registered, or of what is missing. An error of
            the user's own constructors comes through as it is.
        """
        from torchalloy.adapters.alchemy.util.sym import sym_tbl

        table = sym_tbl()
        if table.runner is not None:  # of a run that was compiled and never started
            table.runner.__exit__(None, None, None)
        table.reset()
        try:
            return _compile(assembly)
        except AlloyError as error:
            _close(error)
            raise _placed(assembly, error) from error
        except BaseException as error:
            _close(error)
            raise


def _compile(assembly: Assembly) -> Recipe:
    from torchalloy.adapters.alchemy.runner import AlchemyRunner
    from torchalloy.adapters.alchemy.util.sym import Host, sym_tbl
    from torchalloy.distributed import current

    if "resume" in assembly.config:
        raise assembly.problem("resume", "a run is continued by `alloy resume RUN`; take this key out")
    folder = assembly.folder if current().is_main else None
    sym_tbl().host = Host(folder, draws=True)
    native = getattr(assembly.document, "native", None)
    cfg = copy.deepcopy(dict(assembly.config)) if native is None else native
    family = AlchemyRunner.resolve_registered_module(str(cfg.get("runner", "alchemy.runner.Trainer")))
    if not hasattr(family, "recipe"):
        command = "python -m torchalloy.adapters.alchemy run"
        message = f"{family.__name__} keeps its own loop, which alloy can't run; start it by `{command}`"
        raise assembly.problem("runner", message)
    runner = family(
        cfg,
        {"device": assembly.device},
        desc=str(cfg.get("desc", "")),
        debug=False,
        no_file=folder is None,
        user_dir="src",
    )
    runner.__enter__()
    recipe = runner.recipe()
    return Recipe(recipe.work, recipe.budget, recipe.parts, (*recipe.handlers, _closing(runner)))


def _closing(runner: Any) -> Handlers:
    """Close the plugins where the run ends."""

    def end(_: State) -> None:
        runner.__exit__(None, None, None)

    def fail(_: State, error: BaseException) -> None:
        runner.__exit__(type(error), error, error.__traceback__)

    return Handlers("alchemy.plugins", run_end=end, error=fail)


def _close(error: BaseException) -> None:
    from torchalloy.adapters.alchemy.util.sym import sym_tbl

    if sym_tbl().runner is not None:
        sym_tbl().runner.__exit__(type(error), error, error.__traceback__)
    sym_tbl().reset()


def _placed(assembly: Assembly, error: AlloyError) -> AlloyError:
    """Say where in the config the type stands that an error is about."""
    from torchalloy.adapters.alchemy._errors import UnknownType

    if isinstance(error, UnknownType):
        for key in _keys_of(assembly.config, error.asked):
            return assembly.problem(key, str(error))
    return error


def _keys_of(node: Any, wanted: str, path: tuple[str, ...] = ()) -> list[str]:
    """Return the keys whose value is `wanted`, as dotted paths."""
    if isinstance(node, Mapping):
        return [key for name, value in node.items() for key in _keys_of(value, wanted, (*path, str(name)))]
    if isinstance(node, list | tuple):
        return [key for index, value in enumerate(node) for key in _keys_of(value, wanted, (*path, str(index)))]
    return [".".join(path)] if node == wanted else []
