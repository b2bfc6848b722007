"""Run a piece of a test without root's power to read and write everything."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Drop root's rights for a while; other users keep theirs. Use relative paths, tmp_path is root's alone."""
    Image.init()  # Pillow imports its plugins late, maybe from where nobody cannot read
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
