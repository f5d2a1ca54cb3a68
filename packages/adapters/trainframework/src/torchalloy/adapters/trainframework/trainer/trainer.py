"""A run as TrainFramework's users see it: model, data and checkpoints, with hooks around the loop."""

import logging
from pathlib import Path
from typing import Any

from torchalloy.adapters.trainframework._errors import UnknownConfigKey, WrongPairing, WrongValue
from torchalloy.adapters.trainframework._recipe import recipe_of, state_at
from torchalloy.adapters.trainframework.checkpoint.checkpoint_manager import CheckPointerManager
from torchalloy.adapters.trainframework.comm import get_world_size, is_main_process
from torchalloy.adapters.trainframework.data.build import build_dataset
from torchalloy.adapters.trainframework.data.data_loader import create_data_loader, create_iterable_data_loader
from torchalloy.adapters.trainframework.model.build import build_model
from torchalloy.adapters.trainframework.trainer.build import BUILD_TRAINER_REGISTRY
from torchalloy.core import did_you_mean
from torchalloy.runtime import run_recipe

__all__ = ["BaseTrainer"]


@BUILD_TRAINER_REGISTRY.register()
class BaseTrainer:
    """What a user's trainer extends, or uses as it is.

    A trainer or model that defines `evaluate_step(self, data) -> dict` is scored on `test_data_loader`: after each
    epoch, or after the last iteration where `max_iter` counts iterations. The dict holds numbers, 0-d tensors or
    `torchalloy.core.Mean(total, count)`; the model answers with its averaged weights where it has any.

    Attributes:
        model: The model, from `create_model`.
        checkpoint: Writer of the `.pth` files.
        train_data_loader: The training batches; an endless iterator where `max_iter` counts iterations.
        val_data_loader, test_data_loader: Batches in order, to their end.
        start_iter: The iteration (or epoch) the loop begins with.
        output: The run's folder; "" for none.
    """

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg
        self.default_log_name: str = cfg.OUTPUT_LOG_NAME
        self.start_iter = 0
        self.model_path: str | None = cfg.TRAINER.WEIGHTS
        self.device: str = cfg.TRAINER.DEVICE
        self.max_iter: int = cfg.SOLVER.MAX_ITER
        self.output: str = cfg.OUTPUT_DIR
        self.enable_epoch_method: bool = cfg.TRAINER.ENABLE_EPOCH_METHOD
        self.gradient_accumulation_batch: int = cfg.SOLVER.GRADIENT_ACCUMULATION_BATCH
        self.train_batch_size = _batch_size(cfg.SOLVER)
        self._resumes = False
        _check(cfg)
        self.model = self.create_model(cfg)
        self.model.enable_train()
        self.model.enable_distribute(cfg)
        self.checkpoint = CheckPointerManager(
            self.max_iter,
            save_dir=self.output,
            check_period=cfg.SOLVER.CHECKPOINT_PERIOD,
            max_keep=cfg.SOLVER.MAX_KEEP,
            file_prefix=_prefix(self.model.g_model),
            save_to_disk=is_main_process(),
        )
        self.collate_train_fn: Any = None
        self.collate_valid_fn: Any = None
        self.set_collate_fn(cfg)
        create = self.create_dataloader if self.enable_epoch_method else self.create_iterable_dataloader
        loaders = create(cfg, *_three(self.create_dataset(cfg)))
        self.train_data_loader, self.val_data_loader, self.test_data_loader = _three(loaders)
        self._say_what_is_trained()

    def loop(self) -> None:
        """Train to the end of the budget, from `start_iter` or from where the run's folder is."""
        run_recipe(
            recipe_of(self),
            style="base_model",
            folder=Path(self.output) if self.output else None,
            config=_plain(self.cfg),
            seed=self.cfg.get("SEED"),
            resume=self._resumes,
            state=state_at(self),
            save_every_epochs=self.checkpoint.check_period if self.enable_epoch_method else None,
            save_every_steps=None if self.enable_epoch_method else self.checkpoint.check_period,
        )

    def before_loop(self) -> None:
        """Do what should be done before the first step."""

    def iterate_after(self, epoch: int, loss_dict: dict[str, Any] | None = None) -> None:
        """Do what should be done after each iteration (or epoch) `epoch`; `loss_dict` is the last step's info.

        An override may leave out `loss_dict`.
        """

    def after_loop(self) -> None:
        """Do what should be done when all is trained."""

    def set_collate_fn(self, cfg: Any) -> None:
        """Set `collate_train_fn` and `collate_valid_fn`, if batches aren't to be made by torch's own."""

    def create_model(self, cfg: Any) -> Any:
        """Return the model."""
        return build_model(cfg)

    def create_dataset(self, cfg: Any) -> tuple[Any, ...]:
        """Return the data sets to train on, to validate on and to test on; without the last, the second is it."""
        node = cfg.DATALOADER
        for name in ("TRAIN_DATA_SET", "VAL_DATA_SET"):
            if name not in node:
                message = f"dataloader.{name.lower()} is missing; {did_you_mean(name, node)}"
                raise UnknownConfigKey(message, key="dataloader")
        train, valid = build_dataset(node.TRAIN_DATA_SET), build_dataset(node.VAL_DATA_SET)
        return train, valid, build_dataset(node.TEST_DATA_SET) if "TEST_DATA_SET" in node else valid

    def create_dataloader(self, cfg: Any, train: Any, valid: Any, test: Any = None) -> tuple[Any, ...]:
        """Return the loaders of a run that counts epochs."""
        pin_memory = self.device != "cpu"
        batches = create_data_loader(
            train,
            self.train_batch_size,
            cfg.DATALOADER.NUM_WORKERS,
            shuffle=True,
            drop_last=get_world_size() > 1,  # a rest could leave a rank without a sample
            pin_memory=pin_memory,
            collate_fn=self.collate_train_fn,
            seed=cfg.get("SEED"),
        )
        return batches, *self._scoring_loaders(cfg, valid, test)

    def create_iterable_dataloader(self, cfg: Any, train: Any, valid: Any, test: Any = None) -> tuple[Any, ...]:
        """Return the loaders of a run that counts iterations; the first never ends."""
        batches = create_iterable_data_loader(
            train,
            self.train_batch_size,
            cfg.DATALOADER.NUM_WORKERS,
            pin_memory=self.device != "cpu",
            collate_fn=self.collate_train_fn,
            seed=cfg.get("SEED"),
        )
        return batches, *self._scoring_loaders(cfg, valid, test)

    def resume_or_load(self, resume: bool = False) -> None:
        """Go on from the run's folder where `resume` and there is something, else from `TRAINER.WEIGHTS`, if given.

        The folder's own checkpoint, which `loop` restores, has the last word; the `.pth` file is what there is of runs
        that TrainFramework itself wrote.
        """
        weights, extras, start = self.checkpoint.resume_or_load(self.model_path, resume)
        self._resumes = resume
        if weights is not None:
            self.model.load_state_dict(weights)
        if extras is not None:
            self.model.load_addition_state_dict(extras)
            self.start_iter = start

    def _scoring_loaders(self, cfg: Any, valid: Any, test: Any) -> tuple[Any, Any]:
        num_workers, pin_memory = min(1, cfg.DATALOADER.NUM_WORKERS), self.device != "cpu"
        valid_batches, test_batches = (
            create_data_loader(data, size, num_workers, pin_memory=pin_memory, collate_fn=self.collate_valid_fn)
            for data, size in ((valid, cfg.SOLVER.VAL_PER_BATCH), (test or valid, cfg.SOLVER.TEST_PER_BATCH))
        )
        return valid_batches, test_batches

    def _say_what_is_trained(self) -> None:
        data = getattr(self.train_data_loader, "dataset", None)
        unit = "epochs" if self.enable_epoch_method else "iterations"
        logging.getLogger(self.default_log_name).info(
            "train on %r, batches of %d, accumulating %d, for %d %s",
            data,
            self.train_batch_size,
            self.gradient_accumulation_batch,
            self.max_iter,
            unit,
        )


def _check(cfg: Any) -> None:
    """Refuse settings that can't be followed."""
    for name in ("MAX_ITER", "CHECKPOINT_PERIOD"):
        if cfg.SOLVER[name] < 1:
            key = f"solver.{name.lower()}"
            raise WrongValue(f"{key} should be at least 1, got {cfg.SOLVER[name]}", key=key)
    if cfg.DATALOADER.GROUP_SAMPLER:
        key = "dataloader.group_sampler"
        raise WrongValue(f"{key}: grouped batches aren't carried; drop it, or override create_dataloader", key=key)


def _batch_size(solver: Any) -> int:
    """Return the samples of one training batch: a share of TRAIN_PER_BATCH where gradients accumulate."""
    size, num_batches = int(solver.TRAIN_PER_BATCH), int(solver.GRADIENT_ACCUMULATION_BATCH)
    if num_batches <= 1:
        return size
    if size % num_batches != 0:
        raise WrongPairing(
            f"{size} samples can't be shared by gradient_accumulation_batch {num_batches}; use a multiple",
            key="solver.train_per_batch",
        )
    return size // num_batches


def _prefix(network: Any) -> str:
    inner = network.module if type(network).__name__ in ("DataParallel", "DistributedDataParallel") else network
    return str(getattr(inner, "model_name", type(inner).__name__))


def _three(given: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Accept the pairs of older overrides, where testing is validating."""
    train, valid, *test = given
    return train, valid, test[0] if test else valid


def _plain(node: Any) -> Any:
    """Return a config as plain dicts and lists."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    return [_plain(value) for value in node] if isinstance(node, (list, tuple)) else node
