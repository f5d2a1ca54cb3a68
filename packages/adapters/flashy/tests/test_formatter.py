"""Which metrics a log line shows, and how."""

import pytest
import torch

from torchalloy.adapters.flashy import Formatter

METRICS = {"acc_top1": 0.5, "loss": 1, "lr": 0.1}


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"exclude_keys": ["*"]}, {"acc_top1": "50.0%", "loss": "1.00000"}),
        ({"include_keys": ["lr"]}, {"acc_top1": "50.0%", "loss": "1.00000", "lr": "0.100"}),
        ({"include_keys": ["lr"], "include_formatted": False}, {"lr": "0.100"}),
        ({"exclude_keys": ["*"], "include_keys": ["lr"], "include_formatted": False}, {"lr": "0.100"}),
        ({"default_format": ".1f"}, {"acc_top1": "50.0%", "loss": "1.00000", "lr": "0.1"}),
    ],
)
def test_patterns_choose_what_is_shown_and_how(arguments, shown):
    assert list(Formatter({"acc*": ".1%", "loss": ".5f"}, **arguments)(METRICS).items()) == list(shown.items())


def test_the_first_fitting_pattern_gives_the_format():
    assert Formatter({"l*": ".1f", "loss": ".5f"})({"loss": torch.tensor(1.25)}) == {"loss": "1.2"}


def test_texts_and_none_are_shown_as_they_are():
    assert Formatter()({"name": "net", "best": None}) == {"name": "net", "best": "None"}


def test_arguments_are_copied():
    formats = {"loss": ".5f"}
    formatter = Formatter(formats)
    formats["loss"] = ".1f"
    assert formatter({"loss": 1}) == {"loss": "1.00000"}
