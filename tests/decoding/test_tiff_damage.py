"""TIFFs that are damaged, hostile, or of a kind that nothing here reads: each gives a reason."""

import contextlib
import io
import os
import random
import re
import struct

import numpy as np
import pytest
import tifffile
from conftest import ROOT
from tiff_writer import ALPHA, COLOR, GREY, HEIGHT, INKS, RAMP, WIDTH, decoded, samples_of, tiff, written

from errors import ImageError
from preprocess import decode_image

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
    ({"_259": 50001, "_258": 8, "_262": 1}, "a strip or tile is no WEBP picture"),
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


def test_jpeg_with_alpha_of_its_own_kind_is_named():
    file = tiff(DATA, **PLAIN | {"_259": 7, "_258": [8] * 3, "_277": 3, "_338": [0, 0]})
    with pytest.raises(ImageError, match=r"^is a TIFF of a kind that cannot be read"):
        decoded(file)
