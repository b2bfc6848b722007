"""Pictures that claim to be huge are refused before they take memory, measured in processes of their own."""

import os

import pytest
from conftest import ROOT
from PIL import Image
from test_preprocess import encoded, png


@pytest.fixture
def file(tmp_path):
    """Write bytes to a file and return its path."""

    def write(data):
        (tmp_path / "picture").write_bytes(data)
        return tmp_path / "picture"

    return write


@pytest.fixture
def added_memory(run):
    """Read a picture in a process of its own; return what it gives and the MiB that this took at its peak."""
    if not os.path.exists("/proc/self/status"):
        pytest.skip("this system does not tell a process's own peak")

    def measure(path):
        finished = run("tests/peak.py", path, PYTHONPATH=str(ROOT))
        message, mib = finished.stdout.splitlines()
        return message, float(mib)

    return measure


HUGE_GIF = (
    b"GIF89a\x08\0\x08\0\x80\0\0" + bytes(6) + b"!\xf9\x04\x09\0\0\0\0," + bytes(4) + 2 * b"\x30\x75" + b"\0\x02\0;"
)


@pytest.mark.parametrize(
    "data", [png(200_000, 200_000, 8, 2, [b""]), b"P6 99999 99999 255\n", HUGE_GIF], ids=["png", "ppm", "gif"]
)
def test_bombs_are_refused_before_they_take_memory(file, data, added_memory):
    message, mib = added_memory(file(data))
    assert message.endswith("the limit of 178,956,970; raise it with --max-pixels")
    assert mib < 20


def test_memory_of_a_picture_is_measured(file, added_memory):
    message, mib = added_memory(file(encoded(Image.new("RGB", (5000, 5000)), "PNG", compress_level=1)))
    assert message == "(5000, 5000)"
    assert 70 < mib < 200
