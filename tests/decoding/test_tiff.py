"""Every kind of TIFF: bits x byte order x planes x strips or tiles x compression x predictor, against tifffile."""

import io
import itertools

import numpy as np
import pytest
import tifffile
from tiff_writer import ALPHA, COLOR, GREY, HEIGHT, INKS, RAMP, WIDTH, decoded, pack_bits, samples_of, tiff, written

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


def encodings(samples, compressions):
    """Yield tifffile's options for each compression in both byte orders, one or more planes, and strips or tiles."""
    planes = ("contig", "separate") if samples.ndim == 3 else (None,)
    for number, (compression, order, planar) in enumerate(itertools.product(compressions, "<>", planes)):
        name, predictor = compression
        shape = {"tile": (16, 16)} if number // 3 % 2 else {"rowsperstrip": 7}  # each with every order and compression
        if not (predictor and samples.dtype.str[1:] == "u8"):  # for which tifffile has none
            yield {"compression": name, "predictor": predictor, "byteorder": order, "planarconfig": planar, **shape}


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
