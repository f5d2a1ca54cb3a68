import random

import numpy as np
import pytest
import torch

from torchalloy.core import ConfigError, Stateful
from torchalloy.data import Generators, seed_everything


def draw():
    return (
        random.random(),
        random.gauss(0, 1),
        np.random.rand(),
        np.random.randn(),
        torch.rand(2).tolist(),
        torch.randn(3).tolist(),
    )


def test_every_generator_continues_from_its_state():
    seed_everything(1)
    draw()
    state = Generators().state_dict()
    expected = [draw() for _ in range(3)]
    seed_everything(2)
    Generators().load_state_dict(state)
    assert [draw() for _ in range(3)] == expected


def test_state_that_came_through_lists_is_taken():
    seed_everything(1)
    state = Generators().state_dict()
    expected = draw()
    state = {
        **state,
        "python": [state["python"][0], list(state["python"][1]), state["python"][2]],
        "numpy": list(state["numpy"]),
    }
    Generators().load_state_dict(state)
    assert draw() == expected


def test_generators_are_stateful():
    assert isinstance(Generators(), Stateful)


def test_rank_zero_draws_what_a_hand_written_seed_draws():
    assert seed_everything(12) == 12
    ours = draw()
    random.seed(12)
    np.random.seed(12)
    torch.manual_seed(12)
    assert draw() == ours


def test_ranks_and_neighbouring_seeds_draw_differently():
    given = {seed_everything(seed, rank) for seed in range(20) for rank in range(20)}
    assert len(given) == 400


def test_states_of_devices_that_are_not_here_are_said():
    state = Generators().state_dict()
    missing = torch.cuda.device_count()
    state["cuda"] = [torch.get_rng_state()] * (missing + 1)
    if missing:
        state["cuda"] = [*torch.cuda.get_rng_state_all(), torch.cuda.get_rng_state()]
    with pytest.warns(UserWarning, match=f"CUDA devices {missing} to {missing} can't go on"):
        Generators().load_state_dict(state)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", True, None])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ConfigError, match="seed: "):
        seed_everything(seed)
