"""A trainer's files: checkpoints, keypoints and models, written and read beside the run's own checkpoints."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from torchalloy.core import CheckpointError, did_you_mean

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from torchalloy.adapters.thexp.frame.logger import Logger
    from torchalloy.adapters.thexp.frame.saver import Saver

__all__ = ["TrainerFiles"]


class TrainerFiles:
    """What a trainer saves and loads by name; the trainer has the objects, the saver the folder."""

    params: Any
    model_dict: dict[str, nn.Module]
    optim_dict: dict[str, Optimizer]
    vector_dict: dict[str, Any]
    other_dict: dict[str, Any]

    @property
    def logger(self) -> Logger:
        """Where it is said; the trainer's."""
        raise NotImplementedError

    @property
    def saver(self) -> Saver:
        """Who writes; the trainer's."""
        raise NotImplementedError

    def checkpoint_dict(self) -> dict[str, Any]:
        """Return the states of everything registered, and where the training is."""
        return {
            "model": _states(self.model_dict),
            "optim": _states(self.optim_dict),
            "other": _states(self.other_dict),
            "vector": dict(self.vector_dict),
            "eidx": self.params.eidx,
            "idx": self.params.idx,
            "global_step": self.params.global_step,
        }

    def model_state_dict(self) -> dict[str, Any]:
        """Return the states of the models by name."""
        return _states(self.model_dict)

    def save_keypoint(self, extra_info: Any = None, replacement: bool = False) -> str:
        """Save everything registered as a keypoint of the epoch; return its path."""
        return self._saved(
            "keypoint", self.saver.save_keypoint(self.params.eidx, self.checkpoint_dict(), extra_info, replacement)
        )

    def save_checkpoint(self, extra_info: Any = None, replacement: bool = False) -> str:
        """Save everything registered as a checkpoint of the epoch, which later ones push out; return its path."""
        return self._saved(
            "checkpoint", self.saver.save_checkpoint(self.params.eidx, self.checkpoint_dict(), extra_info, replacement)
        )

    def save_model(self, extra_info: Any = None) -> str:
        """Save the models' states; return the path."""
        return self._saved("model", self.saver.save_model(self.params.eidx, self.model_state_dict(), extra_info))

    def load_keypoint(self, epoch: int | str, strict: bool = True, ignore_optim: bool = False) -> Any:
        """Go back to a keypoint: the epoch behind it is the next. Return what was saved beside it.

        None, and a line in the log, where there is no such keypoint.

        Raises: KeyError: it lacks something registered, and `strict`. CheckpointError: it can't be read.
        """
        saved = self.saver.load_keypoint(epoch)
        if saved is None:
            self.logger.info(f"no keypoint {epoch!r}; there are: {', '.join(self.saver.find_keypoints()) or 'none'}")
            return None
        self._restore(saved, strict, ignore_optim, is_epoch=isinstance(epoch, int))
        return self.saver.load_keypoint_info(epoch)

    def load_checkpoint(
        self,
        epoch: int | str,
        strict: bool = True,
        byindex: bool = False,
        ignore_optim: bool = False,
        not_exist_ok: bool = False,
    ) -> Any:
        """Go back to a checkpoint. Return what was saved beside it.

        Args:
            epoch: An epoch (or with `byindex` a place, newest first): the epoch behind it is the next. A path: the
                saved epoch itself is.
            strict: Whether what is registered and wasn't saved is an error.
            byindex: Whether `epoch` is a place.
            ignore_optim: Leave the optimizers as they are.
            not_exist_ok: Do nothing where there is none.

        Raises: FileNotFoundError: there is none. KeyError, CheckpointError: as for `load_keypoint`.
        """
        saved = self.saver.load_checkpoint(epoch, byindex)
        if saved is None:
            if not_exist_ok:
                return None
            raise FileNotFoundError(
                f"no checkpoint {epoch!r}; there are: {', '.join(self.saver.find_checkpoints()) or 'none'}"
            )
        self._restore(saved, strict, ignore_optim, is_epoch=isinstance(epoch, int))
        return self.saver.load_checkpoint_info(epoch, byindex)

    def load_model(self, val: int | str, strict: bool = True) -> Any:
        """Give the models the states saved by `save_model`. Return what was saved beside them.

        Raises: CheckpointError: there is none. KeyError: it lacks a model, and `strict`.
        """
        _give_states(self.model_dict, self.saver.load_model(val), strict, "model")
        return self.saver.load_model_info(val)

    # ------------------------------------------------------------------------------------------------------------------

    def _saved(self, what: str, path: str) -> str:
        self.logger.info(f"{what} in {path}", prefix="save")
        return path

    def _restore(self, saved: Mapping[str, Any], strict: bool, ignore_optim: bool, *, is_epoch: bool) -> None:
        nested = _nested(saved, self.model_dict, self.optim_dict)
        _give_states(self.model_dict, nested["model"], strict, "model")
        _give_states(self.other_dict, nested["other"], strict, "object")
        if not ignore_optim:
            _give_states(self.optim_dict, nested["optim"], strict, "optimizer")
        for name, vector in nested["vector"].items():
            setattr(self, name, vector)
        self.params.eidx = nested["eidx"] + 1 if is_epoch else nested["eidx"]
        self.params.idx, self.params.global_step = nested["idx"], nested["global_step"]


def _states(registered: Mapping[str, Any]) -> dict[str, Any]:
    return {name: thing.state_dict() for name, thing in registered.items()}


def _nested(saved: Mapping[str, Any], models: Iterable[str], optims: Iterable[str]) -> dict[str, Any]:
    """Return a checkpoint of either form as the nested one; thexp's first releases wrote names side by side."""
    if "model" in saved and "eidx" in saved:
        return {"optim": {}, "other": {}, "vector": {}, "idx": 0, "global_step": 0, **saved}
    if "_eidx" not in saved:
        raise CheckpointError(
            f"this file isn't a trainer's checkpoint: it holds {', '.join(map(str, saved)) or 'nothing'}"
        )
    return {
        "model": {name: saved[name] for name in models if name in saved},
        "optim": {name: saved[name] for name in optims if name in saved},
        "other": {},
        "vector": {},
        **{name: saved[f"_{name}"] for name in ("eidx", "idx", "global_step")},
    }


def _give_states(registered: Mapping[str, Any], states: Mapping[str, Any], strict: bool, kind: str) -> None:
    for name, thing in registered.items():
        if name in states:
            thing.load_state_dict(states[name])
        elif strict:
            raise KeyError(f"the file has no {kind} {name!r}; {did_you_mean(name, states)}")
        else:
            warnings.warn(
                f"the file has no {kind} {name!r}, which stays as it is; {did_you_mean(name, states)}", stacklevel=4
            )
