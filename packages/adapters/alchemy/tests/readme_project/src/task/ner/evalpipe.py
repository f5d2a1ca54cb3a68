# ruff: noqa  # left as its users wrote it, but for the imports
import json
from typing import Any, Dict, List

import torch
from loguru import logger
from torchalloy.adapters.alchemy import sym_tbl
from torchalloy.adapters.alchemy.pipeline import (
    EndEpochPipeline,
    EvalPipeline,
    OutputPipeline,
    SchedPipeline,
)
from torchalloy.adapters.alchemy.runner import evaluate


@SchedPipeline.register("EvalEpochEEPipeline")
class EvalEpochEEPipeline(EndEpochPipeline):
    def __init__(self, period: int, split: str = "dev", **kwargs: Any) -> None:
        super().__init__()
        self.period = period
        self.split = split

    def __call__(self, **kwargs: Any) -> Dict[str, Any]:
        cur_epoch = sym_tbl().train_sched.cur_epoch
        if (cur_epoch + 1) % self.period == 0:
            logger.info(
                "EvalEpoch at epoch {} step {}".format(sym_tbl().train_sched.cur_epoch, sym_tbl().train_sched.cur_step)
            )
            evaluate(self.split)
        return kwargs


@OutputPipeline.register()
class Tags(OutputPipeline):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, outputs: Dict[str, Any], inputs: Dict[str, Any]) -> List[Dict[str, Any]]:
        found = outputs["scores"].argmax(-1).tolist()
        lengths = inputs["mask"].sum(1).tolist()
        return [
            {"id": name, "found": tags[:length], "wanted": wanted[:length]}
            for name, tags, wanted, length in zip(inputs["id"], found, inputs["targets"].tolist(), lengths)
        ]


@EvalPipeline.register()
class EvalNer(EvalPipeline):
    def __init__(self, varname: str, store_history: bool = True, **kwargs: Any) -> None:
        super().__init__()
        self.varname = varname
        self.store_history = store_history

    def __call__(self, split: str, **kwargs: Any) -> Dict[str, Any]:
        collected = sym_tbl().pop_global(self.varname)
        pairs = [pair for doc in collected for pair in zip(doc["found"], doc["wanted"])]
        score = sum(found == wanted for found, wanted in pairs) / len(pairs)
        record_dir = sym_tbl().try_get_global("record_dir")
        assert record_dir == sym_tbl().record_dir
        if record_dir is not None:
            with open(record_dir / "evals.jsonl", "a") as lines:
                lines.write(json.dumps({"split": split, "count": len(collected), "score": score}) + "\n")
        return {**kwargs, "score": score}


@EvalPipeline.register()
class LogBest(EvalPipeline):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.best = -1.0

    def __call__(self, split: str, score: float, **kwargs: Any) -> Dict[str, Any]:
        achieve_best = score > self.best
        self.best = max(score, self.best)
        logger.info("{}: {:.3f} best {:.3f}", split, score, self.best)
        record_dir = sym_tbl().record_dir
        if achieve_best and record_dir is not None:
            (record_dir / "best_info.json").write_text(json.dumps({"score": score}))
        return {**kwargs, "score": score, "achieve_best": achieve_best}


@EvalPipeline.register()
class Tensorboard(EvalPipeline):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, split: str, score: float, **kwargs: Any) -> Dict[str, Any]:
        writer = sym_tbl().try_get_global("summary_writer")
        if writer is not None:
            writer.add_scalar(f"{split}/score", score, sym_tbl().train_sched.cur_step)
        return {**kwargs, "score": score}


@EvalPipeline.register()
class SaveModel(EvalPipeline):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, split: str, **kwargs: Any) -> Dict[str, Any]:
        checkpt_dir = sym_tbl().try_get_global("checkpt_dir")
        if kwargs["achieve_best"] and checkpt_dir is not None:
            torch.save(sym_tbl().model.module.state_dict(), checkpt_dir / "best")
        return kwargs
