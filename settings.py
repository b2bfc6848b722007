"""What the options are when nobody sets them, and what they may be. Plain data, so that --help stays instant."""

import os
from collections.abc import Collection
from numbers import Integral, Real

from errors import UsageError

VERSION = "0.1.0"  # of the suite
MODEL = "efficientnet_lite0"  # its weights come with requirements.txt
TOP_K = 5
BATCH_SIZE = 32
READ_AHEAD = 2 * BATCH_SIZE  # pictures decoded while a batch is computed
WORKERS = min(4, os.cpu_count() or 1)  # threads that decode
MAX_PIXELS = 178_956_970  # where Pillow itself sees a decompression bomb; 716 MB of RGB, of 4 bytes each
EVERY = "1s"  # between the frames of a video that are looked at; of a camera, it is as often as answers come
TIMEOUT = 20.0  # seconds that a server may take, all in all, for one picture, or a camera
MAX_BYTES = 2**28  # of a download, or of a picture in an archive
RESIZE_MODES = ("crop", "stretch", "pad")
INTERPOLATIONS = ("bilinear", "bicubic")
EXPLAIN_METHODS = ("auto", "cam", "grad-cam", "occlusion")
PRECISIONS = ("float32", "bfloat16", "float16")
SIMILAR = 12  # pictures that are found for a query
SEARCHES = ("auto", "exact", "approximate")
LEVELS = ("same-content", "same-picture", "very-similar")  # of duplicates, from the strictest
LAYOUTS = ("auto", "pca", "tsne", "umap")
FIGURE_PICTURES = {".png": 30, ".svg": 30, ".html": 300}  # at most; a figure of more could not be opened, or read


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Raise UsageError unless an option has one of the values that it may have."""
    if value not in choices:
        raise UsageError(f"{name} {value!r} is not one of {', '.join(choices)}")


def check_count(name: str, value: object) -> None:
    """Raise UsageError unless an option is a whole number from 1."""
    if not isinstance(value, Integral) or value < 1:
        raise UsageError(f"{name} {value!r} is not a whole number from 1")


def check_share(name: str, value: object) -> None:
    """Raise UsageError unless an option is a number from 0 to 1."""
    if not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise UsageError(f"{name} {value!r} is not a number from 0 to 1")
