"""The style `process`: a Process found by name, its dependencies injected by type, compiled to stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torchalloy.core import AlloyError, Assembly, Budget, ConfigError, Handlers, Recipe, Stage, State

if TYPE_CHECKING:
    from injector import Injector

__all__ = ["ProcessStyle"]

NEEDED = ("training_step", "validation_step", "update", "train")


class ProcessStyle:
    """flame's Process.

    Config keys: `process`, the class; `modules`, injector modules that provide what it asks for, the loaders among
    them (`TrainDataLoader`, and `ValDataLoader` or `TestDataLoader` if wanted); `max_epochs` or `max_iterations`;
    `config`, what user code gets as `RootConfig`.
    """

    name = "process"
    sections = ("process", "modules", "max_epochs", "max_iterations", "config")

    def compile(self, assembly: Assembly, /) -> Recipe:
        """Inject the process and its loaders, and make a stage of each loader."""
        from torchalloy.adapters.flame.pytorch import typing_prelude as types
        from torchalloy.optim import canonical_parts

        container = _container(assembly)
        loaders = {
            "train": types.TrainDataLoader,
            "valid": types.ValDataLoader,
            "test": types.TestDataLoader,
        }
        bound = {name: key for name, key in loaders.items() if _is_bound(container, key)}
        if "train" not in bound:
            raise assembly.problem(
                "modules", "no module provides TrainDataLoader; add a provider annotated `-> TrainDataLoader`"
            )
        process = _process(assembly, container)
        stages = tuple(_stage(name, container.get(key), process) for name, key in bound.items())
        return Recipe(stages, _budget(assembly), canonical_parts(vars(process)), (_modes(process),))


def _container(assembly: Assembly) -> Injector:
    import torch

    from torchalloy.adapters.flame.pytorch.typing_prelude import Device, ExperimentDir, RootConfig

    modules = assembly.config.get("modules", [])
    if not isinstance(modules, list | tuple):
        raise assembly.problem("modules", f"expected a list of injector modules, got {type(modules).__name__}")
    given = [assembly.find(name, at=f"modules.{index}") for index, name in enumerate(modules)]

    def own(binder: Any) -> None:
        binder.bind(RootConfig, to=dict(assembly.config.get("config", {})))
        binder.bind(Device, to=torch.device(assembly.device))
        if assembly.folder is not None:
            binder.bind(ExperimentDir, to=assembly.folder)

    return assembly.services.child(own, *given).injector  # type: ignore[attr-defined, no-any-return]


def _process(assembly: Assembly, container: Injector) -> Any:
    name = assembly.config.get("process")
    if not isinstance(name, str):
        raise assembly.problem("process", "names the Process class, such as 'my_project.process.MyProcess'")
    cls = assembly.find(name, "process", at="process")
    missing = [method for method in NEEDED if not callable(getattr(cls, method, None))]
    if not isinstance(cls, type) or missing:
        raise assembly.problem(
            "process", f"{name} is no Process: {'it lacks ' + ', '.join(missing) if missing else 'it is no class'}"
        )
    return _injected(assembly, container, cls)


def _injected(assembly: Assembly, container: Injector, cls: type) -> Any:
    try:
        return container.get(cls)
    except ConfigError:
        raise
    except AlloyError as error:
        raise assembly.problem("process", str(error)) from error


def _is_bound(container: Injector, key: Any) -> bool:
    return container.binder.has_explicit_binding_for(key) or (
        container.parent is not None and _is_bound(container.parent, key)
    )


def _stage(name: str, loader: Any, process: Any) -> Stage:
    from torchalloy.optim import scalars

    def measure(output: Any) -> Mapping[str, Any]:
        named = (
            {key: value for key, value in output.items() if key != "batch_size"} if isinstance(output, Mapping) else {}
        )
        return scalars(named)

    if name == "train":
        return Stage(name, loader, _training(process), measure=measure)
    return Stage(name, loader, lambda batch, _: process.validation_step(batch), counts=False, measure=measure)


def _training(process: Any) -> Callable[[Any, State], Any]:
    training_step, update = process.training_step, process.update

    def step(batch: Any, _: State) -> Any:
        output = training_step(batch)
        update()
        return output

    return step


def _modes(process: Any) -> Handlers:
    def switch(state: State) -> None:
        if state.stage == "train" or not hasattr(process, "eval"):
            process.train(state.stage == "train")
        else:
            process.eval()

    def start(drive: Any) -> None:
        process.train()  # a run resumed inside its training stage isn't told of the stage's start

    return Handlers("process", run_start=start, stage_start=switch)


def _budget(assembly: Assembly) -> Budget:
    limits = {}
    for key in ("max_epochs", "max_iterations"):
        value = assembly.config.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise assembly.problem(key, f"expected a positive integer, got {value!r}")
        limits[key] = value
    if all(value is None for value in limits.values()):
        raise assembly.problem("max_epochs", "give max_epochs or max_iterations; the run needs an end")
    return Budget(limits["max_epochs"], limits["max_iterations"])
