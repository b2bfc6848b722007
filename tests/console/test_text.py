"""Sizes as people read them."""

import pytest

from console.text import bytes_as_text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"), (999, "999 bytes"), (1_000, "1 kB"), (2_345_678, "2.35 MB"), (345_678_000, "346 MB"),
        (999_499, "999 kB"), (999_600, "1 MB"), (10**9, "1 GB"), (12_345 * 10**9, "12,345 GB"),
    ],
)  # fmt: skip
def test_bytes_as_people_read_them(count, text):
    assert bytes_as_text(count) == text
