"""The main example of thexp's README, with nothing but its imports changed, run as its users run it."""

import json
import os
import re
import subprocess
import sys

import torch

TORCHVISION = {
    "torchvision/__init__.py": "",
    "torchvision/transforms.py": "class ToTensor:\n    def __call__(self, image):\n        return image / 255\n",
    "torchvision/datasets.py": """
import torch


class FakeData(torch.utils.data.Dataset):
    def __init__(self, size=128, image_size=(3, 224, 224), num_classes=10, transform=None):
        self.size, self.image_size, self.num_classes, self.transform = size, image_size, num_classes, transform

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        image = torch.randint(0, 256, self.image_size, generator=generator)
        label = torch.randint(0, self.num_classes, (), generator=generator)
        return (image if self.transform is None else self.transform(image)), label
""",
}

PROJECT = """
import torch
import torch.nn as nn
class MyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(28 * 28, 10)

    def forward(self, x):
        x = x.view(x.shape[0], -1)
        x = self.fc(x)
        return x

from torchalloy.adapters.thexp.frame import Meter, Params, Trainer
class MyTrainer(Trainer):
    def initial_trainer(self,params:Params): # 在该方法中初始化模型、优化器、数据集
        from torch.optim import SGD
        from torchvision import transforms
        from torchvision.datasets import FakeData
        from torchalloy.adapters.thexp.utils.date.dataloader import DataLoader

        self.model = MyModel()
        self.optim = SGD(self.model.parameters(), lr=params.lr)
        dataset = FakeData(image_size=(28, 28), transform=transforms.ToTensor())
        train_loader = eval_loader = test_loader = DataLoader(dataset, shuffle=True, batch_size=32, drop_last=True)

        self.regist_databundler(
            train=train_loader,
            test=test_loader,
            eval=eval_loader,
        )
        self.cross = nn.CrossEntropyLoss()

    def train_batch(self, eidx, idx, global_step, batch_data, params, device):
        # 在该方法中写 每个batch 中的模型训练流程
        optim, cross = self.optim, self.cross
        meter = Meter()
        xs, ys = batch_data

        # 训练逻辑
        logits = self.model(xs)
        meter.loss = cross(logits, ys)

        # 反向传播
        meter.loss.backward()
        optim.step()
        optim.zero_grad()

        return meter

params = Params()
params.lr = 0.01
params.build_exp_name("mytrainer", "lr")

trainer = MyTrainer(params)
trainer.initial_exp("./experiment")

trainer.train()
"""


def test_the_readmes_trainer_trains_after_changing_only_its_imports(tmp_path):
    """torchvision is no dependency of ours: the project brings a small package of that name."""
    for name, text in {**TORCHVISION, "main.py": PROJECT}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {
        **os.environ,
        "THEXP_HOME": str(tmp_path / "home"),
        "OMP_NUM_THREADS": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "experiment" / "mytrainer_lr=0.01"
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["status"], summary["epochs"], summary["iterations"]) == ("finished", 10, 40)
    assert summary["metrics"]["train/loss"] < 2.3
    assert {"logs", "modules", "plot", "rnd", "board", "code", "exp", "checkpoints"} <= {
        part.name for part in folder.iterdir()
    }
    assert "train epoch - 10/10" in done.stdout
    assert "train end" in next((folder / "logs").glob("*.log")).read_text()
    [record] = (folder / "exp").glob("*.json")
    assert "__main__" in json.loads(record.read_text())["snap"]
    assert list(json.loads((tmp_path / "home" / "thexp.json").read_text())) == [record.stem]
    assert torch.cuda.is_available() or re.search(r"\('device', 'cpu'\)", done.stdout)
