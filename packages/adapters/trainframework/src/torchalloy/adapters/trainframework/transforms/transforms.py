"""Transforms of a record.

A record is a dict. `img_fields`, `color_fields`, `bbox_fields` and `pts_fields` list which other keys hold images
(H x W or H x W x C, RGB), boxes (N x 4: x1 y1 x2 y2, in pixels) and points (N x 2). Colour transforms change the
`color_fields`, all by one draw; geometric ones the images, boxes and points. All draw from Python's `random`.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from torchalloy.adapters.trainframework._errors import WrongValue
from torchalloy.adapters.trainframework.transforms import functional as F
from torchalloy.adapters.trainframework.transforms.build import BUILD_TRANSFORMER_REGISTRY
from torchalloy.core import did_you_mean

__all__ = [
    "BasicColorTransform",
    "Normalize",
    "RandomBrightness",
    "RandomCLAHE",
    "RandomColorJitter",
    "RandomContrast",
    "RandomFlip",
    "RandomGamma",
    "RandomGaussianBlur",
    "RandomHue",
    "RandomSaturation",
    "Resize",
    "ToGray",
]

Record = dict[str, Any]
Limit = float | Sequence[float]

_DIRECTIONS = ("diagonal", "horizontal", "vertical")


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomFlip:
    """Mirrors images, boxes and points with probability `p`, in one direction chosen from those given.

    Raises: WrongValue: (a ValueError) for a direction other than "horizontal", "vertical" and "diagonal".
    """

    def __init__(self, p: float, direction: str | Sequence[str] = "horizontal") -> None:
        self.p = p
        self.directions = [direction] if isinstance(direction, str) else list(direction)
        for one in self.directions:
            if one not in _DIRECTIONS:
                raise WrongValue(f"RandomFlip: direction is {one!r}; {did_you_mean(str(one), _DIRECTIONS)}")

    def __call__(self, results: Record) -> Record:
        """Flip, or leave the record as it is."""
        if random.random() >= self.p:
            return results
        direction = random.choice(self.directions)
        height, width = results["img_shape"]
        results["direction"] = direction
        for name in results.get("img_fields", ()):
            results[name] = F.imflip(results[name], direction)
        for name in results.get("bbox_fields", ()):
            results[name] = _flipped_boxes(np.asarray(results[name]), direction, height, width)
        for name in results.get("pts_fields", ()):
            results[name] = _flipped_points(np.asarray(results[name]), direction, height, width)
        return results

    def __repr__(self) -> str:
        return f"RandomFlip(p={self.p}, direction={self.directions})"


@BUILD_TRANSFORMER_REGISTRY.register()
class Resize:
    """Brings images to one size, with boxes and points.

    Args:
        target_size: An int with `keep_ratio`: the long side gets it, and with `is_padding` the short side is padded to
            it, the image in the centre. An int without: a square. (h, w): exactly that, without ratio and padding.
        interpolation: OpenCV's name, or a list to choose from at each call; an unknown one is linear.
        keep_ratio, is_padding: See above.
        clip_border: Whether boxes and points are clipped to the final size.

    Padding has the value `results["pad_value"][field]`, or 0. Writes `scale` (x, y), `pad_offset` (top, bottom, left,
    right), `keep_ratio`, `interpolation`, `img_shape`.
    Raises: WrongValue: (a ValueError) for a size that isn't positive.
    """

    def __init__(
        self,
        target_size: int | Sequence[int] = 0,
        interpolation: str | Sequence[str] = "INTER_LINEAR",
        keep_ratio: bool = True,
        is_padding: bool = True,
        clip_border: bool = True,
    ) -> None:
        self.exact = None if isinstance(target_size, int) else (int(target_size[0]), int(target_size[1]))
        self.target_size = target_size
        if min([target_size] if isinstance(target_size, int) else target_size) <= 0:
            raise WrongValue(f"Resize: target_size should be a positive int or (h, w), got {target_size}")
        self.interpolations = [interpolation] if isinstance(interpolation, str) else list(interpolation)
        self.keep_ratio = keep_ratio and self.exact is None
        self.is_padding = is_padding and self.keep_ratio
        self.clip_border = clip_border

    def __call__(self, results: Record) -> Record:
        """Resize, pad and move."""
        old_height, old_width = results["img_shape"]
        height, width = self._resized(old_height, old_width)
        final_height, final_width = self._padded(height, width)
        offset = _centred(height, width, final_height, final_width)
        scale = (width / old_width, height / old_height)
        interpolation = random.choice(self.interpolations)
        for name in results.get("img_fields", ()):
            chosen = results.get("interpolation", {}).get(name, interpolation) if _by_field(results) else interpolation
            image = F.resize(results[name], height, width, chosen)
            results[name] = F.pad(image, final_height, final_width, results.get("pad_value", {}).get(name, 0))
        for name in results.get("bbox_fields", ()):
            results[name] = self._moved(np.asarray(results[name]), 2, scale, offset, (final_height, final_width))
        for name in results.get("pts_fields", ()):
            results[name] = self._moved(np.asarray(results[name]), 1, scale, offset, (final_height, final_width))
        results.update(
            scale=scale, pad_offset=offset, keep_ratio=self.keep_ratio, img_shape=(final_height, final_width)
        )
        if not _by_field(results):
            results["interpolation"] = interpolation
        return results

    def __repr__(self) -> str:
        return f"Resize(target_size={self.target_size}, keep_ratio={self.keep_ratio}, is_padding={self.is_padding})"

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if self.exact is not None:
            return self.exact
        assert isinstance(self.target_size, int)
        if not self.keep_ratio:
            return self.target_size, self.target_size
        scale = self.target_size / max(height, width)
        return int(height * scale + 0.5), int(width * scale + 0.5)

    def _padded(self, height: int, width: int) -> tuple[int, int]:
        if not self.is_padding:
            return height, width
        assert isinstance(self.target_size, int)
        return max(height, self.target_size), max(width, self.target_size)

    def _moved(
        self,
        numbers: Any,
        corners: int,
        scale: tuple[float, float],
        offset: tuple[int, int, int, int],
        size: tuple[int, int],
    ) -> Any:
        moved = numbers * np.array(scale * corners) + np.array((offset[2], offset[0]) * corners)
        return np.clip(moved, 0, np.array((size[1], size[0]) * corners)) if self.clip_border else moved


class BasicColorTransform:
    """What a colour transform extends: `apply` changes one image, `get_params` draws once for all of a record.

    Args:
        p: Probability that a call does anything.
    """

    def __init__(self, p: float = 1.0) -> None:
        self.p = p

    def __call__(self, results: Record) -> Record:
        """Apply to each of `color_fields` by one draw, or leave the record as it is."""
        if random.random() < self.p:
            params = self.get_params(results)
            for name in results.get("color_fields", ()):
                results[name] = self.apply(results[name], **params)
        return results

    def apply(self, img: Any, **params: Any) -> Any:
        """Return `img` changed."""
        raise NotImplementedError(f"{type(self).__name__} must define apply(img, **params)")

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Return what `apply` gets besides the image."""
        return {}

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({shown})"


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomBrightness(BasicColorTransform):
    """Multiplies by a factor from `brightness_limit`: (low, high), or x for (1 - x, 1 + x)."""

    def __init__(self, brightness_limit: Limit = 0.2, p: float = 0.5) -> None:
        super().__init__(p)
        self.brightness_limit = _around_one(brightness_limit, "RandomBrightness: brightness_limit")

    def apply(self, img: Any, *, factor: float = 1.0, **_: Any) -> Any:
        """Return `img` at this brightness."""
        return F.adjust_brightness(img, factor)

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Draw the factor."""
        return {"factor": random.uniform(*self.brightness_limit)}


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomContrast(BasicColorTransform):
    """Moves away from the mean grey by a factor from `contrast_limit`: (low, high), or x for (1 - x, 1 + x)."""

    def __init__(self, contrast_limit: Limit = 0.2, p: float = 0.5) -> None:
        super().__init__(p)
        self.contrast_limit = _around_one(contrast_limit, "RandomContrast: contrast_limit")

    def apply(self, img: Any, *, factor: float = 1.0, **_: Any) -> Any:
        """Return `img` at this contrast."""
        return F.adjust_contrast(img, factor)

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Draw the factor."""
        return {"factor": random.uniform(*self.contrast_limit)}


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomSaturation(BasicColorTransform):
    """Moves away from grey by a factor from `saturation_limit`: (low, high), or x for (1 - x, 1 + x)."""

    def __init__(self, saturation_limit: Limit = 0.2, p: float = 0.5) -> None:
        super().__init__(p)
        self.saturation_limit = _around_one(saturation_limit, "RandomSaturation: saturation_limit")

    def apply(self, img: Any, *, factor: float = 1.0, **_: Any) -> Any:
        """Return `img` at this saturation."""
        return F.adjust_saturation(img, factor)

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Draw the factor."""
        return {"factor": random.uniform(*self.saturation_limit)}


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomHue(BasicColorTransform):
    """Turns the hue by a share of the circle from `hue_limit`: (low, high) within [-0.5, 0.5], or x for (-x, x)."""

    def __init__(self, hue_limit: Limit = 0.2, p: float = 0.5) -> None:
        super().__init__(p)
        self.hue_limit = _pair(hue_limit, lambda x: (-x, x))
        if not -0.5 <= self.hue_limit[0] <= self.hue_limit[1] <= 0.5:
            raise WrongValue(f"RandomHue: hue_limit should lie in [-0.5, 0.5], got {hue_limit}")

    def apply(self, img: Any, *, factor: float = 0.0, **_: Any) -> Any:
        """Return `img` with its hue turned."""
        return F.adjust_hue(img, factor)

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Draw the turn."""
        return {"factor": random.uniform(*self.hue_limit)}


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomGamma(BasicColorTransform):
    """Raises to a power from `gamma_limit`, (low, high) with 0 < low.

    Raises: WrongValue: (a ValueError) for a range that reaches 0.
    """

    def __init__(self, gamma_limit: Limit = (0.8, 1.2), p: float = 0.5) -> None:
        super().__init__(p)
        self.gamma_limit = _pair(gamma_limit, lambda x: (-x, x))
        if not 0 < self.gamma_limit[0] <= self.gamma_limit[1]:
            raise WrongValue(f"RandomGamma: gamma_limit should be (low, high) with 0 < low <= high, got {gamma_limit}")

    def apply(self, img: Any, *, gamma: float = 1.0, **_: Any) -> Any:
        """Return `img` at this gamma."""
        return F.gamma_transform(img, gamma)

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Draw the exponent."""
        return {"gamma": random.uniform(*self.gamma_limit)}


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomGaussianBlur(BasicColorTransform):
    """Blurs by an odd kernel from `blur_limit` (both ends odd, or k for (0, k)) and a sigma from `sigma_limit`.

    Raises: WrongValue: (a ValueError) for an even end other than 0.
    """

    def __init__(self, blur_limit: Limit = (3, 7), sigma_limit: Limit = 0, p: float = 0.5) -> None:
        super().__init__(p)
        low, high = _pair(blur_limit, lambda x: (0, x))
        if any(end != 0 and end % 2 == 0 for end in (low, high)) or not 0 <= low <= high or high < 1:
            raise WrongValue(f"RandomGaussianBlur: blur_limit should be odd kernels (low, high), got {blur_limit}")
        self.blur_limit = (int(low), int(high))
        self.sigma_limit = _pair(sigma_limit, lambda x: (0, x))

    def apply(self, img: Any, *, kernel: int = 1, sigma: float = 0.0, **_: Any) -> Any:
        """Return `img` blurred."""
        return F.gaussian_blur(img, kernel, sigma)

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Draw kernel and sigma."""
        kernels = range(max(1, self.blur_limit[0]), self.blur_limit[1] + 1, 2)
        return {"kernel": random.choice(kernels), "sigma": random.uniform(*self.sigma_limit)}


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomCLAHE(BasicColorTransform):
    """Equalises the lightness tile by tile, with a clip limit from `clip_limit`: (low, high), or x for (1, x)."""

    def __init__(self, clip_limit: Limit = 4.0, tile_grid_size: Sequence[int] = (8, 8), p: float = 0.5) -> None:
        super().__init__(p)
        self.clip_limit = _pair(clip_limit, lambda x: (1, x))
        self.tile_grid_size = (tile_grid_size[0], tile_grid_size[1])

    def apply(self, img: Any, *, clip_limit: float = 4.0, **_: Any) -> Any:
        """Return `img` equalised."""
        return F.clahe(img, clip_limit, self.tile_grid_size)

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Draw the clip limit."""
        return {"clip_limit": random.uniform(*self.clip_limit)}


@BUILD_TRANSFORMER_REGISTRY.register()
class ToGray(BasicColorTransform):
    """Takes the colour out of an image with three channels, which keeps three."""

    def __init__(self, p: float) -> None:
        super().__init__(p)

    def apply(self, img: Any, **_: Any) -> Any:
        """Return `img` in grey."""
        return F.to_gray(img)


@BUILD_TRANSFORMER_REGISTRY.register()
class Normalize(BasicColorTransform):
    """Always gives (img - mean) / std in float32, and notes both as `img_norm_cfg`.

    Raises: TypeError: on a call, for images other than unsigned integers with three channels.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
    ) -> None:
        super().__init__(1.0)
        self.mean, self.std = tuple(mean), tuple(std)

    def apply(self, img: Any, **_: Any) -> Any:
        """Return `img` normalised."""
        if img.dtype.kind != "u" or not F.is_rgb_image(img):
            raise TypeError(f"Normalize takes unsigned integers with 3 channels, got {img.dtype} of shape {img.shape}")
        return F.normalize(img, self.mean, self.std)

    def get_params(self, results: Record) -> Mapping[str, Any]:
        """Note mean and std in the record."""
        results["img_norm_cfg"] = {"mean": self.mean, "std": self.std}
        return {}


@BUILD_TRANSFORMER_REGISTRY.register()
class RandomColorJitter:
    """The seven colour transforms in random order, each with its own limit and probability."""

    def __init__(
        self,
        brightness_limit: Limit = 0.2,
        brightness_p: float = 0.5,
        contrast_limit: Limit = 0.2,
        contrast_p: float = 0.5,
        saturation_limit: Limit = 0.2,
        saturation_p: float = 0.5,
        hue_limit: Limit = 0.1,
        hue_p: float = 0.1,
        blur_limit: Limit = (3, 7),
        sigma_limit: Limit = 0,
        blur_p: float = 0.2,
        gamma_limit: Limit = (0.3, 2.0),
        gamma_p: float = 0.5,
        clahe_limit: Limit = 4.0,
        clahe_p: float = 0.2,
    ) -> None:
        self.transforms: list[BasicColorTransform] = [
            RandomBrightness(brightness_limit, brightness_p),
            RandomContrast(contrast_limit, contrast_p),
            RandomSaturation(saturation_limit, saturation_p),
            RandomHue(hue_limit, hue_p),
            RandomGaussianBlur(blur_limit, sigma_limit, blur_p),
            RandomGamma(gamma_limit, gamma_p),
            RandomCLAHE(clahe_limit, p=clahe_p),
        ]

    def __call__(self, results: Record) -> Record:
        """Call all seven, in an order drawn anew."""
        for transform in random.sample(self.transforms, len(self.transforms)):
            results = transform(results)
        return results

    def __repr__(self) -> str:
        return f"RandomColorJitter({self.transforms})"


def _flipped_boxes(boxes: Any, direction: str, height: int, width: int) -> Any:
    flipped = boxes.copy()
    if direction in ("horizontal", "diagonal"):
        flipped[..., 0], flipped[..., 2] = width - boxes[..., 2], width - boxes[..., 0]
    if direction in ("vertical", "diagonal"):
        flipped[..., 1], flipped[..., 3] = height - boxes[..., 3], height - boxes[..., 1]
    return flipped


def _flipped_points(points: Any, direction: str, height: int, width: int) -> Any:
    flipped = points.copy()
    if direction in ("horizontal", "diagonal"):
        flipped[..., 0] = width - points[..., 0]
    if direction in ("vertical", "diagonal"):
        flipped[..., 1] = height - points[..., 1]
    return flipped


def _centred(height: int, width: int, final_height: int, final_width: int) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of an image in the centre of a larger one."""
    top, left = (final_height - height) // 2, (final_width - width) // 2
    return top, final_height - height - top, left, final_width - width - left


def _by_field(results: Record) -> bool:
    """Whether the record says the interpolation of each field itself."""
    return isinstance(results.get("interpolation"), Mapping)


def _pair(limit: Limit, widen: Callable[[float], tuple[float, float]]) -> tuple[float, float]:
    return (limit[0], limit[1]) if isinstance(limit, Sequence) else widen(limit)


def _around_one(limit: Limit, what: str) -> tuple[float, float]:
    low, high = _pair(limit, lambda x: (max(0.0, 1.0 - x), 1.0 + x))
    if not 0.0 <= low <= high:
        raise WrongValue(f"{what} should be a positive number or (low, high) with 0 <= low <= high, got {limit}")
    return low, high
