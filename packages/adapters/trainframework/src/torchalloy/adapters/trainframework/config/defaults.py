"""Every key with its default. The root, TRAINER and DATALOADER take new keys; SOLVER is closed."""

from typing import Any

from fvcore.common.config import CfgNode

__all__ = ["_C", "get_cfg", "get_defaults"]


def get_defaults() -> Any:
    """Return a fresh `CfgNode` of all defaults."""
    cfg = _open(OUTPUT_DIR="", OUTPUT_LOG_NAME="engine.config.defaults", SEED=None)
    cfg.TRAINER = _open(NAME="BaseTrainer", ENABLE_EPOCH_METHOD=False, WEIGHTS=None, DEVICE="cuda", PARADIGM=_open())
    cfg.TRAINER.MODEL = _open(NAME="BaseModel", GENERATOR=_open(), DISCRIMINATOR=_open(), G_STEP=1)
    cfg.SOLVER = _solver()
    cfg.DATALOADER = _open(NUM_WORKERS=4, GROUP_SAMPLER=False)
    return cfg


def get_cfg() -> Any:
    """Return a clone of the defaults that the caller may change."""
    return _C.clone()


def _solver() -> Any:
    solver = CfgNode()
    solver.GRADIENT_ACCUMULATION_BATCH = -1
    solver.TRAIN_PER_BATCH = 16
    solver.VAL_PER_BATCH = 8
    solver.TEST_PER_BATCH = 8
    solver.MAX_ITER = 90000
    solver.MAX_KEEP = 20
    solver.CHECKPOINT_PERIOD = 5000
    solver.EMA = _open(ENABLED=False, DECAY_RATE=0.995)
    solver.GENERATOR = _generator()
    solver.DISCRIMINATOR = _open()
    return solver


def _generator() -> Any:
    generator = CfgNode()
    generator.LR_SCHEDULER = _open(ENABLED=False, TYPE="LRMultiplierScheduler", PARAMS=_open())
    generator.OPTIMIZER = _open(TYPE="Adam", PARAMS=_open(LR=1e-4, BETAS=(0.9, 0.999)))
    generator.CLIP_GRADIENTS = CfgNode(
        {"ENABLED": False, "CLIP_TYPE": "value", "CLIP_VALUE": 1.0, "NORM_TYPE": 2.0, "GROUP": False}
    )
    return generator


def _open(**values: Any) -> Any:
    node = CfgNode(new_allowed=True)
    for name, value in values.items():
        node[name] = value
    return node


_C = get_defaults()
