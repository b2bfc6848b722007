"""Every kind of TIFF: bits x byte order x planes x strips or tiles x compression x predictor, against tifffile."""

import contextlib
import io
import itertools
import os
import random
import re
import struct
import threading

import cv2
import numpy as np
import pytest
import tifffile
from conftest import ROOT
from PIL import Image, ImageCms
from tiff_writer import pack_bits, tiff

import preprocess
from decoding.tiff import decode_tiff
from decoding.tiff_directory import Directory
from decoding.tiff_layout import read_layout
from errors import ImageError
from preprocess import convert_image, decode_image

HEIGHT, WIDTH = 20, 26
GREY = np.add.outer(np.linspace(0, 0.45, HEIGHT), np.linspace(0, 0.55, WIDTH))  # from 0 to 1
COLOR = np.stack([GREY, GREY[::-1], 1 - GREY], axis=-1)
ALPHA = np.linspace(0, 1, WIDTH)[None, :, None].repeat(HEIGHT, 0)
INKS = np.concatenate([COLOR, 0 * ALPHA], axis=-1)
RAMP = np.stack([np.arange(256), 255 - np.arange(256), np.zeros(256)]).astype(np.uint16)  # a colour map

#               photometric    picture             samples of each type
KINDS = {
    "black":    ("minisblack", GREY,               "u1 u2 u4 u8 i1 i2 i4 f2 f4 f8"),
    "white":    ("miniswhite", GREY,               "u1 u2 u4 u8 i1 i2 i4 f2 f4 f8"),
    "rgb":      ("rgb",        COLOR,              "u1 u2 u4 u8 i1 i2 i4 f2 f4 f8"),
    "cmyk":     ("separated",  INKS,               "u1 u2 u4 f4"),
    "palette":  ("palette",    GREY,               "u1"),
}  # fmt: skip
ALPHAS = {
    "black":    ("minisblack", GREY[..., None],    "u1 u2 u4 f4"),
    "white":    ("miniswhite", GREY[..., None],    "u1 u2 u4 f4"),
    "rgb":      ("rgb",        COLOR,              "u1 u2 u4 f4"),
    "cmyk":     ("separated",  INKS,               "u1 u2 u4 f4"),
}  # fmt: skip
COMPRESSIONS = [(None, False), ("zlib", False), ("zlib", True), ("lzw", False), ("lzw", True), ("packbits", False),
                ("zstd", True), ("lzma", False)]  # fmt: skip


def samples_of(picture, dtype):
    """Return a picture of 0..1 as samples that fill what the type can hold."""
    kind, bits = dtype[0], int(dtype[1]) * 8
    if kind == "f":
        return picture.astype(dtype)
    whole = np.minimum(picture * 2.0**bits, np.nextafter(2.0**bits, 0)) if bits == 64 else picture * (2.0**bits - 1)
    return (np.floor(whole) - (2.0 ** (bits - 1) if kind == "i" else 0)).astype(dtype)


def encodings(samples, compressions):
    """Yield tifffile's options for each compression in both byte orders, one or more planes, and strips or tiles."""
    planes = ("contig", "separate") if samples.ndim == 3 else (None,)
    for number, (compression, order, planar) in enumerate(itertools.product(compressions, "<>", planes)):
        name, predictor = compression
        shape = {"tile": (16, 16)} if number // 3 % 2 else {"rowsperstrip": 7}  # each with every order and compression
        if not (predictor and samples.dtype.str[1:] == "u8"):  # for which tifffile has none
            yield {"compression": name, "predictor": predictor, "byteorder": order, "planarconfig": planar, **shape}


def written(samples, **options):
    data = io.BytesIO()
    order, separate = options.get("byteorder", "<"), options.get("planarconfig") == "separate"
    samples = np.moveaxis(samples, -1, 0) if separate else samples
    tifffile.imwrite(data, np.ascontiguousarray(samples, samples.dtype.newbyteorder(order)), **options)
    return data.getvalue()


def decoded(data):
    return np.asarray(decode_image(io.BytesIO(data), "a.tif")).astype(float)


def check(samples, shades, tolerance, compressions=COMPRESSIONS, **options):
    """Compare what is read of all encodings with the shades, and the samples with what tifffile reads."""
    for encoding in encodings(samples, compressions):
        data = written(samples, **options, **encoding)
        reference = tifffile.imread(io.BytesIO(data))
        assert np.array_equal(
            np.moveaxis(reference, 0, -1) if encoding["planarconfig"] == "separate" else reference, samples
        )
        assert np.abs(decoded(data) - 255 * shades.reshape(HEIGHT, WIDTH, -1)).max() <= tolerance, encoding


CASES = [(name, dtype) for name, (_, _, dtypes) in KINDS.items() for dtype in dtypes.split()]
ALPHA_CASES = [(name, dtype) for name, (_, _, dtypes) in ALPHAS.items() for dtype in dtypes.split()]


def shades_of(photometric, picture):
    if photometric == "palette":
        return RAMP.T[samples_of(picture, "u1")] / 255
    return {"miniswhite": 1 - picture, "separated": 1 - picture[..., :3]}.get(photometric, picture)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_every_kind_in_every_encoding(name, dtype):
    photometric, picture, _ = KINDS[name]
    options = {"colormap": RAMP * 257} if photometric == "palette" else {}
    check(samples_of(picture, dtype), shades_of(photometric, picture), 1.01, photometric=photometric, **options)


@pytest.mark.parametrize("meaning", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize(("name", "dtype"), ALPHA_CASES)
def test_alpha_lies_over_white(name, dtype, meaning):
    photometric, picture, _ = ALPHAS[name]
    white = 0 if photometric in ("miniswhite", "separated") else 1
    stored = picture * ALPHA if meaning == "assocalpha" else picture
    seen = picture if meaning == "unspecified" else picture * ALPHA + white * (1 - ALPHA)
    samples = samples_of(np.concatenate([stored, ALPHA], axis=-1), dtype)
    check(
        samples, shades_of(photometric, seen), 2.01, COMPRESSIONS[2:4], photometric=photometric, extrasamples=[meaning]
    )


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("fill_order", [1, 2])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 10, 12, 14])
def test_packed_bits(bits, photometric, planar, fill_order, order):
    picture = COLOR if photometric == 2 else GREY[..., None]
    samples = np.round(picture * (2**bits - 1)).astype(np.uint32)
    planes = np.split(samples, samples.shape[2], axis=2) if planar == 2 else [samples]
    data = b"".join(pack_bits(plane.reshape(HEIGHT, -1), bits) for plane in planes)
    if fill_order == 2:
        data = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)
    count = samples.shape[2]
    file = tiff(data, order, len(planes), _256=WIDTH, _257=HEIGHT, _258=[bits] * count, _262=photometric, _277=count,
                _278=HEIGHT, _284=planar, _266=fill_order)  # fmt: skip
    shades = samples / (2**bits - 1)
    assert np.abs(decoded(file) - 255 * (1 - shades if photometric == 0 else shades)).max() <= 0.51


def of_blocks(y, chroma, across, down):
    """Return the bytes of subsampled YCbCr: of each block its Y's, then Cb and Cr (TIFF 6.0, section 21)."""
    rows, columns = HEIGHT // down, WIDTH // across
    luma = y.reshape(rows, down, columns, across).swapaxes(1, 2).reshape(rows, columns, -1)
    return np.concatenate([luma, chroma], axis=-1).tobytes()


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_subsampled_ycbcr_is_what_opencv_reads(across, down):
    picture = np.asarray(Image.fromarray(np.uint8(COLOR * 255)).convert("YCbCr"))
    data = of_blocks(picture[..., 0], picture[::down, ::across, 1:], across, down)
    file = tiff(data, _256=WIDTH, _257=HEIGHT, _258=[8] * 3, _262=6, _277=3, _278=HEIGHT, _530=[across, down])
    reference = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(decoded(file) - reference).max() <= 3


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
    monkeypatch.setattr(preprocess, "_multi_frame_note", threading.Lock())
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


PLAIN = {"_256": WIDTH, "_257": HEIGHT, "_258": 16, "_262": 0, "_278": HEIGHT}
DATA = samples_of(GREY, "u2").tobytes()
CANNOT_BE_READ = [
    ({"_262": 32803}, "a colour filter array of a camera"),
    ({"_259": 34887}, "compression LERC of 16-bit integers"),
    ({"_259": 7}, "compression JPEG of 16-bit integers"),
    ({"_258": 23}, "23-bit integers"),
    ({"_277": 1, "_262": 2}, "photometric interpretation 2 of 1 samples per pixel"),
    ({"_339": 5, "_258": 64}, "complex numbers"),
    ({"_277": 3, "_258": [5, 6, 5], "_262": 2}, "samples of several kinds, of 5, 6, 5 bits"),
    ({"_317": 34892, "_259": 8}, "predictor 34892"),
    ({"_277": 65535}, "65,535 samples per pixel"),
    ({"_256": 60_000, "_257": 1600, "_278": 1600, "_259": 5}, "strips or tiles of 192,000,000 bytes in one piece"),
]  # fmt: skip
DAMAGED = [
    ({"_273": 2**31}, "a strip or tile ends early"),
    ({"_258": 32}, "a strip or tile ends early"),
    ({"_322": 60_000, "_323": 60_000, "_324": 8, "_325": 8}, "strips or tiles of 60,000 x 60,000 pixels"),
    ({"_278": 0}, "strips or tiles of 26 x 0 pixels"),
    ({"_278": 1}, "1 of its 20 strips or tiles are there"),
    ({"_256": 2, "_257": 2_000_000, "_278": 1}, "2,000,000 strips or tiles for 2 x 2,000,000 pixels"),
    ({"_279": 0}, "strip or tile 1 is empty"),
    ({"_320": [0] * 30, "_258": 4, "_262": 3}, "its colour map ends after 10 colours"),
    ({"_257": []}, "the tag 257 has no value"),
]


@pytest.mark.parametrize(("tags", "kind"), CANNOT_BE_READ)
def test_kinds_that_cannot_be_read_are_named(tags, kind):
    with pytest.raises(
        ImageError, match=f"^{re.escape(f'is a TIFF of a kind that cannot be read ({kind}); convert it')}"
    ):
        decoded(tiff(DATA, **PLAIN | tags))


@pytest.mark.parametrize(("tags", "reason"), DAMAGED)
def test_hostile_headers_are_refused(tags, reason):
    with pytest.raises(ImageError, match=f"^damaged TIFF picture: {re.escape(reason)}$"):
        decoded(tiff(DATA, **PLAIN | tags))


def test_too_many_pixels_are_refused_from_the_header():
    with pytest.raises(ImageError, match=r"^100000 x 100000 pixels are over the limit"):
        decoded(tiff(b"", **PLAIN | {"_256": 100_000, "_257": 100_000}))


def overlapping(count, bytes_each):
    """Return a TIFF with so many tags of the same bytes, which a reader of all tags would multiply."""
    entries = b"".join(struct.pack("<HHII", 40_000 + tag, 7, bytes_each, 8) for tag in range(count))
    return b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4 + bytes_each)


def test_tags_that_overlap_are_refused():
    with pytest.raises(ImageError, match=r"^damaged TIFF picture: its tags overlap$"):
        decoded(overlapping(10_000, 100_000))


ORIGINALS = [
    written(samples_of(COLOR, "f4"), photometric="rgb", compression="zlib", predictor=True, tile=(16, 16)),
    written(samples_of(COLOR, "u2"), photometric="rgb", planarconfig="separate", compression="lzw", predictor=True),
    written(samples_of(GREY, "u2"), photometric="miniswhite", byteorder=">", compression="packbits"),
    written(samples_of(np.dstack([INKS, ALPHA]), "u1"), photometric="separated", extrasamples=["unassalpha"]),
    written(samples_of(GREY, "u1"), photometric="palette", colormap=RAMP, bigtiff=True, compression="zstd"),
    written(samples_of(COLOR, "u1"), photometric="rgb", compression="webp", rowsperstrip=7),
    tiff(DATA, **PLAIN | {"_258": 12}),
]


def damaged(data, rng):
    """Flip, set or cut some bytes, most of them where the header is."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 2, 4))):
        where = rng.randrange(rng.choice((8, 300, len(data))) if len(data) > 300 else len(data))
        data[where] = rng.choice((0, 1, 0x7F, 0xFF, data[where] ^ 1 << rng.randrange(8)))
    return data[: rng.randrange(1, len(data))] if rng.random() < 0.2 else data


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged metadata
@pytest.mark.parametrize("number", range(len(ORIGINALS)))
def test_damaged_files_give_a_picture_or_a_reason(number):
    rng, read = random.Random(number), 0
    for _ in range(200):
        with contextlib.suppress(ImageError):
            image = decode_image(io.BytesIO(damaged(ORIGINALS[number], rng)), "a.tif", max_pixels=1_000_000)
            read += image.mode == "RGB"
    assert 0 < read < 200


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="this system does not tell a process's own peak")
@pytest.mark.parametrize("options", [{"compression": "zlib", "rowsperstrip": 3000}, {}, {"tile": (256, 256)}])
def test_large_floats_take_little_more_than_the_picture(tmp_path, run, options):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3000, 3000, 3), "f4"), photometric="rgb", **options)  # 103 MiB
    message, mib = run("tests/peak.py", tmp_path / "a.tif", PYTHONPATH=str(ROOT)).stdout.splitlines()
    assert message == "(3000, 3000)"
    assert float(mib) < 8 * 9e6 / 2**20 + 10


def test_rows_of_the_command_line(tmp_path, classify):
    (tmp_path / "a.tif").write_bytes(ORIGINALS[0])
    (tmp_path / "b.tif").write_bytes(tiff(DATA, **PLAIN | {"_259": 34887}))
    finished = classify("-i", tmp_path, "--format", "csv", "--top-k", 1)
    assert finished.returncode == 1
    assert "b.tif: is a TIFF of a kind that cannot be read (compression LERC of 16-bit integers)" in finished.stderr
    assert finished.stderr.splitlines()[-1].startswith("1 classified, 1 failed")


def test_premultiplied_grey_of_a_pil_image_lies_over_white():
    picture = Image.fromarray(samples_of(np.dstack([GREY, ALPHA[..., 0]]), "u1"))
    difference = np.asarray(convert_image(picture.convert("La"))).astype(int) - np.asarray(convert_image(picture))
    assert np.abs(difference).max() <= 1
