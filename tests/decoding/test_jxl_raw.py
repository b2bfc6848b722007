"""JPEG XL and raw data of cameras, through packages that are not installed by default."""

import io

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image

from errors import ImageError
from preprocess import decode_image

pytest.importorskip("pillow_jxl")
pytest.importorskip("rawpy")
tifffile = pytest.importorskip("tifffile")

CAT = Image.open(IMAGES / "cat.png").convert("RGB")
ORANGE = np.array([[12000, 6000], [6000, 1000]], np.uint16)  # red, green, green and blue of each four sensors


def jxl(image, **options):
    file = io.BytesIO()
    image.save(file, "JXL", **{"effort": 3} | options)
    return file.getvalue()


def decode(data, name="x", **limits):
    return decode_image(io.BytesIO(data), name, **limits)


def difference(image, other):
    assert image.size == other.size
    return np.abs(np.asarray(image).astype(int) - np.asarray(other)).mean()


@pytest.mark.parametrize("options", [{}, {"use_container": True}, {"lossless": True}])
@pytest.mark.parametrize("size", [(451, 300), (64, 64), (400, 300), (300, 451), (1, 1)])
def test_jpeg_xl(size, options):
    image = CAT.resize(size)
    assert difference(decode(jxl(image, **options), max_pixels=size[0] * size[1]), image) < 4
    with pytest.raises(ImageError, match=rf"^{size[0]} x {size[1]} pixels are over the limit"):
        decode(jxl(image, **options), max_pixels=size[0] * size[1] - 1)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_jpeg_xl_is_laid_over_white(mode):
    image = CAT.convert("RGBA")
    image.putalpha(0)
    assert np.asarray(decode(jxl(image.convert(mode), lossless=True))).min() == 255


@pytest.mark.parametrize("array", [np.full((30, 40), 51400, np.uint16), np.full((30, 40), 200 / 255, np.float32)])
def test_deep_jpeg_xl_becomes_8_bit(array):
    assert (np.asarray(decode(jxl(Image.fromarray(array), lossless=True))) == 200).all()


def test_jpeg_xl_that_takes_too_much_memory_is_an_error():
    height, width = 10_000, 15_000
    bits = 2 << 1 | height - 1 << 3 | 2 << 24 | width - 1 << 26  # of a size header: 18 bits each, without a ratio
    with pytest.raises(
        ImageError, match=r"^15000 x 10000 pixels of this kind of JPEG XL take the memory of 300,000,000"
    ):
        decode(b"\xff\x0a" + bits.to_bytes(8, "little"))


@pytest.mark.filterwarnings("ignore:Using JPEG reconstruction")
def test_orientation_of_a_packed_jpeg_is_applied_once(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    CAT.save(tmp_path / "turned.jpg", exif=exif)
    packed = jxl(Image.open(tmp_path / "turned.jpg"))
    assert difference(decode(packed), CAT.transpose(Image.Transpose.ROTATE_270)) < 6


@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.99])
def test_truncated_jpeg_xl_is_an_error(fraction):
    data = jxl(CAT)
    with pytest.raises(ImageError, match=r"^damaged JPEG XL picture: .*truncated"):
        decode(data[: int(len(data) * fraction)])


def dng(size=(300, 200), flip=1, thumbnail=None):
    """Make a DNG of orange; with `thumbnail` the sensor's data are in a directory below, as cameras have it."""
    one = {"photometric": "cfa", "metadata": None}
    colour = [
        (33421, 3, 2, (2, 2), True), (33422, 1, 4, bytes([0, 1, 1, 2]), True), (50717, 4, 1, 16383, True),
    ]  # fmt: skip
    camera = [
        (271, 2, None, "Acme", True), (272, 2, None, "One", True), (274, 3, 1, flip, True),
        (50706, 1, 4, bytes([1, 4, 0, 0]), True), (50708, 2, None, "Acme One", True), (50778, 3, 1, 21, True),
        (50721, 10, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),
    ]  # fmt: skip
    sensor, file = np.tile(ORANGE, (size[1] // 2, size[0] // 2)), io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        if thumbnail is None:
            writer.write(sensor, **one, extratags=colour + camera)
        else:
            small = {
                "photometric": "rgb",
                "metadata": None,
                "subfiletype": 1,
                "compression": "jpeg",
                "rowsperstrip": 9999,
            }
            writer.write(np.asarray(thumbnail), **small, subifds=1, extratags=camera)
            writer.write(sensor, **one, subfiletype=0, extratags=colour)
    return file.getvalue()


@pytest.mark.parametrize(
    ("flip", "min_side", "size"),
    [(1, None, (300, 200)), (1, 100, (150, 100)), (6, None, (200, 300)), (6, 60, (100, 150))],
)
@pytest.mark.parametrize("thumbnail", [None, CAT.resize((64, 48))], ids=["alone", "thumbnail"])
def test_raw_data_is_developed(flip, min_side, size, thumbnail):
    image = decode(dng(flip=flip, thumbnail=thumbnail), min_side=min_side)
    red, green, blue = np.asarray(image).reshape(-1, 3).mean(0)
    assert image.size == size
    assert red > 2 * green
    assert red > 2 * blue


def test_large_preview_is_taken_in_place_of_raw_data():
    preview = CAT.resize((1504, 1000))
    assert difference(decode(dng(thumbnail=preview)), preview) < 6
    assert difference(decode(dng(thumbnail=preview, flip=6)), preview.transpose(Image.Transpose.ROTATE_270)) < 6
    assert decode(dng(thumbnail=preview), min_side=500).size == (752, 500)


def test_max_pixels_holds_for_raw_data():
    with pytest.raises(ImageError, match="300 x 200 pixels are over the limit"):
        decode(dng(), max_pixels=59_999)


def test_truncated_raw_data_is_an_error():
    data = dng()
    with pytest.raises(ImageError, match=r"^damaged camera RAW picture"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("name", "is_raw"), [("x.NEF", True), ("photos.zip/x.dng", True), ("x.tif", False), ("x", False)]
)
def test_tiff_with_the_name_of_raw_data_is_not_read_as_a_picture(name, is_raw):
    file = io.BytesIO()
    CAT.save(file, "TIFF")
    if is_raw:
        with pytest.raises(ImageError, match=r"^is a camera RAW picture of a kind that cannot be read"):
            decode(file.getvalue(), name)
    else:
        assert difference(decode(file.getvalue(), name), CAT) == 0


@pytest.mark.parametrize(
    "start", [b"\0\0\0\x18ftypcrx ", b"FUJIFILMCCD-RAW", b"IIRO\x08\0\0\0", b"II*\0\x10\0\0\0CR\x02\0"]
)
def test_raw_data_is_known_by_its_start(start):
    with pytest.raises(ImageError, match="camera RAW"):
        decode(start + bytes(100))
