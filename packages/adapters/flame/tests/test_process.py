"""The main example of flame's README, changed in its import only (and its bare `criterion` made `self.criterion`)."""

import subprocess
import sys
import textwrap

import torch

INJECTION = """
from injector import inject, singleton, Injector, Module, provider
from typing import NewType

Config = NewType('Config', dict)
Args = NewType('Args', dict)

class MyModule(Module):

    @singleton
    @provider
    def configure_args(self) -> Args:
        args = {'batch_size': 16}
        return args

    @singleton
    @provider
    def configure_config(self, args: Args) -> Config:
        batch_size = args['batch_size']
        cfg = {'train_batch_size': batch_size, 'val_batch_size': batch_size}
        return cfg

@inject
class A:

    def __init__(self, cfg: Config):
        self.cfg = cfg

container = Injector(MyModule)
cfg = container.get(Config)
a = container.get(A)
print(a.cfg)
"""

PROCESS = """
from torchalloy.adapters.flame.pytorch.typing_prelude import *
from injector import inject, Injector, Module, provider, singleton
import torch

class SupervisedProcess:

    @inject
    def __init__(self, model: Model, criterion: Criterion, optimizer: Optimizer):
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer

    def training_step(self, batch):
        loss, output = self.forward_step(batch)
        loss.backward()
        return output

    def validation_step(self, batch):
        with torch.no_grad():
            _loss, output = self.forward_step(batch)
        return output

    def forward_step(self, batch):
        image, label = batch
        pred = self.model(image)
        loss = self.criterion(pred, label)
        output = {'pred': pred, 'label': label, 'loss': loss}
        return loss, output

    def update(self):
        self.optimizer.step()
        self.optimizer.zero_grad()

    def train(self, mode=True):
        self.model.train(mode=mode)

class Parts(Module):

    @singleton
    @provider
    def model(self) -> Model:
        return nn.Linear(4, 2)

    @singleton
    @provider
    def criterion(self) -> Criterion:
        return nn.CrossEntropyLoss()

    @singleton
    @provider
    def optimizer(self, model: Model) -> Optimizer:
        return torch.optim.SGD(model.parameters(), lr=0.1)
"""


def test_the_readmes_injection_program_prints_what_it_says(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(INJECTION)
    printed = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=True).stdout
    assert printed == "{'train_batch_size': 16, 'val_batch_size': 16}\n"


def names():
    namespace = {}
    exec(compile(textwrap.dedent(PROCESS), "process.py", "exec"), namespace)
    return namespace


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 4, generator=generator), torch.randint(2, (8,), generator=generator)


def test_the_readmes_process_trains_in_the_readmes_order():
    namespace = names()
    process = namespace["Injector"](namespace["Parts"]).get(namespace["SupervisedProcess"])
    start = [p.detach().clone() for p in process.model.parameters()]
    process.train()
    output = process.training_step(batch())
    assert all(torch.equal(a, b) for a, b in zip(start, process.model.parameters(), strict=True))
    process.update()
    assert not any(torch.equal(a, b) for a, b in zip(start, process.model.parameters(), strict=True))
    assert all(p.grad is None or not p.grad.any() for p in process.model.parameters())
    assert set(output) == {"pred", "label", "loss"}


def test_the_readmes_process_runs_under_the_event_engine():
    from torchalloy.adapters.flame.pytorch.experimental.engine import Engine, Events

    namespace = names()
    process = namespace["Injector"](namespace["Parts"]).get(namespace["SupervisedProcess"])
    engine, losses = Engine(process.training_step), []
    engine.add_event_handler(Events.EPOCH_STARTED, process.train)
    engine.add_event_handler(Events.ITERATION_COMPLETED, process.update)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: losses.append(engine.state.output["loss"].item()))
    engine.run([batch()] * 5, max_epochs=4)
    assert len(losses) == 20 and losses[-1] < losses[0]


def test_our_supervised_process_accumulates_until_update():
    from injector import Injector, Module, provider, singleton

    from torchalloy.adapters.flame.pytorch.process import SupervisedProcess
    from torchalloy.adapters.flame.pytorch.typing_prelude import Criterion, Model, Optimizer

    class Parts(Module):
        @singleton
        @provider
        def model(self) -> Model:
            torch.manual_seed(0)
            return torch.nn.Linear(4, 2)

        @singleton
        @provider
        def criterion(self) -> Criterion:
            return torch.nn.CrossEntropyLoss(reduction="sum")

        @singleton
        @provider
        def optimizer(self, model: Model) -> Optimizer:
            return torch.optim.SGD(model.parameters(), lr=0.1)

    whole, halves = (Injector(Parts()).get(SupervisedProcess) for _ in range(2))
    data, label = batch()
    whole.training_step((data, label))
    whole.update()
    for half in (slice(0, 4), slice(4, 8)):
        halves.training_step((data[half], label[half]))
    halves.update()
    for a, b in zip(whole.model.parameters(), halves.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
