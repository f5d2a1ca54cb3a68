"""The project of TrainFramework's README, with nothing but its imports changed, run as its users run it."""

import os
import subprocess
import sys
from pathlib import Path

import torch

PROJECT = {
    "codes/__init__.py": "from codes.model import *\nfrom codes.data import *\nfrom codes.train import *\n",
    "codes/model.py": """
import torch
from torchalloy.adapters.trainframework.model.base_model import BaseModel
from torchalloy.adapters.trainframework.model.build import BUILD_MODEL_REGISTRY, BUILD_NETWORK_REGISTRY
from torchalloy.adapters.trainframework.loss.pipe import LossKeyCompose


@BUILD_NETWORK_REGISTRY.register()
class TinyNet(torch.nn.Module):
    def __init__(self, my_network_param):
        super().__init__()
        self.layer = torch.nn.Linear(3 * 8 * 8, my_network_param)

    def forward(self, x):
        return self.layer(x.float().flatten(1) / 255)


@BUILD_MODEL_REGISTRY.register()
class MyModel(BaseModel):
    def __init__(self, cfg):
        super(MyModel, self).__init__(cfg)
        self.loss = LossKeyCompose(cfg.TRAINER.LOSS)
        return

    def create_model(self, params) -> torch.nn.Module:
        return

    def run_step(self, data, *, epoch=None, **kwargs):
        input_data = data['input_data'].to(self.device, non_blocking=True)
        target_data = data['target_data'].to(self.device, non_blocking=True)

        fake_data = self.g_model(input_data)

        loss = self.loss((fake_data, target_data))

        return loss

    def generator(self, data):
        scores = self.g_model(data.to(self.device, non_blocking=True))

        return scores
""",
    "codes/train.py": """
from torchalloy.adapters.trainframework.trainer.trainer import BaseTrainer
from torchalloy.adapters.trainframework.trainer.build import BUILD_TRAINER_REGISTRY


@BUILD_TRAINER_REGISTRY.register()
class MyTrainer(BaseTrainer):
    def __init__(self, cfg):
        super(MyTrainer, self).__init__(cfg)
        self.seen = []
        return

    def after_loop(self):
        self.model.disable_train()
        answer = self.model(next(iter(self.test_data_loader))['input_data'])
        print('after_loop', len(self.seen), all(isinstance(one, float) for one in self.seen), tuple(answer.shape))
        return

    def iterate_after(self, epoch, loss_dict):
        self.seen.append(loss_dict['loss'])
        return
""",
    "codes/data.py": """
from typing import List
from torchalloy.adapters.trainframework.data.dataset import EngineDataSet
from torchalloy.adapters.trainframework.data.build import BUILD_DATASET_REGISTRY
import torchalloy.adapters.trainframework.transforms.functional as F
import cv2
import numpy as np


__all__ = [
    'MyDataset'
]


@BUILD_DATASET_REGISTRY.register()
class MyDataset(EngineDataSet):

    def __init__(self, my_data_param, transformer:List):
        super(MyDataset, self).__init__(transformer)
        self.dataset = [(f'{my_data_param}/{i}.png', i % 3) for i in range(12)]
        return

    def __getitem__(self, index):
        img_path, target_data = self.dataset[index]
        img = cv2.cvtColor(cv2.imread(img_path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

        results = dict()
        results['img'] = img
        results['img_shape'] = img.shape[:2]
        results['ori_shape'] = results['img_shape']
        results['img_fields'] = ['img']
        results['color_fields'] = ['img']

        results = self.data_pipeline(results)

        return {'input_data': F.to_tensor(results['img']), 'target_data': target_data}

    def __len__(self):
        return len(self.dataset)
""",
    "train.py": """
from torchalloy.adapters.trainframework.schedule.scheduler import BaseScheduler
from codes import *

if __name__ == '__main__':
    BaseScheduler().schedule()
""",
    "config.py": """
dataloader = dict(
    num_workers=2,
    train_data_set=dict(
        name='MyDataset',
        my_data_param='images',
        transformer=[
            dict(name='RandomFlip', direction=['horizontal', 'vertical', 'diagonal'], p=0.5),
            dict(name='Resize', target_size=8, interpolation='INTER_LINEAR', keep_ratio=False, clip_border=True),
            dict(
                name='RandomColorJitter',
                brightness_limit=[0.6, 1.2],
                brightness_p=0.6,
                contrast_limit=[0.6, 1.4],
                contrast_p=0.6,
                saturation_limit=[0.6, 1.4],
                saturation_p=0.5,
                hue_limit=[-0.1, 0.1],
                hue_p=0.05,
                blur_limit=[3, 7],
                blur_p=0.2,
                gamma_limit=[0.3, 3.0],
                gamma_p=0.1,
            )
        ]
    ),
    val_data_set=dict(
        name='MyDataset',
        my_data_param='images',
        transformer=[
            dict(name='Resize', target_size=8, interpolation='INTER_LINEAR', keep_ratio=False, clip_border=True),
        ]
    )
)
trainer = dict(
    name='MyTrainer',
    device='cuda',
    weights='',
    model=dict(
        name='MyModel',
        generator=dict(name='TinyNet', my_network_param=3),
        loss=dict(
            loss1=[dict(name='CrossEntropyLoss', param=dict(lambda_weight=10.))],
            loss2=[
                dict(
                    name='CrossEntropyLoss',
                    param=dict(lambda_weight=1.0),
                    input_name=['input_tensor', 'target_tensor'],
                )
            ]
        ),
        ema=dict(enable=True, decay_rate=0.995)
    ),
)
solver = dict(
    gradient_accumulation_batch=-1,
    train_per_batch=8,
    test_per_batch=8,
    max_iter=12,
    max_keep=20,
    checkpoint_period=5,
    generator=dict(
        lr_scheduler=dict(
            enabled=True,
            type='LRMultiplierScheduler',
            params=dict(
                lr_scheduler_param=dict(name='WarmupMultiStepLR', gamma=0.1, steps=[6, 9, 40000]),
                max_iter=12,
                warmup_factor=0.01,
                warmup_iter=3,
                warmup_method='linear'
            )
        ),
        optimizer=dict(
            type='Adam',
            params=dict(lr=0.01, weight_decay=1e-6),
            clip_gradients=dict(enabled=False)
        )
    )
)
output_dir = 'out'
output_log_name = 'my-log'
""",
}


def test_the_readme_project_trains_and_leaves_the_files_its_users_look_for(tmp_path: Path) -> None:
    _write_project(tmp_path)
    done = subprocess.run(
        [sys.executable, "train.py", "--config-file", "config.py", "--num-gpus", "1"],
        cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "after_loop 12 True (8, 3)" in done.stdout
    out = tmp_path / "out"
    files = {"TinyNet_0000004.pth", "TinyNet_0000009.pth", "TinyNet_final.pth"}
    assert {path.name for path in out.glob("*.pth")} == files
    assert {"config.yaml", "log.txt", "last_checkpoint"} <= {path.name for path in out.iterdir()}
    assert (out / "last_checkpoint").read_text() == "TinyNet_final.pth"
    assert "my-log INFO: trainer run step 10" in (out / "log.txt").read_text()
    for name in files:
        held = torch.load(out / name, weights_only=True)
        assert held["model"].keys() == {"g_model", "ema"}
        assert held["checkpointables"].keys() == {"g_optimizer", "g_scheduler", "cfg", "iteration"}


def _write_project(folder: Path) -> None:
    import cv2
    import numpy as np

    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text.lstrip("\n"))
    (folder / "images").mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (10, 12, 3), dtype=np.uint8)
        assert cv2.imwrite(str(folder / "images" / f"{number}.png"), pixels)
