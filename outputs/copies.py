"""What writing pictures has in common: where they may go, and that each is written whole or not at all."""

import errno
import functools
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from errors import ImageError, UsageError

HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # that no other picture will fare better with


def make_copies_folder(option: str, folder: str, inputs: Sequence[str]) -> Path:
    """Make the folder for copies of pictures, which may be in a folder that is searched, but not around an input.

    Raises UsageError when it holds an input, or cannot be written to.
    """
    for path in inputs:
        if os.path.exists(path) and _resolve(path).is_relative_to(_resolve(folder)):
            raise UsageError(f"{option} {folder} holds the input {path}; give a folder of its own")
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UsageError(f"cannot write to {option} {folder}: {error.strerror}") from error
    return Path(folder)


def save(target: Path, source: str, make: Callable[[Path], object]) -> None:
    """Have `make` write a file beside `target`, and move it there, so that no link is followed.

    Raises ImageError when that fails for this picture, and UsageError when it would for all.
    """
    unfinished = target.with_name(f".unfinished-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if _is_same_place(target, source):
            raise ImageError(f"{target} is the picture itself")
        unfinished.unlink(missing_ok=True)  # of a process of the same number that was killed
        try:
            make(unfinished)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        kind = UsageError if error.errno in HOPELESS else ImageError
        raise kind(f"cannot save {target}: {error.strerror}") from error


def _is_same_place(first: str | Path, second: str | Path) -> bool:
    """Return whether two paths are the same entry of the same folder; links in it count as themselves."""
    places = [_resolve(os.path.dirname(path)) / os.path.basename(path) for path in (first, second)]
    return places[0] == places[1]


def _resolve(folder: str) -> Path:
    return _real_path(os.path.abspath(folder))


@functools.lru_cache(maxsize=1024)
def _real_path(folder: str) -> Path:
    return Path(os.path.realpath(folder))
