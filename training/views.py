"""Views of a training picture: mirrored, cropped and coloured at random, the same for the same seed.

A view is seeded by the picture's content and a name, so that it is the same on every run and machine, whatever order
pictures are read in.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from preprocess import make_square, read_image, read_square
from transforms import Transform

LEAST_AREA = 0.5  # of the picture that a crop keeps
LONGEST_SIDE = 4 / 3  # of a crop, in its shorter sides, before it is squeezed to a square
COLOUR_RANGE = 0.2  # brightness, contrast and saturation change by up to this
MIN_SIDE_FACTOR = 3  # of the model's input, that a JPEG is decoded at: a crop is enlarged by its share


def read_view(path: str | Path, transform: Transform, augmentations: Sequence[str], name: str) -> np.ndarray:
    """Read a view of a picture as the uint8 RGB square [S, S, 3] that the model takes; raises ImageError.

    `name` seeds the view. Without `augmentations`, it is the picture as it is classified.
    """
    if not augmentations:
        return read_square(path, transform)
    min_side = None if transform.resize == "stretch" else MIN_SIDE_FACTOR * transform.size
    image = read_image(path, transform.max_pixels, min_side)
    return make_view(image, transform, augmentations, np.random.default_rng(seed_of(name)))


def make_view(
    image: Image.Image, transform: Transform, augmentations: Sequence[str], rng: np.random.Generator
) -> np.ndarray:
    """Return a random view of a decoded picture: uint8 RGB [S, S, 3]."""
    if "crop" in augmentations:
        image, transform = image.crop(_random_box(image.size, rng)), replace(transform, crop_fraction=None)
    view = Image.fromarray(make_square(image, transform))
    if "flip" in augmentations and rng.random() < 0.5:
        view = ImageOps.mirror(view)
    if "colour" in augmentations:
        for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            view = enhancer(view).enhance(rng.uniform(1 - COLOUR_RANGE, 1 + COLOUR_RANGE))
    return np.asarray(view)


def seed_of(name: str) -> int:
    """Return a seed for a text. (Python's `hash` of it is another in every process.)"""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])


def _random_box(size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a part with a random area, shape and place (Inception's crop, but milder)."""
    width, height = size
    area = width * height * rng.uniform(LEAST_AREA, 1)
    shape = math.exp(rng.uniform(-math.log(LONGEST_SIDE), math.log(LONGEST_SIDE)))
    box_width = min(width, max(1, round(math.sqrt(area * shape))))
    box_height = min(height, max(1, round(math.sqrt(area / shape))))
    left = int(rng.integers(width - box_width + 1))
    top = int(rng.integers(height - box_height + 1))
    return left, top, left + box_width, top + box_height
