"""Pictures of which a part is lost are errors, and whole ones are not, whatever stands in them."""

import io
import struct
from contextlib import ExitStack

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image, ImageDraw

from decoding.opening import load_picture
from errors import ImageError
from preprocess import decode_image
from settings import MAX_PIXELS

PHOTO = Image.open(IMAGES / "coffee.png").convert("RGB").resize((450, 300))
PLACES = (0.2, 0.35, 0.5)  # the last scans of progressive ones refine what is there
SECTOR = 512


def encoded(image, format, **options):
    data = io.BytesIO()
    image.save(data, format, **options)
    return data.getvalue()


def read(data):
    return decode_image(io.BytesIO(data), "picture")


def loaded(data, min_side=None):
    with ExitStack() as room:
        return load_picture(io.BytesIO(data), "picture", MAX_PIXELS, min_side, room)


def tail_of_zeros(data, start):
    return data[:start] + bytes(len(data) - start)


def tail_of_zeros_with_end(data, start):
    return data[:start] + bytes(len(data) - start - 2) + data[-2:]


def zeroed_sector(data, start):
    return data[:start] + bytes(SECTOR) + data[start + SECTOR :]


def lost_sector(data, start):
    return data[:start] + data[start + SECTOR :]


def cut_with_end(data, start):
    return data[:start] + b"\xff\xd9"


def cut(data, start):
    return data[:start]


DAMAGES = (tail_of_zeros, tail_of_zeros_with_end, zeroed_sector, lost_sector, cut_with_end, cut)
JPEGS = {
    "plain": encoded(PHOTO, "JPEG"),
    "optimised": encoded(PHOTO, "JPEG", optimize=True),
    "progressive": encoded(PHOTO, "JPEG", progressive=True),
    "restarts": encoded(PHOTO, "JPEG", restart_marker_rows=1),
    "grey": encoded(PHOTO.convert("L"), "JPEG"),
    "cmyk": encoded(PHOTO.convert("CMYK"), "JPEG"),
    "two views": encoded(PHOTO, "MPO", save_all=True, append_images=[PHOTO.rotate(90)]),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", JPEGS)
def test_damaged_jpeg(kind, damage, place):
    data = JPEGS[kind]
    size = data.find(b"\xff\xd9") if kind == "two views" else len(data)
    assert read(data).size == PHOTO.size
    with pytest.raises(ImageError, match=r"damaged (JPEG|MPO) picture: "):
        read(damage(data[:size], int(size * place)))


@pytest.mark.parametrize("extra", [bytes(5000), b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 9, JPEGS["progressive"]])
def test_what_follows_a_jpeg_does_not_matter(extra):
    assert read(JPEGS["plain"] + extra).tobytes() == read(JPEGS["plain"]).tobytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-2] + b"\x12\x34" * 99 + data[-2:],  # bytes left over, as in cats and dogs
        lambda data: data[:11] + b"\0" + data[12:],  # JFIF version 0
        lambda data: data[:20] + b"\1\2\3" + data[20:],  # rubbish between segments
        lambda data: data[:20] + b"\xff\0\0\2" + data[20:],
        lambda data: data[:2] + b"\xff\xe1\x08\x02Exif\0\0" + bytes(2042) + data[2:],  # metadata, padded
    ],
)
def test_harmless_oddities_of_jpegs(change):
    assert read(change(JPEGS["plain"])).tobytes() == read(JPEGS["plain"]).tobytes()


@pytest.mark.parametrize("damage", DAMAGES)
def test_warnings_of_a_header_do_not_hide_damage(damage):
    version_0 = JPEGS["plain"][:11] + b"\0" + JPEGS["plain"][12:]
    with pytest.raises(ImageError, match="damaged JPEG picture"):
        read(damage(version_0, 9000))


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("min_side", [None, 200, 60, 7])
def test_pixels_of_jpegs_are_those_of_pillow(kind, min_side):
    expected = Image.open(io.BytesIO(JPEGS[kind]))
    if min_side:
        expected.draft(None, (min_side, min_side))
    image = loaded(JPEGS[kind], min_side)
    assert (image.mode, image.size) == (expected.mode, expected.size)
    assert image.tobytes() == expected.tobytes()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(1, 1), (17, 31), (64, 40)])
def test_pixels_of_jpegs_of_odd_sizes(size, subsampling):
    data = encoded(PHOTO.resize(size), "JPEG", subsampling=subsampling)
    assert loaded(data).tobytes() == Image.open(io.BytesIO(data)).tobytes()


def test_large_jpegs_are_checked(monkeypatch):
    monkeypatch.setattr("decoding.jpeg.MOST_COPIED", 1000)
    assert loaded(JPEGS["plain"]).tobytes() == Image.open(io.BytesIO(JPEGS["plain"])).tobytes()
    with pytest.raises(ImageError, match="damaged JPEG picture"):
        read(lost_sector(JPEGS["plain"], 9000))


COMPRESSED = {
    "WEBP": {}, "lossless": {"lossless": True}, "alpha": {"quality": 90}, "frames": {"save_all": True},
    "AVIF": {"speed": 10}, "QOI": {}, "PNG": {}, "GIF": {}, "JPEG2000": {},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COMPRESSED)
def test_zeros_from_the_middle_on(name):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8))
    if name == "alpha":
        image.putalpha(128)
    options = COMPRESSED[name] | ({"append_images": [image.rotate(90)]} if name == "frames" else {})
    data = encoded(image, name if name.isupper() else "WEBP", **options)
    assert read(data).size == (300, 300)
    with pytest.raises(ImageError, match="damaged"):
        read(tail_of_zeros(data, len(data) // (4 if name == "frames" else 2)))


@pytest.mark.parametrize("format", ["AVIF", "QOI", "PNG"])
def test_zeroed_sector(format):
    data = encoded(PHOTO, format)
    with pytest.raises(ImageError, match="damaged"):
        read(zeroed_sector(data, len(data) // 2))


def plain_pictures():
    drawn = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(drawn).rectangle((5, 5, 20, 20), fill="black")
    noisy = np.zeros((300, 400, 3), np.uint8)
    noisy[:40] = np.random.default_rng(0).integers(0, 256, (40, 400, 3))
    return Image.new("RGB", (1000, 1000)), drawn, Image.fromarray(noisy)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"optimize": True}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {"quality": 100, "method": 0}),
        ("WEBP", {"lossless": True, "method": 0}),
        ("AVIF", {"speed": 10}),
        ("QOI", {}),
        ("GIF", {}),
    ],
)
def test_plain_pictures_are_not_taken_for_damaged(format, options):
    for image in plain_pictures():
        assert read(encoded(image, format, **options)).size == image.size


def test_padding_in_an_avif_is_no_damage():
    data = encoded(PHOTO, "AVIF", speed=10, exif=b"Exif\0\0MM\0*\0\0\0\x08" + bytes(4000))
    assert bytes(3000) in data
    assert read(data + struct.pack(">I4s", 5008, b"free") + bytes(5000)).size == PHOTO.size


def test_damaged_pictures_through_the_command_line(tmp_path, classify):
    for number, damage in enumerate(DAMAGES):
        (tmp_path / f"{number}.jpg").write_bytes(damage(JPEGS["plain"], 9000))
    (tmp_path / "whole.jpg").write_bytes(JPEGS["plain"])
    finished = classify("-i", tmp_path, "--format", "csv")
    assert finished.returncode == 1
    assert finished.stdout.count("damaged JPEG picture: ") == len(DAMAGES)
    assert f"1 classified, {len(DAMAGES)} failed" in finished.stderr
