"""PNM pictures of numbers as text, or on a scale of their own."""

import io
import random

import numpy as np
import pytest
from PIL import Image

from decoding.pnm import BLOCK
from errors import ImageError
from preprocess import convert_image, decode_image

NUMBERS = random.Random(0)


def pnm(kind, maxval, width=40, height=30):
    """Make a file of random numbers."""
    count = width * height * (3 if kind in "36" else 1)
    values = [NUMBERS.randint(0, maxval) for _ in range(count)]
    head = f"P{kind}\n# a comment\n{width} {height}\n" + ("" if kind in "14" else f"{maxval}\n")
    if kind in "56":
        return head.encode() + np.array(values, ">u2" if maxval > 255 else "u1").tobytes()
    return (head + ("" if kind == "1" else " ").join(map(str, values))).encode()


@pytest.mark.parametrize(
    ("kind", "maxval"),
    [
        ("1", 1),
        ("2", 255),
        ("2", 7),
        ("2", 65535),
        ("3", 255),
        ("3", 1000),
        ("5", 100),
        ("5", 4095),
        ("6", 31),
        ("6", 65535),
    ],
)
def test_numbers_are_those_that_pillow_reads(kind, maxval):
    data = pnm(kind, maxval)
    expected = convert_image(Image.open(io.BytesIO(data)))
    assert (np.asarray(decode_image(io.BytesIO(data), "x")) == np.asarray(expected)).all()


@pytest.mark.parametrize(
    "text", [b"#" + 2 * BLOCK * b"x" + b"\n1 2 3 4 ", b"\n\n1\t2 # 9\r\n3#8\n4 5 6", BLOCK * b" " + b"1 2 3 4"]
)
def test_comments_and_space_are_no_numbers(text):
    pixels = np.asarray(decode_image(io.BytesIO(b"P2 2 2 255\n" + text), "x"))
    assert pixels[..., 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "data",
    [
        b"P2 2 2 255 1 2 3", b"P2 2 2 255 1 2 3 256", b"P2 2 2 255 1 2 -3 4", b"P2 2 2 255 1 2 x 4",
        b"P1 2 2 1 0 1 2",
        b"P2 2 2 255 " + 99 * b"1", b"P2 2 2 255 1 2 3 # 4", b"P6 2 2 99 abcdefghijk", b"P5 2 2 999 abcdefg",
        b"P3 2 2 255 ",
    ],
)  # fmt: skip
def test_wrong_numbers_are_damage(data):
    with pytest.raises(ImageError, match=r"^damaged PPM picture: "):
        decode_image(io.BytesIO(data), "x")
