"""Pictures that claim to be huge are refused before they take memory, measured in processes of their own."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT
from PIL import Image
from test_preprocess import encoded, png

from decoding import limits, opening
from decoding.memory import FREE, ROOM, room_for
from errors import ImageError
from preprocess import read_image
from settings import MAX_PIXELS


@pytest.fixture
def file(tmp_path):
    """Write bytes to a file and return its path."""

    def write(data, name="picture"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


@pytest.fixture
def added_memory(run):
    """Read a picture in a process of its own; return what it gives and the MiB that this took at its peak."""
    if not os.path.exists("/proc/self/status"):
        pytest.skip("this system does not tell a process's own peak")

    def measure(*paths):
        finished = run("tests/peak.py", *paths, PYTHONPATH=str(ROOT))
        *messages, mib = finished.stdout.splitlines()
        return messages, float(mib)

    return measure


HUGE_GIF = (
    b"GIF89a\x08\0\x08\0\x80\0\0" + bytes(6) + b"!\xf9\x04\x09\0\0\0\0," + bytes(4) + 2 * b"\x30\x75" + b"\0\x02\0;"
)


@pytest.mark.parametrize(
    "data", [png(200_000, 200_000, 8, 2, [b""]), b"P6 99999 99999 255\n", HUGE_GIF], ids=["png", "ppm", "gif"]
)
def test_bombs_are_refused_before_they_take_memory(file, data, added_memory):
    (message,), mib = added_memory(file(data))
    assert message.endswith("the limit of 178,956,970; raise it with --max-pixels")
    assert mib < 20


def test_memory_of_a_picture_is_measured(file, added_memory):
    messages, mib = added_memory(file(encoded(Image.new("RGB", (5000, 5000)), "PNG", compress_level=1)))
    assert messages == ["(5000, 5000)"]
    assert 70 < mib < 200


TURNED = Image.Exif()
TURNED[0x0112] = 6
LARGE = {  # as (mode, format, options), MiB of the decoded picture alone
    "alpha": (("RGBA", "PNG", {"compress_level": 1}), 95),
    "turned": (("RGB", "PNG", {"compress_level": 1, "exif": TURNED}), 95),
    "16 bits": (("I;16", "PNG", {"compress_level": 1}), 48),
    "palette": (("P", "GIF", {"transparency": 0}), 24),
    "float": (("F", "TIFF", {}), 24),
    "turned TIFF": (("RGB", "TIFF", {"compression": "tiff_lzw", "exif": TURNED}), 95),
    "one strip": (("RGB", "TIFF", {"compression": "tiff_adobe_deflate", "tiffinfo": {278: 5000}}), 95),
}


@pytest.mark.parametrize("kind", LARGE)
def test_on_the_way_to_the_square_a_large_picture_is_in_memory_once(kind, file, added_memory):
    (mode, format, options), mib = LARGE[kind]
    path = file(encoded(Image.new(mode, (5000, 5000)), format, **options))
    small = file(encoded(Image.new("RGB", (8, 8)), "PNG"), "small")
    messages, added = added_memory(path, small)
    assert messages == 2 * ["(224, 224, 3)"]
    assert mib < added < mib + 45


def test_large_pictures_on_several_threads_share_the_memory_of_one_at_the_limit(file, added_memory):
    path = file(encoded(Image.new("RGB", (11_000, 11_000)), "PNG", compress_level=1))
    messages, added = added_memory(path, path)
    assert messages == 2 * ["(224, 224, 3)"]
    assert added < 4 * MAX_PIXELS / 2**20 + 40


@pytest.mark.parametrize("format", ["WEBP", "AVIF", "JPEG2000"])
def test_formats_that_take_more_memory_have_a_lower_limit(format, file, monkeypatch):
    path = file(encoded(Image.new("RGB", (100, 100)), format))
    monkeypatch.setattr(opening, "MAX_PIXELS", 20_000)
    monkeypatch.setattr(limits, "MAX_PIXELS", 20_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)  # which is set when a picture is read
    with pytest.raises(ImageError, match=rf"^100 x 100 pixels .* {format} take the memory of [\d,]+ others"):
        read_image(path, 10_000)
    assert read_image(path, 100_000).size == (100, 100)


def test_room_is_for_one_large_picture_and_for_small_ones_beside_it():
    entered = []
    with ThreadPoolExecutor(1) as threads, room_for(ROOM):
        waiting = threads.submit(take_room, ROOM // 2, entered)
        take_room(FREE, entered)
        assert entered == [FREE]
        assert not waiting.done()
    assert waiting.result() == [FREE, ROOM // 2]


def take_room(size, entered):
    with room_for(size):
        entered.append(size)
    return entered
