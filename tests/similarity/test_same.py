"""Which altered copies of a picture are still the same picture, by their small copies."""

import io

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image, ImageEnhance, ImageOps

from preprocess import read_image
from similarity.same import compare
from similarity.small import SMALL, small_copy
from similarity.verdict import are_alike, are_cropped, have_other_colors, show_the_same

PHOTOS = sorted(IMAGES.glob("*.png"))


def as_jpeg(image, quality=90):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def without_border(image, share):
    across, down = round(share * image.width), round(share * image.height)
    return image.crop((across, down, image.width - across, image.height - down))


def with_object(image, left, side=48):
    """Return a scene in which something the size of a tenth of it has come."""
    image = image.copy()
    image.paste((200, 60, 30), (left, 200, left + side, 200 + side))
    return image


def small(*images):
    return np.stack([small_copy(image) for image in images])


SAME = {
    "quality 30": lambda image: as_jpeg(image, 30),
    "half": lambda image: image.resize((image.width // 2, image.height // 2)),
    "twice": lambda image: image.resize((image.width * 2, image.height * 2)),
    "border": lambda image: without_border(image, 0.01),
    "one side": lambda image: image.crop((image.width // 50, 0, image.width, image.height)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "palette": lambda image: image.convert("P", palette=Image.Palette.ADAPTIVE),
}


@pytest.fixture(scope="module")
def photos():
    return [read_image(path) for path in PHOTOS]


@pytest.mark.parametrize("make", SAME.values(), ids=SAME.keys())
def test_altered_copies_are_the_same_picture(photos, make):
    first, second = small(*photos), small(*map(make, photos))
    for likeness in (compare(first, second), compare(second, first)):
        assert are_alike(likeness).all()
        assert not have_other_colors(likeness).any()


def test_other_pictures_are_not(photos):
    number = len(photos)
    first, second = np.triu_indices(number, 1)
    copies = small(*photos)
    assert not show_the_same(copies[first], copies[second]).any()


def test_frames_of_a_series_are_not(photos):
    frames = [with_object(photo, left) for photo in photos for left in (40, 100)]
    copies = small(*frames)
    assert not are_alike(compare(copies[::2], copies[1::2])).any()


def test_a_greyscale_copy_has_other_colours(photos):
    colorful = [photo for photo in photos if ImageEnhance.Color(photo).enhance(0) != photo]
    likeness = compare(small(*colorful), small(*map(ImageOps.grayscale, colorful)))
    assert are_alike(likeness).all()
    assert have_other_colors(likeness).all()


def test_mirrored_and_cropped_ones_are_no_same_picture_but_of_the_same(photos):
    first = small(*photos)
    cropped = small(*(without_border(photo, 0.1) for photo in photos))
    mirrored = small(*map(ImageOps.mirror, photos))
    for second in (cropped, mirrored):
        assert not are_alike(compare(first, second)).any()
        assert show_the_same(first, second).all()
    assert are_cropped(cropped, first)[0].all()


def test_flat_pictures_say_nothing():
    skies = [Image.linear_gradient("L").point(lambda value, low=low: low + value // 100) for low in (100, 180)]
    blank = [Image.new("RGB", (60, 40), color) for color in ("white", "black", "white")]
    copies = small(*skies, *blank)
    assert not show_the_same(copies[[2, 2]], copies[[3, 4]]).any()
    assert np.isfinite(compare(copies[:3], copies[1:4]).difference).all()


def test_sizes_that_are_extreme():
    copies = small(*(Image.new("RGB", size, "red") for size in ((1, 1), (1, 5000), (5000, 1))))
    assert copies.shape == (3, SMALL)
    assert len(show_the_same(copies[:0], copies[:0])) == 0
