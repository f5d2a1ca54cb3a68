# ruff: noqa  # left as its users wrote it, but for the imports
"""The README's recipe: train, then test the best checkpoint."""

from pathlib import Path
from typing import List, Optional

import tomlkit
from torchalloy.adapters.alchemy import prepare_cfg, run


def train_and_test(
    cfgs: List[tomlkit.TOMLDocument],
    device: Optional[List[int]] = None,
    user_dir: str = "src",
    desc: str = "",
    debug: bool = False,
):
    run_results = run(
        cfgs=cfgs,
        device=device,
        user_dir=user_dir,
        desc=desc,
        debug=debug,
    )

    test_cfgs = []
    # the order of the results may not be that of the configs, so the config is read from record_dir again
    for run_result in run_results:
        if isinstance(run_result, Exception):
            # an exception came up
            raise run_result
        cfg = prepare_cfg(run_result.record_dir / "cfg.toml")

        cfg["runner"] = "alchemy.runner.Tester"  # the runner is the Tester

        # a test needs neither sched nor optim
        if "sched" in cfg:
            cfg.pop("sched")
        if "optim" in cfg:
            cfg.pop("optim")

        if "train" in cfg["task"]["datasets"]:
            cfg["task"]["datasets"].pop("train")
        if "dev" in cfg["task"]["datasets"]:
            cfg["task"]["datasets"].pop("dev")
        # "test" is required
        assert "test" in cfg["task"]["datasets"]

        cfg["model"]["model_path"] = str(run_result.record_dir / "checkpt" / "best")

        # what follows isn't general, which is why train-and-test is no official entry
        for plugin in cfg["plugins"]:
            if plugin["type"] == "alchemy.plugins.FileLogger":
                train_log_dir = Path(plugin["log_dir"])
                test_log_dir = train_log_dir.with_name("test")
                plugin["log_dir"] = str(test_log_dir)

        evalpipes = cfg["task"]["evalpipes"]
        for evalpipe in list(evalpipes):  # a shallow copy, as pipes are removed on the way
            if evalpipe["type"] == "src.task.ner.evalpipe.EvalNer":
                evalpipe["store_history"] = False
            elif evalpipe["type"] == "src.task.ner.evalpipe.LogBest":
                # log best stays, to print best_info
                pass
            elif evalpipe["type"] == "src.task.ner.evalpipe.SaveStepExamples":
                evalpipe["type"] = "src.task.ner.evalpipe.SaveExamples"
            else:
                evalpipes.remove(evalpipe)

        test_cfgs.append(cfg)

    return run(
        cfgs=test_cfgs,
        device=device,
        user_dir=user_dir,
        desc=desc,
        debug=debug,
    )


if __name__ == "__main__":
    cfg = prepare_cfg(Path("tagger.toml"))
    cfg["task"]["type"] = "src.task.ner.PlainNerTask"
    (result,) = train_and_test([cfg], device=[-1], desc="trained and tested")
    print(result.record_dir)
