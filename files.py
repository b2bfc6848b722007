"""Files that are written whole or not at all, texts in UTF-8 or UTF-16, hashes, and where caches are kept."""

import codecs
import contextlib
import hashlib
import importlib.util
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

APP_NAME = "image-classifier-scripts"  # of the folder for caches, and in figures
UNFINISHED = ".unfinished-"  # how the names begin of what is not to be used yet


@contextlib.contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Give a path beside `path` for a file or folder that is only used inside, and is gone at the end.

    It always has the same name, so that what a killed process left there is removed by the next one.
    """
    unfinished = path.with_name(UNFINISHED + path.name)
    _remove(unfinished)
    try:
        yield unfinished
    finally:
        _remove(unfinished)


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write a file or folder to, which takes the place of `path` at the end; an error leaves no trace.

    A folder takes the place of none or of an empty one only.
    """
    with scratch(path) as unfinished:
        yield unfinished
        unfinished.replace(path)


def write_whole(path: Path, content: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with written_whole(path) as unfinished:
        unfinished.write_text(content, encoding="utf-8", newline="\n")


def encoding_of(start: bytes) -> str:
    """Return the encoding of a text from its first four bytes: UTF-16 by its mark or its zeros, or else UTF-8."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = start[0:4:2], start[1:4:2]
    if odd == b"\0\0" and b"\0" not in even:
        return "utf-16-le"
    return "utf-16-be" if even == b"\0\0" and b"\0" not in odd else "utf-8-sig"


def open_text(path: str | os.PathLike[str], errors: str = "strict", newline: str | None = None) -> TextIO:
    """Open a text of the user's, in UTF-8 or as Windows writes it: with a byte-order mark, or in UTF-16."""
    file = open(path, "rb")  # noqa: SIM115  closed with the text
    return io.TextIOWrapper(file, encoding_of(file.peek(4)), errors, newline)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's content in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_of_code(modules: Sequence[str]) -> str:
    """Return a hash of the source of modules, without importing them; raises ModuleNotFoundError for one that moved."""
    digest = hashlib.sha256()
    for name in modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no module {name}: what is kept in the cache is named by its code")
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()


def cache_folder(named: str | os.PathLike[str] | None, is_used: bool = True) -> Path | None:
    """Return where to keep what can be computed again: the folder named, else the platform's; None: nowhere.

    A user without a home, or with one that is no folder, has no place for caches either.
    """
    if not is_used:
        return None
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    try:
        path = user_cache_path(APP_NAME, appauthor=False)
    except RuntimeError:  # nobody's process: no home to keep anything in
        return None
    nearest = next(folder for folder in (path, *path.parents) if os.path.exists(folder))
    return path if nearest.is_dir() else None
