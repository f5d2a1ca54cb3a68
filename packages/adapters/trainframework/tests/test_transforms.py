"""What transforms do to records."""

import random
from typing import Any

import numpy as np
import pytest
import torch

from torchalloy.adapters.trainframework.transforms import RandomGamma, RandomHue, Resize, TransformCompose
from torchalloy.adapters.trainframework.transforms import functional as F


def record() -> dict[str, Any]:
    return {
        "img": np.random.default_rng(0).integers(0, 256, (100, 50, 3), dtype=np.uint8),
        "box": np.array([[10.0, 20.0, 30.0, 60.0]]),
        "point": np.array([[10.0, 20.0]]),
        "img_fields": ["img"],
        "color_fields": ["img"],
        "bbox_fields": ["box"],
        "pts_fields": ["point"],
    }


def test_resizing_and_flipping_move_boxes_and_points() -> None:
    resized = TransformCompose([{"NAME": "Resize", "TARGET_SIZE": 200}])(record())
    assert (resized["img"].shape, resized["scale"], resized["pad_offset"]) == (
        (200, 200, 3),
        (2.0, 2.0),
        (0, 0, 50, 50),
    )
    assert (resized["box"].tolist(), resized["point"].tolist()) == ([[70, 40, 110, 120]], [[70, 40]])
    flipped = TransformCompose([{"name": "RandomFlip", "p": 1}])(resized)
    assert (flipped["box"].tolist(), flipped["point"].tolist()) == ([[90, 40, 130, 120]], [[130, 40]])


def test_a_pair_is_the_exact_size() -> None:
    assert TransformCompose([Resize((64, 32))])(record())["img"].shape == (64, 32, 3)


def test_flipping_twice_is_no_change() -> None:
    for direction in ("horizontal", "vertical", "diagonal"):
        flip = {"name": "RandomFlip", "p": 1, "direction": [direction]}
        twice = TransformCompose([flip, flip])(record())
        assert np.array_equal(twice["img"], record()["img"])
        assert np.array_equal(twice["box"], record()["box"])


def test_colour_is_jittered_by_pythons_generator() -> None:
    jitter = TransformCompose([{"name": "RandomColorJitter", "blur_p": 1, "clahe_p": 1, "hue_p": 1}])
    random.seed(1)
    one = jitter(record())["img"]
    random.seed(1)
    assert np.array_equal(one, jitter(record())["img"])
    assert one.shape == (100, 50, 3)
    assert not np.array_equal(one, record()["img"])


def test_colour_functions_keep_what_they_should() -> None:
    img = record()["img"]
    for adjust in (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.gamma_transform):
        assert np.array_equal(adjust(img, 1.0), img)
    assert np.abs(F.adjust_hue(img, 0.0).astype(int) - img).max() <= 6  # the way over 180 hues and back rounds
    assert np.ptp(F.adjust_saturation(img, 0.0).astype(int), axis=2).max() == 0
    assert F.adjust_brightness(np.uint8([[200]]), 2.0)[0, 0] == 255


def test_a_tensor_keeps_dtype_and_values() -> None:
    tensor = F.to_tensor(record()["img"])
    assert (tensor.shape, tensor.dtype) == ((3, 100, 50), torch.uint8)
    assert F.to_tensor(np.zeros((4, 5))).shape == (1, 4, 5)


def test_a_record_without_images_is_left_alone() -> None:
    assert TransformCompose([{"name": "RandomFlip", "p": 1}])({"x": 1}) == {"x": 1}


def test_images_of_two_sizes_are_refused() -> None:
    mixed = record() | {"img_fields": ["img", "mask"], "mask": np.zeros((50, 100))}
    with pytest.raises(AssertionError, match="one size"):
        TransformCompose([])(mixed)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="0 < low"):
        RandomGamma(0.5)
    with pytest.raises(ValueError, match="hue_limit"):
        RandomHue(0.7)
    with pytest.raises(ValueError, match="did you mean 'horizontal'"):
        TransformCompose([{"name": "RandomFlip", "p": 1, "direction": ["horizontl"]}])
    with pytest.raises(TypeError, match="got int"):
        TransformCompose([3])
