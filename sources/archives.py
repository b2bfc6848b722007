"""Which files in an archive are pictures: found as in folders, named as photos.zip/holiday/a.jpg, never unpacked."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol, TypeVar

from decoding.archives import Entry, Member, list_archive, open_member
from decoding.formats import IMAGE_SUFFIXES, split_member
from errors import ImageError
from preprocess import open_file
from sources.paths import extension_of
from sources.pictures import Given
from sources.search import NO_MEDIA, SYSTEM_FILES, Search, is_system_folder


def find_members(path: str, search: Search = Search(), left_out: Counter[str] | None = None) -> Iterator[Given]:
    """Yield the pictures in an archive, in its order; or one, which is named with it, as photos.zip/holiday/a.jpg.

    They are read when they are wanted, but for those of a compressed tar, which are read in their turn. What is left
    out of folders is left out of archives, too; other files are counted in `left_out`, by extension. What is
    wrong with the archive, and one without pictures, is reported in its place, after what could be read.
    """
    if search.leaves_out_named(path):
        return
    if split_member(path)[1]:
        yield Given(path, _Named(path, search.max_bytes))
        return
    chosen = Chosen(path, search, partial(count_other, Counter() if left_out is None else left_out))
    try:
        open_file(path).close()  # says what is wrong where it cannot be opened
        for entry in chosen.pick(list_archive(path, search.max_bytes)):
            yield Given(f"{path}/{entry.path}", in_its_turn(entry))
        if not chosen.pictures:
            yield Given(path, ImageError(chosen.why_none()))
    except ImageError as error:
        yield Given(path, error)


def count_other(left_out: Counter[str], entry: "Found") -> None:
    """Count what is no picture, by its extension."""
    left_out["as links" if entry.is_link else extension_of(entry.path)] += 1


class _Named:
    """A member that is read by its name."""

    def __init__(self, path: str, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes

    def read(self) -> bytes:
        with open_member(self._path, self._max_bytes) as file:
            return file.read()


def in_its_turn(entry: Entry) -> Member | bytes | ImageError:
    """Return a member as it is; of one that is best read in its turn, the content, or what is wrong with it."""
    if not entry.member.is_in_stream:
        return entry.member
    try:
        return entry.member.read()
    except ImageError as error:
        return error


class Found(Protocol):
    """What is in an archive, or in an object store."""

    @property
    def path(self) -> str:
        """Where it is there."""

    @property
    def is_link(self) -> bool:
        """Whether it stands for another one."""


Entries = TypeVar("Entries", bound=Found)


class Chosen:
    """The pictures among the members of an archive, or in a store; `on_other` is told what else is there."""

    def __init__(self, archive: str, search: Search, on_other: Callable[[Found], None]) -> None:
        self._archive, self._search, self._on_other = archive, search, on_other
        self._quiet: set[str] = set()  # folders with a .nomedia file, as far as it came before their pictures
        self._excluded = 0
        self.pictures = 0

    def pick(self, entries: Iterator[Entries]) -> Iterator[Entries]:
        """Yield the pictures."""
        for entry in entries:
            folder, _slash, name = entry.path.rpartition("/")
            if name == NO_MEDIA:
                self._quiet.add(folder)
            is_picture = name.lower().endswith(IMAGE_SUFFIXES) and not entry.is_link
            if self._leaves_out(entry.path):
                self._excluded += is_picture
            elif is_picture:
                self.pictures += 1
                yield entry
            elif name.lower() not in SYSTEM_FILES:
                self._on_other(entry)

    def why_none(self, what: str = "archive") -> str:
        """Return why there was no picture."""
        if self._excluded:
            return f"all pictures in the {what} are left out: by --exclude, by a .nomedia file, or as hidden files"
        return f"the {what} holds no pictures ({', '.join(IMAGE_SUFFIXES[:3])} ...)"

    def _leaves_out(self, path: str) -> bool:
        *folders, name = path.split("/")
        if any(part.startswith(".") for part in (*folders, name)):
            return True
        if not self._search.no_ignore and (any(map(is_system_folder, folders)) or self._is_quiet(folders)):
            return True
        paths = [os.path.join(self._archive, *folders[:depth]) for depth in range(1, len(folders) + 1)]
        is_excluded = self._search.leaves_out
        return is_excluded(os.path.join(self._archive, path), False, self._archive) or any(
            is_excluded(folder, True, self._archive) for folder in paths
        )

    def _is_quiet(self, folders: list[str]) -> bool:
        return bool(self._quiet) and any("/".join(folders[:depth]) in self._quiet for depth in range(len(folders) + 1))
