"""What transforms do to one image: a NumPy array, H x W or H x W x C in RGB. OpenCV is imported when needed."""

from functools import cache
from typing import Any

import numpy as np
import torch

from torchalloy.core import MissingExtra

__all__ = [
    "INTER_CV_TYPE",
    "MAX_VALUES_BY_DTYPE",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "clahe",
    "gamma_transform",
    "gaussian_blur",
    "imflip",
    "is_grayscale_image",
    "is_rgb_image",
    "normalize",
    "pad",
    "resize",
    "to_gray",
    "to_tensor",
]

Image = np.ndarray[Any, Any]

INTER_CV_TYPE = {
    "INTER_NEAREST": 0,
    "INTER_LINEAR": 1,
    "INTER_CUBIC": 2,
    "INTER_AREA": 3,
    "INTER_LANCZOS4": 4,
    "INTER_LINEAR_EXACT": 5,
    "INTER_NEAREST_EXACT": 6,
    "INTER_MAX": 7,
    "WARP_FILL_OUTLIERS": 8,
    "WARP_INVERSE_MAP": 16,
}
MAX_VALUES_BY_DTYPE = {
    np.dtype("uint8"): 255.0,
    np.dtype("uint16"): 65535.0,
    np.dtype("uint32"): 4294967295.0,
    np.dtype("float32"): 1.0,
}
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def to_tensor(img: Image) -> torch.Tensor:
    """Return `img` as a tensor (C, H, W) of the same dtype and the same values; a 2-D image gets one channel."""
    channels = img[:, :, None] if img.ndim == 2 else img
    return torch.from_numpy(np.ascontiguousarray(channels.transpose(2, 0, 1)))


def imflip(img: Image, direction: str = "horizontal") -> Image:
    """Return `img` mirrored: "horizontal", "vertical" or "diagonal" (both)."""
    axes = {"horizontal": (1,), "vertical": (0,), "diagonal": (0, 1)}[direction]
    return np.ascontiguousarray(np.flip(img, axes))


def resize(img: Image, height: int, width: int, interpolation: str = "INTER_LINEAR") -> Image:
    """Return `img` at (height, width); an unknown interpolation is linear."""
    made: Image = _cv2().resize(img, (width, height), interpolation=INTER_CV_TYPE.get(interpolation, 1))
    return made


def pad(img: Image, height: int, width: int, value: Any = 0) -> Image:
    """Return `img` in the centre of (height, width), the odd pixel at the end; neither may be less than it has."""
    top, left = (height - img.shape[0]) // 2, (width - img.shape[1]) // 2
    padded = np.empty((height, width, *img.shape[2:]), dtype=img.dtype)
    padded[...] = value
    padded[top : top + img.shape[0], left : left + img.shape[1]] = img
    return padded


def is_rgb_image(img: Image) -> bool:
    """Return whether `img` has three channels."""
    return img.ndim == 3 and img.shape[-1] == 3


def is_grayscale_image(img: Image) -> bool:
    """Return whether `img` has one channel."""
    return img.ndim == 2 or (img.ndim == 3 and img.shape[-1] == 1)


def adjust_brightness(img: Image, factor: float) -> Image:
    """Return `img` times `factor`, clipped to its dtype's range."""
    return _clipped(img.astype(np.float32) * factor, img)


def adjust_contrast(img: Image, factor: float) -> Image:
    """Return `img` moved away from the mean of its grey values by `factor`: 0 gives that mean, 1 the image."""
    mean = float(_grey(img).mean())
    return _clipped(img.astype(np.float32) * factor + (1.0 - factor) * mean, img)


def adjust_saturation(img: Image, factor: float) -> Image:
    """Return `img` moved away from its grey version by `factor`; a grey image stays as it is."""
    if is_grayscale_image(img):
        return img
    return _clipped(img.astype(np.float32) * factor + (1.0 - factor) * _grey(img)[:, :, None], img)


def adjust_hue(img: Image, factor: float) -> Image:
    """Return the RGB image `img` with its hue turned by `factor` (-0.5 to 0.5 of the circle); grey stays as it is."""
    if is_grayscale_image(img):
        return img
    cv2, is_bytes = _cv2(), img.dtype == np.uint8
    hsv = cv2.cvtColor(img, cv2.COLOR_RGB2HSV)
    circle, turned = (180, int(180 * factor)) if is_bytes else (360.0, 360.0 * factor)
    hsv[..., 0] = np.mod(hsv[..., 0].astype(np.float32) + turned, circle).astype(img.dtype)
    made: Image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return made


def gamma_transform(img: Image, gamma: float) -> Image:
    """Return `img` to the power of `gamma` on the scale where its brightest value is 1; bytes are truncated."""
    if img.dtype == np.uint8:
        table: Image = (np.power(np.arange(256.0) / 255.0, gamma) * 255.0).astype(np.uint8)
        return table[img]
    top = MAX_VALUES_BY_DTYPE.get(img.dtype, 1.0)
    return _clipped(np.power(img.astype(np.float32) / top, gamma) * top, img)


def gaussian_blur(img: Image, kernel: int, sigma: float = 0.0) -> Image:
    """Return `img` blurred by a Gaussian of `kernel` (odd) pixels; sigma 0 is OpenCV's choice for the kernel."""
    made: Image = _cv2().GaussianBlur(img, ksize=(kernel, kernel), sigmaX=sigma)
    return made


def clahe(img: Image, clip_limit: float = 4.0, tile_grid_size: tuple[int, int] = (8, 8)) -> Image:
    """Return `img` with its lightness equalised tile by tile.

    Raises: TypeError: for a dtype other than uint8.
    """
    if img.dtype != np.uint8:
        raise TypeError(f"clahe takes uint8 images, got {img.dtype}")
    cv2 = _cv2()
    equalise = cv2.createCLAHE(clipLimit=clip_limit, tileGridSize=tuple(tile_grid_size))
    made: Image
    if is_grayscale_image(img):
        made = equalise.apply(img).reshape(img.shape)
        return made
    lab = cv2.cvtColor(img, cv2.COLOR_RGB2LAB)
    lab[..., 0] = equalise.apply(lab[..., 0])
    made = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return made


def to_gray(img: Image) -> Image:
    """Return the RGB image `img` without colour, still with three channels.

    Raises: TypeError: without three channels.
    """
    if not is_rgb_image(img):
        raise TypeError(f"to_gray takes images with 3 channels, got shape {img.shape}")
    return np.repeat(_clipped(_grey(img), img)[:, :, None], 3, axis=2)


def normalize(img: Image, mean: Any, std: Any) -> Image:
    """Return (img - mean) / std in float32; `mean` and `std` are one number a channel."""
    centred: Image = (img.astype(np.float32) - np.float32(mean)) / np.float32(std)
    return centred


def _grey(img: Image) -> Image:
    return img.astype(np.float32) @ _GREY if is_rgb_image(img) else img.astype(np.float32).reshape(img.shape[:2])


def _clipped(values: Image, like: Image) -> Image:
    top = MAX_VALUES_BY_DTYPE.get(like.dtype, 1.0)
    return np.clip(values, 0.0, top).astype(like.dtype)


@cache
def _cv2() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise MissingExtra(
            "this transform needs OpenCV, which isn't installed: pip install 'torchalloy-trainframework[image]'"
        ) from error
    return cv2
