"""What --force may overwrite: text that is there, and figures of this suite, but no picture, whatever its name."""

import contextlib
import os
import re

from errors import UsageError
from files import APP_NAME

LOOKED_AT = 1024  # bytes
OURS = (b"path,model,", b'{"path"')  # how files of rows begin, whatever characters their paths have
# Control characters, which all binary formats have near their beginning. Zeros do not count: damaged rows have some.
NO_TEXT = bytes({*range(1, 32)} - {*b"\t\n\r\f\x1b"})
PICTURES_OF_TEXT = rb"\s*P[1-7Ff]\s+[\d#W-]|(?s:.*)<svg"  # NetPBM and SVG


def check_is_no_picture(option: str, path: str, is_figure: bool = False) -> None:
    """Raise UsageError when there is a picture, or other data than text, at `path`; links are followed.

    A figure (`is_figure`) may take the place of text, and of a figure that the suite has drawn.
    """
    head = _read_head(path)
    if not (_is_text(head) or (is_figure and APP_NAME.encode() in head)):
        raise UsageError(f"{option} {path} is a picture, or other data than text, and stays; give another file")


def _read_head(path: str) -> bytes:
    if os.path.isfile(path):
        with contextlib.suppress(OSError), open(path, "rb") as file:  # what is wrong is said when it is written
            return file.read(LOOKED_AT)
    return b""


def _is_text(head: bytes) -> bool:
    if head.startswith(OURS):
        return True
    return head.translate(None, NO_TEXT) == head and not re.match(PICTURES_OF_TEXT, head, re.IGNORECASE)
