"""A user's config in the layout of the defaults: cases, types, and places that README and code disagree on."""

from collections.abc import Mapping, Sequence
from typing import Any

from fvcore.common.config import CfgNode

from torchalloy.adapters.trainframework._errors import UnknownConfigKey, WrongValue
from torchalloy.core import did_you_mean

__all__ = ["ROOTS", "aligned", "merge_options", "merge_values", "share_losses", "upper"]

ROOTS = ("dataloader", "output_dir", "output_log_name", "seed", "solver", "trainer")


def upper(value: Any) -> Any:
    """Return `value` with each all-lower-case key in upper case, through dicts and lists; `T_max` stays as it is."""
    if isinstance(value, Mapping):
        return {_upper_key(key): upper(item) for key, item in value.items()}
    return [upper(item) for item in value] if isinstance(value, list) else value


def aligned(cfg: Any, values: Mapping[str, Any]) -> None:
    """Empty the default PARAMS of `cfg` where `values` (upper-case keys) choose another schedule or optimizer type.

    So that Adam's defaults don't reach SGD.
    """
    chosen = values.get("SOLVER", {}).get("GENERATOR", {})
    for name in ("LR_SCHEDULER", "OPTIMIZER"):
        default = cfg.SOLVER.GENERATOR[name]
        if chosen.get(name, {}).get("TYPE", default.TYPE) != default.TYPE:
            default.PARAMS = CfgNode(new_allowed=True)


def merge_values(cfg: Any, values: Mapping[str, Any]) -> None:
    """Merge `values` (upper-case keys) over `cfg`.

    Raises:
        UnknownConfigKey: (a KeyError) for a key that a closed node doesn't have.
        WrongValue: (a ValueError) for a value of another type than the default's.
    """
    try:
        cfg.merge_from_other_cfg(CfgNode(_fitted(cfg, values, ())))
    except ValueError as error:
        raise WrongValue(str(error)) from error


def merge_options(cfg: Any, options: Sequence[str]) -> None:
    """Merge `KEY VALUE KEY VALUE ...` over `cfg`; a key is a dotted path in either case.

    Raises:
        UnknownConfigKey: (a KeyError and AssertionError) for a path that isn't there, below a closed node.
        WrongValue: (a ValueError) for a key without a value, or a value of another type.
    """
    if len(options) % 2:
        raise WrongValue(f"options come as KEY VALUE pairs; {options[-1]!r} has no value")
    for path, text in zip(options[0::2], options[1::2], strict=True):
        keys = _spelled(cfg, path)
        value: Any = text
        for key in reversed(keys):
            value = {key: value}
        merge_values(cfg, value)


def share_losses(cfg: Any) -> None:
    """Let `TRAINER.LOSS` and `TRAINER.MODEL.LOSS` each stand for the other where only one is there."""
    trainer, model = cfg.TRAINER, cfg.TRAINER.MODEL
    if "LOSS" in model and "LOSS" not in trainer:
        trainer.LOSS = model.LOSS
    elif "LOSS" in trainer and "LOSS" not in model:
        model.LOSS = trainer.LOSS


def _upper_key(key: Any) -> Any:
    return key.upper() if isinstance(key, str) and key.islower() else key


def _fitted(defaults: Any, values: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return `values` with ints where a float is wanted made floats, after looking for keys that can't be."""
    fitted: dict[str, Any] = {}
    for key, value in values.items():
        at = (*path, key)
        default = defaults.get(key) if isinstance(defaults, CfgNode) else None
        if isinstance(defaults, CfgNode) and key not in defaults and not defaults.is_new_allowed():
            _refuse(at, defaults)
        if isinstance(value, Mapping):
            fitted[key] = _fitted(default, value, at)
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            fitted[key] = float(value)
        elif isinstance(default, CfgNode) and default.keys() and not isinstance(value, Mapping):
            raise WrongValue(f"{_written(at)} should be a dict, got {value!r}", key=_written(at))
        else:
            fitted[key] = value
    return fitted


def _spelled(cfg: Any, path: str) -> list[str]:
    """Return the keys of a dotted path as `cfg` spells them."""
    keys: list[str] = []
    node: Any = cfg
    for part in path.split("."):
        known = part if isinstance(node, Mapping) and part in node else _upper_key(part)
        if (isinstance(node, CfgNode) and known not in node and not node.is_new_allowed()) or not isinstance(
            node, Mapping
        ):
            _refuse((*keys, known), node)
        keys.append(known)
        node = node.get(known, CfgNode(new_allowed=True))
    return keys


def _refuse(path: tuple[str, ...], node: Any) -> None:
    known = list(node) if isinstance(node, Mapping) else []
    raise UnknownConfigKey(
        f"Non-existent config key: {'.'.join(path)}; {did_you_mean(path[-1], known)}", key=_written(path)
    )


def _written(path: tuple[str, ...]) -> str:
    """Return a path as users write it."""
    return ".".join(key.lower() if key.isupper() else key for key in path)
