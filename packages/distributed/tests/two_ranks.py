"""What each of two processes checks; started by a launcher. An assertion that fails ends the run with its traceback."""

import sys

import torch
import torch.distributed as dist

from torchalloy.distributed import (
    agree_stop,
    average_gradients,
    barrier,
    broadcast_module,
    broadcast_object,
    current,
    device_for,
    finish,
    initialise,
    reduce_means,
)

STEPS = 4


class Net(torch.nn.Module):
    """Two layers, one parameter that only the second half of a batch uses, and one that nothing uses."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3))
        self.late = torch.nn.Parameter(torch.ones(3))
        self.unused = torch.nn.Parameter(torch.ones(2))

    def loss(self, first, second):
        """The mean over both halves (each of one size); a half may be None."""
        halves = []
        if first is not None:
            halves.append(self.body(first).square().mean())
        if second is not None:
            halves.append((self.body(second) * self.late).square().mean())
        return sum(halves) / len(halves)


def make_net():
    torch.manual_seed(3)
    return Net().double()


def batches():
    draw = torch.Generator().manual_seed(5)
    return [torch.randn(8, 5, dtype=torch.float64, generator=draw).chunk(2) for _ in range(STEPS)]


def one_step(net, optimizer, *halves_of_micro_batches):
    def closure():
        optimizer.zero_grad()
        for first, second in halves_of_micro_batches:
            (net.loss(first, second) / len(halves_of_micro_batches)).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.05)
        return net.loss(*halves_of_micro_batches[0]).detach()

    if isinstance(optimizer, torch.optim.LBFGS):
        optimizer.step(closure)
    else:
        closure()
        optimizer.step()


def check_gradients_equal_the_big_batch(rank, make_optimizer, num_micro_batches):
    whole, mine = make_net(), make_net()
    whole_optimizer, my_optimizer = make_optimizer(whole.parameters()), make_optimizer(mine.parameters())
    averaging = average_gradients(my_optimizer)
    for step in range(STEPS):
        micro = [batches()[(step + shift) % STEPS] for shift in range(num_micro_batches)]
        one_step(whole, whole_optimizer, *micro)
        one_step(mine, my_optimizer, *[(first, None) if rank == 0 else (None, second) for first, second in micro])
    for (name, expected), reached in zip(whole.named_parameters(), mine.parameters(), strict=True):
        torch.testing.assert_close(
            reached, expected, rtol=1e-9, atol=1e-9, msg=lambda said, name=name: f"{name}: {said}"
        )
    assert mine.unused.grad is None
    averaging.remove()


def check_gradients_that_no_backward_made(rank):
    weight = torch.nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    averaging = average_gradients(optimizer)
    weight.grad = torch.full((3,), float(rank))
    optimizer.step()
    assert weight.tolist() == [-0.5] * 3
    averaging.remove()
    weight.grad = torch.full((3,), float(rank))
    optimizer.step()
    assert weight.tolist() == [-0.5 - rank] * 3


def check_a_failed_backward_does_not_hold_up_the_next(rank):
    weights = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
    optimizer = torch.optim.SGD(weights, lr=1.0)
    average_gradients(optimizer)
    weights[1].register_hook(lambda _: 1 / 0)
    try:
        (weights[0].sum() + (weights[1] * 2).sum()).backward()
    except ZeroDivisionError:
        optimizer.zero_grad()
    (weights[0].sum() * rank).backward()
    assert weights[0].grad.tolist() == [0.5, 0.5]


def check_many_buckets_and_dtypes(rank):
    shapes = [(1000, 900), (3,), (2000, 2000), (5, 5), (1500, 2000)]
    dtypes = [torch.float32, torch.float64, torch.bfloat16, torch.float32, torch.float32]
    weights = [torch.nn.Parameter(torch.zeros(shape, dtype=dtype)) for shape, dtype in zip(shapes, dtypes, strict=True)]
    optimizer = torch.optim.SGD(weights, lr=1.0)
    average_gradients(optimizer)
    sum((weight * (rank + number)).sum().double() for number, weight in enumerate(weights)).backward()
    assert [weight.grad.unique().tolist() for weight in weights] == [[number + 0.5] for number in range(5)]


def check_broadcast(rank):
    torch.manual_seed(rank)
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))
    net[1].num_batches_tracked.fill_(7 - rank)
    broadcast_module(net)
    torch.manual_seed(0)
    assert torch.equal(net[0].weight, torch.nn.Linear(3, 3).weight)
    assert net[1].num_batches_tracked == 7
    others = [torch.full((2, 3), rank == 1), torch.full((4,), rank, dtype=torch.complex128), torch.empty(0)]
    others += [torch.full((4, 4), rank, dtype=torch.uint16)[:, 1::2]]
    broadcast_module(others, src=1)
    assert others[0].all() and (others[1] == 1).all() and others[3].tolist() == [[1, 1]] * 4


def check_agreement(rank):
    assert reduce_means([(1.5 + rank, 2), (float(rank), 1)]) == [(4.0, 4.0), (1.0, 2.0)]
    assert reduce_means([]) == []
    assert agree_stop(rank == 1) and not agree_stop(False)
    assert broadcast_object({"name": f"run-{rank}", "at": [1, None]}) == {"name": "run-0", "at": [1, None]}
    assert broadcast_object(f"ünique-{rank}" * 1000, src=1) == "ünique-1" * 1000
    barrier()


def main(accelerated):
    before = current()
    if accelerated:
        from accelerate import Accelerator

        accelerator = Accelerator()
        assert str(accelerator.distributed_type) == "DistributedType.MULTI_CPU", accelerator.distributed_type
        assert (accelerator.process_index, accelerator.num_processes) == (before.rank, 2)
    ranks = initialise("cpu", timeout_s=60)
    assert ranks == before == current() and ranks.num_ranks == 2 and ranks.is_main == (ranks.rank == 0)
    assert device_for("cpu", ranks) == "cpu"
    check_agreement(ranks.rank)
    if not accelerated:
        check_broadcast(ranks.rank)
        check_gradients_equal_the_big_batch(
            ranks.rank, lambda weights: torch.optim.SGD(weights, lr=0.5, momentum=0.9), 1
        )
        check_gradients_equal_the_big_batch(ranks.rank, lambda weights: torch.optim.AdamW(weights, lr=0.01), 3)
        check_gradients_equal_the_big_batch(ranks.rank, lambda weights: torch.optim.LBFGS(weights, max_iter=3), 1)
        check_gradients_that_no_backward_made(ranks.rank)
        check_a_failed_backward_does_not_hold_up_the_next(ranks.rank)
        check_many_buckets_and_dtypes(ranks.rank)
    finish()
    assert not dist.is_initialized()
    print(f"process {ranks.rank} checked everything")


if __name__ == "__main__":
    main(accelerated="accelerated" in sys.argv[1:])
