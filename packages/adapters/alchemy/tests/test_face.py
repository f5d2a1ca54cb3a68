import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import torchalloy.adapters.alchemy as face

README = Path(__file__).parent.parent / "README.md"
SURFACE = {
    "model": "AlchemyModel BackwardHandler DefaultBackwardHandler",
    "optim": "AdamW AlchemyOptimizer HFAdamW",
    "pipeline": "DataPipeline ItrDataPipeline LstDataPipeline OutputPipeline EvalPipeline SchedPipeline"
    " BeginEpochPipeline EndEpochPipeline BeginStepPipeline EndStepPipeline",
    "pipeline.itr": "Batch WithLength Shuffle SplitByWorker",
    "pipeline.lst": "ItrToLst SequenceWrapper",
    "pipeline.output": "SaveAppend Collect",
    "pipeline.sched": "SetRequiresGradBSPipeline EvalESPipeline EvalStepESPipeline EvalEEPipeline EvalEpochEEPipeline"
    " EvalAtStartBEPipeline InitEvalBEPipeline EvalAtFinishEEPipeline EndEvalEEPipeline",
    "plugins": "AlchemyPlugin BasicSetup FileLogger Backup TensorboardLogger Seeding DisplayRunningInfo",
    "registry": "Registrable",
    "runner": "AlchemyRunner AlchemyTrainer ALchemyTester AlchemyTester AlchemyInferenceRunner evaluate"
    " get_dataloader seed_worker RunResult",
    "sched": "AlchemyTrainScheduler NoamScheduler LineWarmup Noam",
    "scheduler": "AlchemyTrainScheduler NoamScheduler LineWarmup Noam",
    "task": "AlchemyTask DefaultTask",
    "util": "filter_optional_cfg batch_to_device merge_max_position_constraints warn_unused_kwargs line_count",
    "util.alloc_gpu": "alloc_cuda",
    "util.collate_fn": "CollateFn DefaultCollateFn",
    "util.device": "alloc alloc1 alloc_cuda check_installed",
    "util.extention.rich": "full_columns no_total_columns get_default_columns MofNCompleteColumn CompletedColumn"
    " ProgressWOTotal",
    "util.json": "NpJsonEncoder",
    "util.optim": "prepare_trf_based_model_params",
    "util.sym": "SymbolTbl sym_tbl new_scope MissingKey NoFrame",
}
IN_CONFIGS = {
    "model": ("BackwardHandler", "alchemy.model.Default"),
    "optim": ("AlchemyOptimizer", "alchemy.optim.AdamW"),
    "runner": ("AlchemyRunner", "alchemy.runner.Tester"),
    "task": ("AlchemyTask", "alchemy.task.Default"),
    "util.collate_fn": ("CollateFn", "alchemy.util.collate_fn.Default"),
    "scheduler": ("AlchemyTrainScheduler", "alchemy.scheduler.LineWarmup"),
    "sched": ("AlchemyTrainScheduler", "torchalloy.adapters.alchemy.sched.LineWarmup"),
    "pipeline": ("DataPipeline", "alchemy.pipeline.Batch"),
}


def test_the_face_is_sorted_and_every_name_is_there():
    assert face.__all__ == sorted(face.__all__)
    assert all(getattr(face, name) is not None for name in face.__all__)


@pytest.mark.parametrize("module", SURFACE)
def test_names_are_where_users_look_for_them(module):
    found = importlib.import_module(f"{face.__name__}.{module}")
    assert [name for name in SURFACE[module].split() if not hasattr(found, name)] == []
    assert found.__all__ == sorted(found.__all__)


@pytest.mark.parametrize("module", IN_CONFIGS)
def test_types_in_configs_need_no_edit(module):
    family, name = IN_CONFIGS[module]
    found = getattr(importlib.import_module(f"{face.__name__}.{module}"), family).resolve_registered_module(name)
    assert found.__module__.startswith(face.__name__)


def test_looking_at_what_the_package_offers_imports_no_torch():
    code = "import sys, torchalloy.adapters.alchemy._plugin as p; p.alloy_styles(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["_names", "_evaluate", "sched", "util"])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(importlib.import_module(f"{face.__name__}.{module}")).failed == 0


def test_the_readmes_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    for index, block in enumerate(blocks):
        script = tmp_path / f"block{index}.py"
        script.write_text(block, encoding="utf-8")
        subprocess.run([sys.executable, str(script)], check=True, timeout=100)
