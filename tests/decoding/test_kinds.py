"""Kinds of formats that Pillow reads in part only, and formats that need a look at the file or its name."""

import io
import struct

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image

from drawing.thumbnails import thumbnail
from errors import ImageError
from preprocess import convert_image, decode_image
from sources.pictures import open_square
from transforms import Transform

PHOTO = Image.open(IMAGES / "coffee.png").convert("RGB").resize((64, 48))
COLOR = np.asarray(PHOTO)
MASKS = {
    "reversed": (32, (0xFF, 0xFF00, 0xFF0000)),
    "10 bits": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    "11 and 10 bits": (32, (0xFFE00000, 0x1FFC00, 0x3FF)),
    "far apart": (32, (0xFF0, 0xFF000000, 0xFF0000)),
    "5-6-5": (16, (0xF800, 0x7E0, 0x1F)),
    "4 bits": (16, (0xF00, 0xF0, 0xF)),
}


def encoded(image, format, **options):
    data = io.BytesIO()
    image.save(data, format, **options)
    return data.getvalue()


def read(data, name="picture"):
    return decode_image(io.BytesIO(data), name)


def packed(color, bits, masks):
    """Put each channel into its field of an unsigned integer."""
    values = np.zeros(color.shape[:2], np.uint64)
    for channel, mask in zip(np.moveaxis(color, 2, 0), masks, strict=True):
        lowest = mask & -mask
        values |= np.round(channel * (mask // lowest / 255)).astype(np.uint64) * np.uint64(lowest)
    return values.astype(f"<u{bits // 8}")


def bmp(bits, masks, values, size=40, compression=3, top_down=False):
    height, width = values.shape
    body = (values if top_down else values[::-1]).tobytes()
    header = struct.pack("<IiiHHII", size, width, -height if top_down else height, 1, bits, compression, len(body))
    header = (header + bytes(16)).ljust(40, b"\0") + struct.pack(f"<{len(masks)}I", *masks)
    header = header.ljust(size, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(body), 0, 0, 14 + len(header)) + header + body


@pytest.mark.parametrize(
    "layout", [{}, {"size": 56}, {"size": 108}, {"top_down": True}, {"size": 124, "top_down": True}]
)
@pytest.mark.parametrize("kind", MASKS)
def test_bit_fields_of_bmp(kind, layout):
    bits, masks = MASKS[kind]
    step = max(255 / (mask // (mask & -mask)) for mask in masks)
    pixels = np.asarray(read(bmp(bits, masks, packed(COLOR, bits, masks), **layout))).astype(int)
    assert np.abs(pixels - COLOR).max() <= step / 2 + 1


@pytest.mark.parametrize(("size", "compression"), [(40, 6), (56, 3), (108, 3), (124, 3)])
def test_bit_fields_of_bmp_with_alpha(size, compression):
    masks = (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)
    half = np.dstack([COLOR, np.full(COLOR.shape[:2], 85, np.uint8)])
    pixels = np.asarray(read(bmp(32, masks, packed(half, 32, masks), size, compression))).astype(int)
    assert np.abs(pixels - (COLOR / 3 + 170)).max() <= 2


def test_bit_fields_that_break_off_or_are_too_many():
    data = bmp(32, MASKS["reversed"][1], packed(COLOR, 32, MASKS["reversed"][1]))
    with pytest.raises(ImageError, match="damaged BMP picture: it has 12283 of 12288 bytes"):
        read(data[:-5])
    with pytest.raises(ImageError, match="over the limit of 3,071"):
        decode_image(io.BytesIO(data), "picture", max_pixels=3071)


def test_bit_fields_without_the_header_of_a_file():
    masks = MASKS["reversed"][1]
    assert (np.asarray(read(bmp(32, masks, packed(COLOR, 32, masks))[14:])) == COLOR).all()


@pytest.mark.parametrize(
    "data",
    [
        bmp(2, (), np.zeros((4, 4), np.uint8), compression=0),
        bmp(64, (), np.zeros((4, 4), "<u8"), compression=0),
        encoded(PHOTO, "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),  # 12 bits
    ],
)
def test_kinds_that_cannot_be_read_are_not_called_damaged(data):
    with pytest.raises(ImageError, match=r"^is a picture in (BMP|JPEG) of a kind that cannot be read: "):
        read(data)


@pytest.mark.parametrize(("order", "scale"), [("<f4", "-1.0"), (">f4", "1")])
@pytest.mark.parametrize("top", [1, 255])
def test_float_map_in_colour(order, scale, top):
    values = (COLOR[::-1] * np.float64(top / 255)).astype(order)
    assert np.abs(np.asarray(read(f"PF\n64 48\n{scale}\n".encode() + values.tobytes())).astype(int) - COLOR).max() <= 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PF 9 9 1 abc", r"^damaged PFM picture: it has 3 of 972 bytes"),
        (b"PFx", r"^damaged PFM picture: its header is broken"),
        (b"PF 999999999 999999999 1 ", "over the limit"),
        (b"PF 0 9 1 ", "has no pixels"),
    ],
)
def test_float_map_that_is_none(data, message):
    with pytest.raises(ImageError, match=message):
        read(data)


@pytest.mark.parametrize("options", [{}, {"bitmap_format": "bmp"}])
def test_largest_picture_of_an_icon(options):
    icon = encoded(PHOTO.resize((64, 64)), "ICO", sizes=[(16, 16), (64, 64), (32, 32)], **options)
    assert (np.asarray(read(icon)) == np.asarray(PHOTO.resize((64, 64)))).all()


def test_list_of_an_icon_may_be_wrong():
    picture = encoded(PHOTO.resize((300, 300)), "PNG")
    icon = b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(picture), 22) + picture
    assert read(icon).size == (300, 300)
    with pytest.raises(ImageError, match="over the limit of 1,000"):
        decode_image(io.BytesIO(icon), "picture", max_pixels=1000)
    with pytest.raises(ImageError, match="damaged PNG picture"):
        read(icon[:-300])


@pytest.mark.parametrize("options", [{}, {"compression": "tga_rle"}])
def test_tga_is_known_by_its_name(options):
    data = encoded(PHOTO, "TGA", **options)
    assert (np.asarray(read(data, "A.TGA")) == COLOR).all()
    with pytest.raises(ImageError, match="is not a picture in a known format"):
        read(data, "a.jpg")
    with pytest.raises(ImageError, match="damaged TGA picture"):
        read(data[:999], "a.tga")


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"some text that is no picture", "a.tga", "is a text file"),
        (b"<?xml?><!--" + b"x" * 600 + b"--><svg>", "a.svg", "is an SVG drawing"),
        (b"<?xml?><!DOCTYPE svg PUBLIC>", "a", "is an SVG drawing"),
    ],
)
def test_what_is_no_picture(data, name, message):
    with pytest.raises(ImageError, match=message):
        read(data, name)


def test_composite_of_a_psd():
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 48, 64, 8, 3) + bytes(12)
    planes = np.moveaxis(COLOR, 2, 0).tobytes()
    assert (np.asarray(read(header + b"\0\0" + planes)) == COLOR).all()
    with pytest.raises(ImageError, match="damaged PSD picture"):
        read(header + b"\0\0" + planes[:-9])


def test_files_of_newly_listed_formats(tmp_path, classify):
    names = {"a.mpo": "MPO", "a.apng": "PNG", "a.jpf": "JPEG2000", "a.j2c": "JPEG2000", "a.ico": "ICO", "a.tga": "TGA"}
    for name, format in names.items():
        PHOTO.save(tmp_path / name, format)
    (tmp_path / "a.svg").write_text("<svg/>")
    finished = classify("-i", tmp_path)
    assert finished.stderr.splitlines()[0] == f"error: {tmp_path}/a.svg: is an SVG drawing; convert it to PNG"
    assert "6 classified, 1 failed" in finished.stderr


def test_extension_counts_wherever_a_path_is_given(tmp_path):
    path = tmp_path / "a.tga"
    PHOTO.save(path)
    square = open_square(path, "", Transform(48, "stretch"))
    assert (square == open_square(PHOTO, "", Transform(48, "stretch"))).all()
    assert thumbnail(path, 10**6) == thumbnail(path.read_bytes(), 10**6, name=str(path)) == thumbnail(PHOTO, 10**6)


def test_wide_integers_of_a_program_may_be_those_of_8_bits():
    grey = PHOTO.convert("L")
    assert (np.asarray(convert_image(grey.convert("I"))) == np.asarray(grey)[..., None]).all()
    dark = Image.fromarray(np.full((4, 4), 200, np.uint16))
    assert np.asarray(convert_image(dark)).max() == 1
