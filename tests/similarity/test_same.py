"""Which altered copies of a picture are still the same picture, by their small copies."""

import io

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from preprocess import read_image
from similarity.same import compare
from similarity.small import SMALL, small_copy
from similarity.verdict import are_alike, are_altered, are_cropped, are_same, have_other_colors, show_the_same

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


def table_of_numbers(rng):
    """Return a page of a table that differs from others in its numbers only."""
    page = Image.new("RGB", (1000, 700), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for top in range(0, 700, 25):
        for left in range(0, 1000, 100):
            draw.rectangle((left, top, left + 100, top + 25), outline=(200, 200, 200))
            draw.text((left + 95, top + 12), str(rng.integers(0, 99999)), "black", font, anchor="rm")
    return page


def page_of_text(rng):
    """Return a page that is full of small text, each time another one."""
    page = Image.new("RGB", (850, 1100), "white")
    letters = rng.choice(list("aabcdeeeeefghiiklmnnoooprrssttuvw     "), (100, 220))
    text = "\n".join("".join(line) for line in letters)
    ImageDraw.Draw(page).multiline_text((80, 80), text, "black", ImageFont.load_default(6), spacing=3)
    return page


def icon(color, radius=64):
    image = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(image).ellipse((128 - radius, 128 - radius, 128 + radius, 128 + radius), fill=color)
    return image


def with_text(image, text, color=(255, 255, 255, 255), size=8):
    """Return a picture with a line of text over its lower part; `size` is a share of its height."""
    layer = Image.new("RGBA", image.size)
    font = ImageFont.load_default(image.height // size)
    ImageDraw.Draw(layer).text((image.width // 2, image.height * 3 // 4), text, color, font, anchor="mm")
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def pairs(images):
    """Return the likeness of each picture to each other one."""
    first, second = np.triu_indices(len(images), 1)
    copies = small(*images)
    return compare(copies[first], copies[second])


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
        assert are_same(likeness).all()


def test_other_pictures_are_not(photos):
    number = len(photos)
    first, second = np.triu_indices(number, 1)
    copies = small(*photos)
    assert not show_the_same(copies[first], copies[second]).any()


def test_frames_of_a_series_are_not(photos):
    frames = [with_object(photo, left) for photo in photos for left in (40, 100)]
    copies = small(*frames)
    assert not are_alike(compare(copies[::2], copies[1::2])).any()


@pytest.mark.parametrize("draw", [table_of_numbers, page_of_text])
def test_pages_with_other_text_are_not(draw):
    rng = np.random.default_rng(0)
    pages = [draw(rng) for _ in range(8)]
    likeness = pairs(pages)
    assert (likeness.correlation > 0.9).all()
    assert not are_same(likeness).any()
    for make in (as_jpeg, SAME["half"]):
        assert are_same(compare(small(*pages), small(*map(make, pages)))).all()


@pytest.mark.parametrize("radius", [30, 64, 110])
def test_icons_of_other_colours_are_not(radius):
    icons = [icon(color, radius) for color in ("red", "green", "blue", "orange", "purple", "black", "grey")]
    likeness = pairs(icons)
    assert are_alike(likeness).any()
    assert not are_same(likeness).any()
    assert are_same(compare(small(*icons), small(*map(as_jpeg, icons)))).all()


def test_skies_of_other_colours_are_not():
    ramp = Image.linear_gradient("L").resize((300, 200))
    skies = [ImageOps.colorize(ramp, top, "orange") for top in ("#141e5a", "#2d1e78", "#14466e", "#373c8c")]
    assert are_alike(pairs(skies)).all()
    assert not are_same(pairs(skies)).any()
    assert are_same(compare(small(*skies), small(*map(as_jpeg, skies)))).all()


def test_other_captions_make_no_same_picture_but_an_altered_one(photos):
    likeness = compare(small(*(with_text(photo, "CAT HAS IT") for photo in photos)),
                       small(*(with_text(photo, "NO ONE SAW") for photo in photos)))  # fmt: skip
    assert not are_same(likeness).any()
    watermarked = [with_text(photo, "SAMPLE", (255, 255, 255, 90), 4) for photo in photos]
    likeness = compare(small(*photos), small(*watermarked))
    assert are_altered(likeness).all()
    assert not are_same(likeness).any()


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
