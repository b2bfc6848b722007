"""Keep what C++ libraries write to stderr as they start off the terminal."""

import contextlib
import logging
import os
from collections.abc import Iterator

logger = logging.getLogger("suite")


@contextlib.contextmanager
def hidden_native_noise() -> Iterator[None]:
    """Send stderr nowhere, except with --debug. What Python raises is not touched."""
    if logger.isEnabledFor(logging.DEBUG):
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
