"""Colours: profiles, all of Pillow's modes, and strips that give the bytes of the whole picture."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import IMAGES
from icc import SPACES, in_lab, in_space, matrix_profile, table_profile
from icc import SRGB as PRIMARIES
from PIL import Image, ImageCms, ImageOps

from decoding import colors
from decoding.colors import Upright
from preprocess import convert_image, decode_image, decode_square, make_square
from sources.pictures import open_square
from transforms import Transform

GREY = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
PHOTO = np.asarray(Image.open(IMAGES / "coffee.png").convert("RGB").resize((150, 100)))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ADOBE = matrix_profile(*SPACES["Adobe RGB"])
SQUARE = Transform(64)


def file(pixels, mode="RGB", **options):
    data = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(data, "PNG", **options)
    data.seek(0)
    return data


def difference(one, other):
    return np.abs(np.asarray(one, int) - np.asarray(other, int)).mean()


STORED = {name: (in_space(PHOTO, *space), matrix_profile(*space)) for name, space in SPACES.items()}
SIGNS = np.array((0, 128, 128), np.uint8)  # a* and b* are signed in Pillow's arrays, and not in profiles
STORED["a table"] = (np.asarray(in_lab(PHOTO)) ^ SIGNS, table_profile())


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("name", STORED)
def test_profile_gives_the_colours_that_were_meant(name, mode):
    stored, profile = STORED[name]
    data = file(stored, mode, icc_profile=profile)
    assert difference(stored, PHOTO) > 4
    assert difference(decode_image(data, "x"), PHOTO) < 2
    assert difference(decode_square(data, "x", SQUARE), make_square(Image.fromarray(PHOTO), SQUARE)) < 2


UNUSED = {
    "sRGB": SRGB,
    "sRGB with a plain gamma": matrix_profile(PRIMARIES, 2.2),
    "no profile": b"not a profile",
    "truncated": ADOBE[:200],
    "of grey": ADOBE[:16] + b"GRAY" + ADOBE[20:],
    "of CMYK": ADOBE[:16] + b"CMYK" + ADOBE[20:],
    "too large": ADOBE + bytes(2**22),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSED)
def test_profile_that_changes_nothing_or_is_no_use_leaves_every_bit(name):
    data = file(PHOTO, icc_profile=UNUSED[name])
    assert (np.asarray(decode_image(data, "x")) == PHOTO).all()
    assert (decode_square(data, "x", SQUARE) == make_square(Image.fromarray(PHOTO), SQUARE)).all()


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_pictures_have_no_colours_to_convert(mode):
    plain, given = (decode_image(file(GREY, mode, **options), "x") for options in ({}, {"icc_profile": ADOBE}))
    assert (np.asarray(plain) == np.asarray(given)).all()


def test_a_converted_picture_is_not_converted_again():
    image = decode_image(file(STORED["Adobe RGB"][0], icc_profile=ADOBE), "x")
    assert (np.asarray(convert_image(image)) == np.asarray(image)).all()
    assert (make_square(image, SQUARE) == make_square(Image.fromarray(np.asarray(image)), SQUARE)).all()


def test_lab_is_converted_when_it_is_small():
    assert difference(convert_image(in_lab(PHOTO)), PHOTO) < 2
    assert difference(open_square(in_lab(PHOTO), "", SQUARE), make_square(Image.fromarray(PHOTO), SQUARE)) < 2


def test_threads_share_a_picture_and_its_profile():
    exif = Image.Exif()
    exif[colors.ORIENTATION] = 6
    data = file(STORED["ProPhoto"][0], icc_profile=STORED["ProPhoto"][1], exif=exif).getvalue()
    alone = decode_square(io.BytesIO(data), "x", SQUARE)
    with ThreadPoolExecutor(8) as threads:
        for image in (Image.open(io.BytesIO(data)) for _ in range(10)):
            squares = threads.map(lambda _, image=image: open_square(image, "", SQUARE), range(8))
            assert all((square == alone).all() for square in squares)


def in_mode(mode):
    """Make a picture of a mode that looks like PHOTO, or like it in grey."""
    photo, grey = Image.fromarray(PHOTO), np.asarray(Image.fromarray(PHOTO).convert("L"))
    if mode.startswith("I;16"):
        return Image.frombytes(mode, photo.size, (grey.astype(">u2" if mode == "I;16B" else "<u2") * 257).tobytes())
    if mode in ("I", "F"):
        return Image.fromarray(grey.astype(np.int32) * 257 if mode == "I" else grey.astype(np.float32))
    if mode in ("La", "RGBa"):
        return photo.convert(mode.upper()).convert(mode)
    return in_lab(PHOTO) if mode == "LAB" else photo.convert("P" if mode == "PA" else mode).convert(mode)


@pytest.mark.parametrize("mode", sorted({*Image.MODES, "La", "RGBa", "PA", "I;16L", "I;16N"} - {"1"}))
def test_every_mode_looks_right(mode):
    is_grey = mode != "LAB" and mode.startswith(("L", "I", "F"))
    expected = Image.fromarray(PHOTO).convert("L" if is_grey else "RGB").convert("RGB")
    assert difference(convert_image(in_mode(mode)), expected) < (30 if mode.startswith("P") else 3)


@pytest.mark.parametrize("mode", ["La", "LA", "PA", "RGBA", "RGBa", "P"])
def test_what_is_transparent_becomes_white(mode):
    image = Image.new("RGBA", (8, 4), (200, 0, 0, 0))
    if mode.startswith("P"):
        image = Image.new("P", (8, 4)).convert(mode)
        image.info["transparency"] = bytes(256)
    else:
        image = image.convert("LA" if mode == "La" else "RGBA").convert(mode)
    if mode == "PA":
        image.putalpha(0)
    assert (np.asarray(convert_image(image)) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["1", "L", "La", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16"])
def test_strips_give_the_bytes_of_the_whole_picture(mode, orientation, monkeypatch):
    for size in ((97, 61), (61, 150)):
        image = (in_mode(mode) if mode != "1" else Image.fromarray(PHOTO).convert("1")).crop((0, 0, *size))
        image.getexif()[colors.ORIENTATION] = orientation
        turned = ImageOps.exif_transpose(image)
        turned.getexif().pop(colors.ORIENTATION, None)
        monkeypatch.setattr(colors, "STRIP_PIXELS", 2**18)
        whole = Image.fromarray(np.asarray(Upright(turned).to_rgb()))
        monkeypatch.setattr(colors, "STRIP_PIXELS", 500)
        assert (np.asarray(convert_image(image)) == np.asarray(whole)).all()
        for resize in ("crop", "pad", "stretch"):
            transform = Transform(32, resize, interpolation="bicubic")
            assert (open_square(image, "", transform) == make_square(whole, transform)).all()


@pytest.mark.parametrize("size", [(1, 3_000_000), (3_000_000, 1)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_endless_strips_become_squares(size, mode):
    for resize, fraction in (("crop", None), ("crop", 0.875), ("pad", 0.875), ("stretch", 0.875)):
        square = open_square(Image.new(mode, size, "red"), "", Transform(32, resize, fraction))
        assert (square == (255, 0, 0)).all(axis=-1).any()
