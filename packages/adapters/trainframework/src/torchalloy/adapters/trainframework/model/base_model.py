"""A network with its optimizer, schedule and averaged weights, and what one step of them is."""

import inspect
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from yacs.config import CfgNode

from torchalloy.adapters.trainframework._errors import NotAStepResult, UnknownConfigKey
from torchalloy.adapters.trainframework._names import construct
from torchalloy.adapters.trainframework.checkpoint.functional import get_model_state_dict, load_model_state_dict
from torchalloy.adapters.trainframework.model.build import BUILD_MODEL_REGISTRY, build_network
from torchalloy.adapters.trainframework.model.ema import EMA, ema_wrapper
from torchalloy.adapters.trainframework.model.import_optimizer import import_optimizer
from torchalloy.adapters.trainframework.model.import_scheduler import import_scheduler
from torchalloy.adapters.trainframework.slover.lr_scheduler import EmptyLRScheduler, step_scheduler
from torchalloy.adapters.trainframework.slover.optimizer import build_optimizer_with_gradient_clipping
from torchalloy.core import did_you_mean

__all__ = ["BaseModel"]

_EMA_KEYS = ("DECAY_RATE", "ENABLE", "ENABLED", "NUM_UPDATES")


@BUILD_MODEL_REGISTRY.register()
class BaseModel:
    """What a user's model extends: `run_step` gives the loss of a batch, `generator` the network's answer to data.

    Attributes:
        cfg: A clone of the whole config.
        device: Where the network is, as a string.
        g_model: The network.
        g_optimizer: Its optimizer.
        g_scheduler: The schedule of its rates.
        ema: The averaged weights; there only where the config enables them.
    """

    EMA_KEY = "ema"

    def __init__(self, cfg: Any) -> None:
        assert isinstance(cfg, CfgNode), f"{type(self).__name__} takes a CfgNode, got {type(cfg).__name__}"
        self.default_log_name: str = cfg.OUTPUT_LOG_NAME
        self.cfg = cfg.clone()
        self.device: str = cfg.TRAINER.DEVICE
        self.max_iter: int = cfg.SOLVER.MAX_ITER
        network = self.create_model(cfg.TRAINER.MODEL.GENERATOR)
        network = build_network(cfg.TRAINER.MODEL.GENERATOR) if network is None else network
        self.g_model: Any = network.to(self.device)
        solver = cfg.SOLVER.GENERATOR
        self.g_optimizer = self.create_optimizer(solver.OPTIMIZER, _clipping(solver), self.g_model.parameters())
        self.g_scheduler = self.create_scheduler(solver.LR_SCHEDULER, self.g_optimizer)
        self.create_ema(_averaging(cfg))

    def run_step(self, data: Any, *, epoch: int | None = None, **kwargs: Any) -> Any:
        """Return the loss of `data`: a 0-d tensor, or a dict with it as `loss` beside other values to report."""
        raise NotImplementedError(f"{type(self).__name__} must define run_step(self, data, *, epoch=None, **kwargs)")

    def generator(self, data: Any) -> Any:
        """Return the network's answer to `data`."""
        raise NotImplementedError(f"{type(self).__name__} must define generator(self, data)")

    def __call__(self, data: Any, *, epoch: int | None = None, **kwargs: Any) -> Any:
        """Train on `data` and return the step's info, or, after `disable_train()`, return `generator(data)`.

        The info holds `loss` as a float, `lr` as text, and what else `run_step` returned.
        """
        if self.g_model.training:
            return self.readable(self.train_step(data, epoch=epoch, **kwargs))
        return self.generator_imp(data)

    def train_step(self, data: Any, *, epoch: int | None = None, **kwargs: Any) -> dict[str, Any]:
        """Take one training step and return what it gave, with `loss` as a detached 0-d tensor, still on the device.

        With `accumulation_epoch` above 1 the gradients of that many batches are averaged into one update.

        Raises: NotAStepResult: (a TypeError) when `run_step` returns neither a loss nor a dict with one.
        """
        output = self.run_step(data, epoch=epoch, **kwargs)
        loss = self._loss_in(output)
        num_batches = max(1, kwargs.get("accumulation_epoch") or 1)
        if num_batches == 1:
            self.g_optimizer.zero_grad()
            torch.autograd.backward(loss)
            self._update(epoch, loss)
        else:
            torch.autograd.backward(loss / num_batches)
            if (kwargs.get("data_epoch", epoch or 0) + 1) % num_batches == 0:
                self._update(epoch, loss)
                self.g_optimizer.zero_grad()
        return {**output, "loss": loss.detach()} if isinstance(output, Mapping) else {"loss": loss.detach()}

    def readable(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """Return the info that users see of a step: its loss read back, and the present rates."""
        info = {**step, "loss": float(step["loss"])}
        if len(step) == 1:
            info["total_loss"] = info["loss"]
        return {**info, "lr": "*".join(str(rate) for rate in self.rates())}

    def rates(self) -> list[float]:
        """Return the present learning rate of each parameter group."""
        return [float(group["lr"]) for group in self.g_optimizer.param_groups]

    def generator_imp(self, data: Any) -> Any:
        """Return `generator(data)` of the averaged weights where there are any."""
        with ema_wrapper(self):
            return self.generator(data)

    def create_model(self, params: Any) -> Any:
        """Return the network; a subclass that returns None gets the registered one."""
        return build_network(params)

    def create_optimizer(self, optimizer_cfg: Any, clip_cfg: Any, parameters: Iterable[Any]) -> torch.optim.Optimizer:
        """Return the optimizer that `optimizer_cfg.TYPE` names in `torch.optim`, clipping as `clip_cfg` says."""
        kind = build_optimizer_with_gradient_clipping(clip_cfg, import_optimizer(optimizer_cfg.TYPE))
        keywords = {_argument(key): value for key, value in optimizer_cfg.PARAMS.items()}
        made: torch.optim.Optimizer = construct(
            kind, {"params": parameters, **keywords}, f"solver.generator.optimizer.params ({optimizer_cfg.TYPE})"
        )
        return made

    def create_scheduler(self, scheduler_cfg: Any, optimizer: torch.optim.Optimizer) -> Any:
        """Return the schedule that `scheduler_cfg.TYPE` names, or one that keeps the rates where it isn't enabled."""
        if not scheduler_cfg.ENABLED:
            return EmptyLRScheduler(optimizer)
        kind = import_scheduler(scheduler_cfg.TYPE)
        keywords = {_argument(key): _lower_arguments(value) for key, value in scheduler_cfg.PARAMS.items()}
        if "max_iter" in inspect.signature(kind).parameters:
            keywords.setdefault("max_iter", self.max_iter)
        return construct(kind, {"optimizer": optimizer, **keywords}, "solver.generator.lr_scheduler.params")

    def create_ema(self, ema_cfg: Mapping[str, Any]) -> None:
        """Set `ema` where `ema_cfg` enables it."""
        if ema_cfg.get("ENABLED", ema_cfg.get("ENABLE", False)):
            self.ema = EMA(self.g_model.parameters(), ema_cfg.get("DECAY_RATE", 0.995), ema_cfg.get("NUM_UPDATES"))

    def enable_train(self) -> None:
        """Make calls train."""
        self.g_model.train()

    def disable_train(self) -> None:
        """Make calls answer."""
        self.g_model.eval()

    def enable_distribute(self, cfg: Any) -> None:
        """Say in the log how the run is distributed; gradients are averaged over ranks below this model."""
        paradigm = cfg.TRAINER.PARADIGM.get("TYPE", "NORMAL")
        logging.getLogger(self.default_log_name).info("%s trains as %s", type(self).__name__, paradigm)

    def get_state_dict(self) -> dict[str, Any]:
        """Return the weights, and the averaged ones where there are any."""
        state: dict[str, Any] = {"g_model": get_model_state_dict(self.g_model)}
        if hasattr(self, "ema"):
            state[self.EMA_KEY] = self.ema.state_dict()
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the weights that fit; the log names those that don't."""
        load_model_state_dict(self.g_model, state_dict["g_model"], self.default_log_name)
        if not hasattr(self, "ema"):
            return
        kept = state_dict.get(self.EMA_KEY)
        if kept is not None and _shapes(kept["shadow_params"]) == _shapes(self.ema.shadow_params):
            self.ema.load_state_dict(kept)
        else:
            self.create_ema(_averaging(self.cfg))

    def get_addition_state_dict(self) -> dict[str, Any]:
        """Return what only a resumed run needs: optimizer, schedule, and the config as YAML."""
        return {
            "g_optimizer": self.g_optimizer.state_dict(),
            "g_scheduler": self.g_scheduler.state_dict(),
            "cfg": self.cfg.dump(),
        }

    def load_addition_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over optimizer and schedule, exactly."""
        self.g_optimizer.load_state_dict(state_dict["g_optimizer"])
        self.g_scheduler.load_state_dict(state_dict["g_scheduler"])

    def _loss_in(self, output: Any) -> torch.Tensor:
        loss = output.get("loss") if isinstance(output, Mapping) else output
        if isinstance(loss, torch.Tensor) and loss.dim() == 0:
            return loss
        got = f"a dict with keys {sorted(output)}" if isinstance(output, Mapping) else type(output).__name__
        if isinstance(loss, torch.Tensor):
            got = f"a loss of shape {tuple(loss.shape)}"
        raise NotAStepResult(
            f"{type(self).__name__}.run_step should return a 0-d loss tensor or a dict with 'loss', got {got}"
        )

    def _update(self, epoch: int | None, loss: torch.Tensor) -> None:
        self.g_optimizer.step()
        if hasattr(self, "ema"):
            self.ema.update(self.g_model.parameters())
        step_scheduler(self.g_scheduler, epoch, loss.detach())


def _averaging(cfg: Any) -> Mapping[str, Any]:
    """Return the first enabled one of the places where users write their EMA settings."""
    places = {
        "solver.ema": cfg.SOLVER.EMA,
        "trainer.model.ema": cfg.TRAINER.MODEL.get("EMA", {}),
        "trainer.ema": cfg.TRAINER.get("EMA", {}),
    }
    for place, node in places.items():
        for key in node:
            if key not in _EMA_KEYS:
                raise UnknownConfigKey(f"{place}.{key.lower()}: {did_you_mean(key, _EMA_KEYS)}")
    enabled = [node for node in places.values() if node.get("ENABLED", node.get("ENABLE", False))]
    return enabled[0] if enabled else {}


def _clipping(solver: Any) -> Any:
    """Return the clipping beside `optimizer`, or the one inside it where only that is enabled."""
    inside = solver.OPTIMIZER.get("CLIP_GRADIENTS", {})
    return solver.CLIP_GRADIENTS if solver.CLIP_GRADIENTS.ENABLED else inside


def _argument(key: str) -> str:
    """Undo the config's upper case; a key with lower-case letters (`T_max`) was left alone."""
    return key.lower() if key.isupper() else key


def _lower_arguments(value: Any) -> Any:
    return {_argument(key): item for key, item in value.items()} if isinstance(value, Mapping) else value


def _shapes(tensors: Iterable[torch.Tensor]) -> list[torch.Size]:
    return [one.shape for one in tensors]
