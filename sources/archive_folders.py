"""Folders in archives, listed as those on the disk are, and labels that lie beside pictures, as in WebDataset."""

import hashlib
import os
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from decoding.archives import list_archive, open_member
from decoding.formats import archive_of
from errors import ImageError, UsageError
from sources.archives import Chosen
from sources.search import Search

LONGEST_LABEL = 1000  # bytes
LABEL_SUFFIX = ".cls"  # of WebDataset's files that hold the class of the picture of the same name


class Files(NamedTuple):
    """What is in a folder and below it, as sorted paths."""

    pictures: list[str]
    others: list[str]


def list_files(folder: str, search: Search) -> Files:
    """Return the files of a folder in an archive; raises UsageError for an archive that cannot be read throughout."""
    archive = archive_of(folder)
    status = os.stat(archive)
    pictures, others = _list(archive, search, status.st_size, status.st_mtime_ns)
    return Files(_below(folder, pictures), _below(folder, others))


def labels_beside(folder: str, search: Search) -> Iterator[tuple[str, str]]:
    """Yield the path of each picture with a label beside it, and what that says, as it stands there."""
    pictures, others = list_files(folder, search)
    beside = {path.removesuffix(LABEL_SUFFIX): path for path in others if path.endswith(LABEL_SUFFIX)}
    for path in pictures:
        if label := beside.get(os.path.splitext(path)[0]):
            try:
                with open_member(label) as file:
                    yield path, file.read(LONGEST_LABEL).decode(errors="replace").strip()
            except ImageError as error:
                raise UsageError(f"cannot read the label {label}: {error}") from error


def digest_in_archive(path: str) -> str:
    """Return the SHA-256 of a file in an archive; raises ImageError where it cannot be read."""
    with open_member(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


@lru_cache(maxsize=4)
def _list(archive: str, search: Search, _size: int, _changed: int) -> Files:
    others: list[str] = []
    chosen = Chosen(archive, search, lambda entry: others.append(f"{archive}/{entry.path}"))
    try:
        pictures = []
        for entry in chosen.pick(list_archive(archive)):
            if entry.member.is_in_stream:
                raise UsageError(
                    f"the data {archive} is compressed as a whole, so that its pictures cannot be read one by one; "
                    "unpack it, or pack it anew as .zip or .tar"
                )
            pictures.append(f"{archive}/{entry.path}")
    except ImageError as error:
        raise UsageError(f"cannot list the data {archive}: {error}") from error
    return Files(sorted(set(pictures)), sorted(set(others)))


def _below(folder: str, paths: list[str]) -> list[str]:
    start = folder.rstrip("/")
    return paths[bisect_left(paths, f"{start}/") : bisect_left(paths, f"{start}0")]  # "0" is what follows "/"
