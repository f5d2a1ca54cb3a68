"""The style `base_model`: a TrainFramework config, trained by `alloy train`."""

from collections.abc import Iterator, Mapping
from typing import Any

from torchalloy.core import AlloyError, Assembly, ConfigError, Recipe, did_you_mean

__all__ = ["BaseModelStyle"]

_ROOTS = ("dataloader", "output_dir", "output_log_name", "solver", "trainer")


class BaseModelStyle:
    """Registered trainers, models, networks and data sets, named by a config in TrainFramework's layout."""

    name = "base_model"
    sections: tuple[str, ...] | None = (*_ROOTS, *(root.upper() for root in _ROOTS), "SEED")

    def compile(self, assembly: Assembly) -> Recipe:
        """Build the trainer that the config names, and return what its loop would run.

        `.pth` files go to `output_dir` where it is given, else into the run's folder.

        Raises: ConfigError: with the place of each name that isn't registered, or of what doesn't fit.
        """
        from torchalloy.adapters.trainframework._recipe import recipe_of
        from torchalloy.adapters.trainframework.schedule.scheduler import BaseScheduler
        from torchalloy.adapters.trainframework.trainer.build import build_trainer

        try:
            trainer = build_trainer(_config(assembly, BaseScheduler()))
            trainer.resume_or_load(False)
        except AlloyError as error:
            raise _placed(assembly, error) from error
        return recipe_of(trainer)


def _config(assembly: Assembly, scheduler: Any) -> Any:
    """Return the run's config on top of the defaults, frozen."""
    from torchalloy.adapters.trainframework.config.defaults import get_cfg
    from torchalloy.adapters.trainframework.schedule._layout import upper

    values = upper({key: value for key, value in assembly.config.items() if key.lower() in _ROOTS})
    cfg = get_cfg()
    scheduler.align_struct(cfg, values)
    scheduler.merged(cfg, values)
    cfg.defrost()
    cfg.SEED = assembly.seed
    cfg.TRAINER.DEVICE = "cpu" if values.get("TRAINER", {}).get("DEVICE") == "cpu" else assembly.device
    cfg.OUTPUT_DIR = cfg.OUTPUT_DIR or str(assembly.folder or "")
    cfg.freeze()
    _check_names(assembly, cfg)
    return cfg


def _check_names(assembly: Assembly, cfg: Any) -> None:
    """Look up every name at once, so that all wrong ones are told together."""
    problems = [
        assembly.problem(
            key, f"no {what} named {name!r} is registered; {did_you_mean(str(name), known)}{_hint(assembly)}"
        )
        for key, what, name, known in _named(cfg)
        if name not in known
    ]
    if problems:
        raise ConfigError("\n".join(str(problem) for problem in problems))


def _named(cfg: Any) -> Iterator[tuple[str, str, Any, list[str]]]:
    """Yield each name of the config: its key, what it names, the name, and all registered ones."""
    from torchalloy.adapters.trainframework.data.build import BUILD_DATASET_REGISTRY
    from torchalloy.adapters.trainframework.model.build import BUILD_MODEL_REGISTRY, BUILD_NETWORK_REGISTRY
    from torchalloy.adapters.trainframework.trainer.build import BUILD_TRAINER_REGISTRY

    trainer, data = cfg.TRAINER, cfg.DATALOADER
    yield "trainer.name", "trainer", trainer.NAME, [name for name, _ in BUILD_TRAINER_REGISTRY]
    yield "trainer.model.name", "model", trainer.MODEL.NAME, [name for name, _ in BUILD_MODEL_REGISTRY]
    if "NAME" in trainer.MODEL.GENERATOR:
        networks = [name for name, _ in BUILD_NETWORK_REGISTRY]
        yield "trainer.model.generator.name", "network", trainer.MODEL.GENERATOR.NAME, networks
    for split in ("train", "val", "test"):
        node = data.get(f"{split.upper()}_DATA_SET")
        if isinstance(node, Mapping) and "NAME" in node:
            sets = [name for name, _ in BUILD_DATASET_REGISTRY]
            yield f"dataloader.{split}_data_set.name", "data set", node["NAME"], sets


def _hint(assembly: Assembly) -> str:
    return "" if assembly.config.get("imports") else ". List the modules that register yours under `imports`"


def _placed(assembly: Assembly, error: AlloyError) -> AlloyError:
    """Add where the key was written to an error that names one."""
    key = getattr(error, "key", "")
    return assembly.problem(key, str(error)) if key else error
