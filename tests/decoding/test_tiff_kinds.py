"""TIFFs of rarer colours and compressions, what becomes of their values, and the first page."""

import io
import threading
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from tiff_writer import ALPHA, COLOR, GREY, HEIGHT, RAMP, WIDTH, decoded, samples_of, tiff, written

from decoding import opening
from decoding.tiff import decode_tiff
from decoding.tiff_directory import Directory
from decoding.tiff_layout import read_layout
from preprocess import convert_image


def of_blocks(y, chroma, across, down):
    """Return the bytes of subsampled YCbCr: of each block its Y's, then Cb and Cr (TIFF 6.0, section 21)."""
    rows, columns = HEIGHT // down, WIDTH // across
    luma = y.reshape(rows, down, columns, across).swapaxes(1, 2).reshape(rows, columns, -1)
    return np.concatenate([luma, chroma], axis=-1).tobytes()


@pytest.mark.parametrize(("compression", "compress"), [(1, bytes), (8, zlib.compress)], ids=["raw", "deflate"])
@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_subsampled_ycbcr_is_what_opencv_reads(across, down, compression, compress):
    picture = np.asarray(Image.fromarray(np.uint8(COLOR * 255)).convert("YCbCr"))
    data = compress(of_blocks(picture[..., 0], picture[::down, ::across, 1:], across, down))
    file = tiff(data, _256=WIDTH, _257=HEIGHT, _258=[8] * 3, _259=compression, _262=6, _277=3, _278=HEIGHT,
                _530=[across, down])  # fmt: skip
    reference = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(decoded(file) - reference).max() <= 3


@pytest.mark.parametrize(("mode", "compression"), [
    ("RGB", "jpeg"), ("L", "jpeg"), ("CMYK", "jpeg"), ("YCbCr", "jpeg"), ("RGBA", "tiff_lzw"), ("1", "group4"),
    ("1", "packbits"), ("P", "tiff_lzw"), ("LA", "raw"), ("I", "tiff_adobe_deflate"), ("F", "raw"),
])  # fmt: skip
def test_what_pillow_writes_is_read_as_pillow_reads_it(mode, compression):
    buffer = io.BytesIO()
    Image.fromarray(samples_of(COLOR, "u1")).convert(mode).save(buffer, "TIFF", compression=compression)
    assert np.abs(decoded(buffer.getvalue()) - np.asarray(convert_image(Image.open(buffer)))).max() <= 1


def lab_samples(photometric, bits):
    """Return a picture in LAB as TIFF 6.0 (8) and ICC (9) store it."""
    lab = ImageCms.createProfile("LAB")
    picture = ImageCms.profileToProfile(
        Image.fromarray(np.uint8(COLOR * 255)), ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
    )
    values = np.stack([np.asarray(band) for band in picture.split()], axis=-1).astype(int)  # a and b from 0, not -128
    values = values if photometric == 9 else values - (0, 128, 128)
    deep = (257, 256, 256) if photometric == 8 else (65280 / 255, 256, 256)
    return values.astype(np.uint8) if bits == 8 else np.round(values * deep).astype(np.int32).astype("<u2")


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("photometric", [8, 9])
def test_lab(photometric, bits, planar):
    samples = lab_samples(photometric, bits)
    data = (np.moveaxis(samples, -1, 0) if planar == 2 else samples).tobytes()
    file = tiff(data, planes=3 if planar == 2 else 1, _256=WIDTH, _257=HEIGHT, _258=[bits] * 3, _262=photometric,
                _277=3, _278=HEIGHT, _284=planar)  # fmt: skip
    assert np.abs(decoded(file) - COLOR * 255).mean() < 3


@pytest.mark.parametrize("order", "<>")
def test_24_bits_lie_in_the_order_of_the_file_as_for_libtiff(order):
    samples = np.round(GREY * (2**24 - 1)).astype(f"{order}u4")
    octets = samples.view(np.uint8).reshape(HEIGHT, WIDTH, 4)
    data = (octets[..., :3] if order == "<" else octets[..., 1:]).tobytes()
    file = tiff(data, order, _256=WIDTH, _257=HEIGHT, _258=24, _262=1, _278=HEIGHT)
    assert np.abs(decoded(file) - 255 * GREY[..., None]).max() <= 0.51


@pytest.mark.parametrize("colors", [RAMP, RAMP * 257, RAMP * 256], ids=["8-bit", "16-bit", "upper-8-bit"])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_colour_maps_of_8_and_16_bits(colors, compression):
    indexes = samples_of(GREY, "u1")
    data = written(indexes, photometric="palette", colormap=colors.astype(np.uint16), compression=compression)
    assert np.array_equal(decoded(data), RAMP.T[indexes])


@pytest.mark.parametrize("compression", ["webp", "png", "jpeg2000"])
@pytest.mark.parametrize("layout", [{"rowsperstrip": 7}, {"tile": (16, 16)}], ids=["strips", "tiles"])
def test_pictures_in_strips_and_tiles(compression, layout):
    lossless = {"lossless": True} if compression == "webp" else {}
    samples = samples_of(COLOR, "u1")
    data = written(samples, photometric="rgb", compression=compression, compressionargs=lossless, **layout)
    assert np.array_equal(decoded(data), samples)


@pytest.mark.parametrize(("values", "shades"), [
    (np.float32([0, 0.5, 1]), [0, 128, 255]), (np.float32([0, 51, 255]), [0, 51, 255]),
    (np.float32([-1, 0, 1]), [0, 128, 255]), (np.float64([0, 1e300, np.nan]), [0, 255, 0]),
    (np.uint16([0, 257, 514]), [0, 1, 2]), (np.uint32([0, 257, 65535]), [0, 1, 255]),
    (np.uint32([2**31, 2**31 + 1, 2**31 + 2]), [0, 128, 255]), (np.int16([-2, 0, 2]), [0, 128, 255]),
    (np.int8([0, 1, 127]), [0, 2, 255]), (np.float32([-np.inf, 1, np.inf]), [0, 255, 0]),
    (np.uint8([0, 1, 255]), [0, 1, 255]), (np.int64([7, 7, 7]), [0, 0, 0]),
])  # fmt: skip
def test_values_become_shades(values, shades):
    assert decoded(written(values[None]))[0, :, 0].tolist() == shades


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation):
    upright = Image.fromarray(samples_of(COLOR, "u1"))
    exif = upright.getexif()
    exif[0x112] = orientation
    buffer = io.BytesIO()
    upright.save(buffer, "PNG", exif=exif)
    data = written(samples_of(COLOR, "u4"), photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    assert np.abs(decoded(data) - decoded(buffer.getvalue())).max() <= 1.01


def test_the_first_page_of_a_bigtiff_is_read_and_a_note_says_so(caplog, monkeypatch):
    monkeypatch.setattr(opening, "_multi_frame_note", threading.Lock())
    pages = np.stack([samples_of(GREY, "f4"), np.zeros((HEIGHT, WIDTH), "f4")])
    with caplog.at_level("INFO", logger="suite"):
        read = decoded(written(pages, photometric="miniswhite", bigtiff=True))
    assert np.abs(read - 255 * (1 - GREY[..., None])).max() <= 0.51
    assert caplog.messages == ["a.tif has several frames; only the first frame of such files is classified"]


def test_a_colour_profile_is_handed_on():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = written(samples_of(COLOR, "f4"), photometric="rgb", iccprofile=profile)
    file = io.BytesIO(data)
    directory = Directory(file)
    assert decode_tiff(file, directory, read_layout(directory)).info["icc_profile"] == profile


def test_premultiplied_grey_of_a_pil_image_lies_over_white():
    picture = Image.fromarray(samples_of(np.dstack([GREY, ALPHA[..., 0]]), "u1"))
    difference = np.asarray(convert_image(picture.convert("La"))).astype(int) - np.asarray(convert_image(picture))
    assert np.abs(difference).max() <= 1
