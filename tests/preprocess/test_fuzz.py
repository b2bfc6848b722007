"""Damaged files of every common format: each gives a picture or a reason, never anything else."""

import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
from conftest import IMAGES, ROOT
from PIL import Image

from sources.frames import read_frame
from transforms import Transform

TRANSFORM = Transform(32, interpolation="bicubic", max_pixels=1_000_000)
QUICK, LONG = 250, 5000  # mutations of each format
SMALL, LARGE = 300, 1200  # files in a folder
EDGE_VALUES = (0, 1, 0x7F, 0x80, 0xFF)
VARIANTS = {
    "JPEG": [("RGB", {"exif": True}), ("RGB", {"progressive": True}), ("L", {}), ("CMYK", {})],
    "PNG": [("RGB", {"exif": True}), ("RGBA", {}), ("P", {"transparency": 3}), ("I;16", {}), ("RGB", {"frames": True})],
    "GIF": [("RGB", {}), ("RGB", {"frames": True, "disposal": 2})],
    "WEBP": [("RGB", {"exif": True}), ("RGBA", {"lossless": True}), ("RGB", {"frames": True})],
    "BMP": [("RGB", {}), ("P", {}), ("1", {})],
    "TIFF": [("RGB", {"compression": name}) for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")]
    + [("1", {"compression": "group4"}), ("F", {}), ("I;16", {}), ("RGB", {"frames": True})],
}  # fmt: skip


def originals(format):
    """Encode a small photograph in every variant of a format."""
    photo = Image.open(IMAGES / "rocket.jpg").resize((80, 60))
    exif = Image.Exif()
    exif[0x112] = 6  # turned
    for mode, options in VARIANTS[format]:
        options, data = dict(options), io.BytesIO()
        if options.pop("frames", False):
            options |= {"save_all": True, "append_images": [photo.rotate(90), photo.rotate(180)]}
        if options.pop("exif", False):
            options["exif"] = exif
        photo.convert(mode).save(data, format, **options)
        yield data.getvalue()


def flip(data, others, rng):
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_extreme(data, others, rng):
    data[rng.randrange(len(data))] = rng.choice(EDGE_VALUES)


def set_extreme_in_header(data, others, rng):
    data[rng.randrange(min(len(data), 200))] = rng.choice(EDGE_VALUES)


def truncate(data, others, rng):
    del data[rng.randrange(1, len(data) + 1) :]


def zero(data, others, rng):
    start = rng.randrange(len(data))
    end = min(start + rng.randrange(1, 64), len(data))
    data[start:end] = bytes(end - start)


def splice(data, others, rng):
    other, start = rng.choice(others), rng.randrange(len(data))
    cut = rng.randrange(len(other))
    data[start:start] = other[cut : cut + rng.randrange(1, 128)]


MUTATIONS = (flip, set_extreme, set_extreme_in_header, truncate, zero, splice)


def mutated(format, count, seed=""):
    """Yield damaged files, the same ones for the same arguments."""
    rng = random.Random(f"{format} {count}{seed}")
    pictures = list(originals(format))
    for _ in range(count):
        data = bytearray(rng.choice(pictures))
        for _ in range(rng.choice((1, 1, 2, 5))):
            rng.choice(MUTATIONS)(data, pictures, rng)
        yield data


def check_mutations(format, count, path):
    readable = 0
    for number, data in enumerate(mutated(format, count)):
        path.write_bytes(data)
        frame = read_frame(str(path), TRANSFORM)
        readable += not frame.error
        if frame.error:
            assert frame.square is None
            assert frame.error.strip(), number
            assert frame.error.isprintable(), number
        else:
            assert frame.square.shape == (32, 32, 3), number
            assert frame.square.dtype == np.uint8, number
    assert 0 < readable < count  # or the mutations are too harsh or too tame to test anything


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged metadata
@pytest.mark.parametrize(
    "count", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)], ids=["quick", "long"]
)  # fmt: skip
@pytest.mark.parametrize("format", VARIANTS)
def test_damaged_files_give_a_picture_or_a_reason(format, count, tmp_path):
    check_mutations(format, count, tmp_path / "damaged")


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """Two folders of damaged files of all formats, a small one and a large one."""
    folders = {}
    for size in (SMALL, LARGE):
        folders[size] = tmp_path_factory.mktemp(f"damaged{size}")
        for format in VARIANTS:
            for number, data in enumerate(mutated(format, size // len(VARIANTS), "folder")):
                folders[size].joinpath(f"{number % 7}-{number}-{format.lower()}.jpg").write_bytes(data)
    return folders


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def check_rows(rows, folder):
    assert [row["path"] for row in rows] == sorted(map(str, folder.iterdir()))
    assert all(bool(row["error"]) != bool(row["labels"]) for row in rows)
    assert 0 < sum(bool(row["error"]) for row in rows) < len(rows)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell a process's own peak")
def test_folders_of_damaged_files_give_a_row_each_in_constant_memory(damaged, tmp_path, run):
    mib = {}
    for size, folder in damaged.items():
        finished = run("tests/stream_folder.py", folder, tmp_path / f"{size}.jsonl", PYTHONPATH=str(ROOT))
        assert finished.returncode == 0, finished.stderr
        check_rows(rows_of((tmp_path / f"{size}.jsonl").read_text()), folder)
        mib[size] = float(finished.stdout)
    assert mib[LARGE] < mib[SMALL] + 20  # the pictures alone would be 70


def test_folder_of_damaged_files_through_the_command_line(damaged, classify):
    finished = classify("-i", damaged[SMALL], "--format", "jsonl", "--max-pixels", 1_000_000)
    rows = rows_of(finished.stdout)
    check_rows(rows, damaged[SMALL])
    assert finished.returncode == 1
    failed = [row for row in rows if row["error"]]
    lines = [line for line in finished.stderr.splitlines() if "has several frames" not in line]
    assert lines[:-1] == [f"error: {row['path']}: {row['error']}" for row in failed]
    assert lines[-1].startswith(f"{len(rows) - len(failed)} classified, {len(failed)} failed: ")
