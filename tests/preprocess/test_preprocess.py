"""From a file to RGB pixels: every mode and format, and every reason for refusal."""

import io
import logging
import os
import struct
import threading
import zlib

import numpy as np
import pytest
from conftest import IMAGES
from nobody import as_nobody
from PIL import Image, ImageCms, PngImagePlugin

from decoding import opening
from errors import ImageError
from preprocess import read_image

GREY = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)  # 0..236, smooth, wider than high
COLOR = np.stack([GREY, GREY[:, ::-1], 255 - GREY], axis=-1)
PICTURE = Image.fromarray(COLOR)
TWO_FRAMES = {"save_all": True, "append_images": [PICTURE.transpose(Image.Transpose.ROTATE_180)]}
STORED = {  # how a camera held that way stores an upright picture
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encoded(image, format, **options):
    data = io.BytesIO()
    image.copy().save(data, format, **options)
    return data.getvalue()


def as_stored(path):
    return np.asarray(read_image(path)).astype(int)


def png(width, height, depth, color_type, rows, *chunks):
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    framed = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def over_white(color, alpha):
    alpha = np.asarray(alpha)[..., None] / 255
    return color * alpha + 255 * (1 - alpha)


@pytest.fixture
def file(tmp_path):
    """Write bytes to a file and return its path."""

    def write(data, name="picture"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "PCX", "QOI", "DIB"])
def test_lossless_formats_keep_every_pixel(file, format):
    assert (as_stored(file(encoded(PICTURE, format))) == COLOR).all()


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_lossy_formats_keep_the_picture(file, format):
    assert np.abs(as_stored(file(encoded(PICTURE, format, quality=95))) - COLOR).max() < 16


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF"])
def test_greyscale(file, format):
    assert (as_stored(file(encoded(Image.fromarray(GREY), format))) == GREY[..., None]).all()


def test_one_bit(file):
    bits = GREY > 100
    data = encoded(Image.fromarray(bits), "PNG")
    assert (as_stored(file(data)) == np.where(bits, 255, 0)[..., None]).all()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_laid_over_white(file, mode):
    image = Image.fromarray(GREY if mode == "LA" else COLOR)
    image.putalpha(Image.fromarray(GREY))
    color = GREY[..., None] if mode == "LA" else COLOR
    assert np.abs(as_stored(file(encoded(image, "PNG"))) - over_white(color, GREY)).max() <= 1


def test_rgb_with_a_transparent_color(file):
    data = encoded(PICTURE, "PNG", transparency=tuple(COLOR[5, 7].tolist()))
    pixels = as_stored(file(data))
    assert (pixels[5, 7] == 255).all()
    assert (pixels[0, 0] == COLOR[0, 0]).all()


@pytest.mark.parametrize(
    ("transparency", "first", "second"),
    [(None, (200, 0, 0), (0, 0, 200)), (0, (255, 255, 255), (0, 0, 200)), (b"\xff\x00", (200, 0, 0), (255, 255, 255))],
    ids=["none", "index", "bytes"],
)
def test_palette(file, transparency, first, second):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.putpixel((1, 0), 1)
    options = {} if transparency is None else {"transparency": transparency}
    assert as_stored(file(encoded(image, "PNG", **options))).tolist() == [[list(first), list(second)]]


@pytest.mark.parametrize(
    "data",
    [
        png(64, 48, 16, 0, [row.tobytes() for row in GREY.astype(">u2") * 257]),
        encoded(Image.fromarray(GREY.astype("<u2") * 257), "TIFF"),
        encoded(Image.frombytes("I;16B", (64, 48), (GREY.astype(">u2") * 257).tobytes()), "TIFF"),
    ],
    ids=["png", "tiff-little-endian", "tiff-big-endian"],
)
def test_16_bits_keep_their_brightness(file, data):
    assert np.abs(as_stored(file(data)) - GREY[..., None]).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 65535]], np.int32), [0, 255]),
        (np.array([[-(2**31), 2**31 - 1]], np.int32), [0, 255]),
        (np.array([[0, 100_000, 200_000]], np.int32), [0, 128, 255]),
        (np.array([[0, 0.5, 1]], np.float32), [0, 128, 255]),
        (np.array([[0, 100, 255]], np.float32), [0, 100, 255]),
        (np.array([[-3e38, 3e38]], np.float32), [0, 255]),
        (np.array([[-1e-40, 0]], np.float32), [0, 255]),
        (np.array([[np.nan, np.inf, 1]], np.float32), [0, 0, 255]),
        (np.array([[-7, -7]], np.float32), [0, 0]),
    ],
    ids=["16-bit", "full-range", "large", "unit", "0..255", "overflow", "denormal", "not-numbers", "constant"],
)
def test_wide_numbers_are_rescaled(file, values, expected):
    pixels = as_stored(file(encoded(Image.fromarray(values), "TIFF")))
    assert pixels[0, :, 0].tolist() == expected


@pytest.mark.parametrize("profile", [b"", b"not a profile", "of RGB"])
def test_cmyk_jpeg(file, profile):
    if profile == "of RGB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(PICTURE.convert("CMYK"), "JPEG", quality=95, subsampling=0, icc_profile=profile)
    assert np.abs(as_stored(file(data)) - COLOR).max() < 16


def test_lab_and_ycbcr_tiff(file):
    red = Image.new("LAB", (4, 4), (138, 209, 198))  # sRGB's pure red
    assert np.abs(as_stored(file(encoded(red, "TIFF"))) - (255, 0, 0)).max() <= 6
    assert np.abs(as_stored(file(encoded(PICTURE.convert("YCbCr"), "TIFF"))) - COLOR).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_exif_orientation_is_applied(file, format, orientation):
    stored = PICTURE.transpose(STORED[orientation]) if orientation > 1 else PICTURE
    exif = Image.Exif()
    exif[0x112] = orientation
    assert (as_stored(file(encoded(stored, format, exif=exif))) == COLOR).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientation_that_does_not_exist_is_ignored(file, format, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    assert read_image(file(encoded(PICTURE, format, exif=exif))).size == PICTURE.size


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0not a TIFF", b"Exif\0\0II*\0\xff\xff\xff\xff"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_damaged_metadata_does_not_cost_the_picture(file, format, exif):
    assert read_image(file(encoded(PICTURE, format, exif=exif))).size == PICTURE.size


def test_large_metadata_does_not_cost_the_picture(file):
    text = PngImagePlugin.PngInfo()
    text.add_text("prompt", "a" * 2_000_000, zip=True)
    data = encoded(PICTURE, "PNG", pnginfo=text, icc_profile=bytes(2_000_000))
    assert (as_stored(file(data)) == COLOR).all()


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_first_frame_is_taken_and_said_once(file, format, monkeypatch, caplog):
    monkeypatch.setattr(opening, "_multi_frame_note", threading.Lock())
    caplog.set_level(logging.INFO, "suite")
    path = file(encoded(PICTURE, format, **TWO_FRAMES))
    for _ in range(3):
        assert np.abs(as_stored(path) - COLOR).mean() < 6
    assert [record.getMessage().split(" has ")[0] for record in caplog.records] == [str(path)]


@pytest.mark.parametrize("name", ["x.txt", "x", "x.gif", "x.jpg.html", "ü 猫\n.png", os.fsdecode(b"\xff\xfe.jpg")])
def test_content_counts_and_not_the_name(file, name):
    assert (as_stored(file(encoded(PICTURE, "PNG"), name)) == COLOR).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"A text about cats.\n", "is a text file"),
        ("Über 猫\n".encode() * 60, "is a text file"),
        (b"\n<!DOCTYPE html><html>", "is an HTML page"),
        (b"\xef\xbb\xbf<HTML lang=en>", "is an HTML page"),
        (b'<?xml version="1.0"?><svg xmlns="x">', "is an SVG drawing"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "damaged HEIC picture: the file is truncated"),
        (bytes(1000), "holds only zero bytes"),
        (b"\0\0\0\x1cftypavif", "damaged picture"),
        (b"\x89PNG\r\n\x1a\n", "damaged picture"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "is not a picture in a known format"),
        (b"PK\x03\x04 a zip \0\x01", "is an archive, not a picture"),
    ],
)  # fmt: skip
def test_what_is_not_a_picture(file, data, message):
    with pytest.raises(ImageError, match=message):
        read_image(file(data, "x.jpg"))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "AVIF", "JPEG2000", "PCX", "QOI"])
def test_truncated_pictures_are_refused(file, format, fraction):
    data = encoded(Image.open(IMAGES / "cat.png").resize((90, 60)), format)
    with pytest.raises(ImageError, match=r"damaged|is not a picture|is a text"):
        read_image(file(data[: int(len(data) * fraction)]))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.jpg", "^no such file"),
        ("", "^no such file"),
        (".", "is a folder"),
        ("/dev/zero", "is not a regular file"),
        ("a\0b.jpg", "^not a valid path"),
        ("\ud800.jpg", "^not a valid path"),
        ("x" * 300, "^cannot be read: File name too long"),
    ],
)
def test_what_is_not_a_file(path, message):
    with pytest.raises(ImageError, match=message):
        read_image(path)


def test_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="is not a regular file"):
        read_image(tmp_path / "pipe.jpg")


def test_no_permission(file):
    path = file(encoded(PICTURE, "PNG"))
    path.chmod(0)
    with as_nobody(), pytest.raises(ImageError, match="cannot be read: Permission denied"):
        read_image(path)


def test_max_pixels_is_the_last_number_allowed(file):
    path = file(encoded(PICTURE, "PNG"))
    assert read_image(path, max_pixels=64 * 48).size == (64, 48)
    with pytest.raises(ImageError, match=r"over the limit of 3,071"):
        read_image(path, max_pixels=64 * 48 - 1)
