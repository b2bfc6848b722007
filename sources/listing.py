"""What is directly in a folder of labelled pictures."""

import os
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from decoding.formats import IMAGE_SUFFIXES, archive_of
from errors import UsageError
from sources.paths import extension_of
from sources.search import NO_MEDIA, Search, is_system_folder

MOST_NAMED = 5  # folders, in a message


class Contents(NamedTuple):
    """What is directly in a folder, without what is hidden or left out."""

    folders: list[str]  # names, sorted
    picture: str  # the first one's name, or ""
    pictures: int  # how many there are
    quiet: list[str]  # names of folders that ask not to be searched

    @property
    def counted(self) -> str:
        """How many pictures there are, in words."""
        return f"{self.pictures:,} picture{'s' if self.pictures > 1 else ''}"


def list_folder(folder: str, root: str, search: Search) -> Contents:
    """List a folder in `root`, which is what the user named; raises UsageError when that cannot be done."""
    if archive_of(folder):
        return _list_in_archive(folder, search)
    folders: list[str] = []
    quiet: list[str] = []
    picture, pictures = "", 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name, is_folder = entry.name, entry.is_dir()
                if not _counts(entry, is_folder, root, search):
                    continue
                if is_folder:
                    (quiet if asks_for_quiet(entry.path, search) else folders).append(name)
                elif name.lower().endswith(IMAGE_SUFFIXES):
                    picture, pictures = min(picture or name, name), pictures + 1
    except OSError as error:
        raise UsageError(_why_unlisted(folder, error)) from error
    return Contents(sorted(folders), picture, pictures, sorted(quiet))


def _list_in_archive(folder: str, search: Search) -> Contents:
    from sources.archive_folders import list_files

    start = len(os.path.join(folder, ""))
    pictures, others = ([path[start:] for path in paths] for paths in list_files(folder, search))
    folders = {path.partition("/")[0] for path in (*pictures, *others) if "/" in path}
    names = [path for path in pictures if "/" not in path]
    return Contents(sorted(folders), min(names, default=""), len(names), [])


def _counts(entry: os.DirEntry, is_folder: bool, root: str, search: Search) -> bool:
    if entry.name.startswith(".") or (is_folder and is_system_folder(entry.name)):
        return False
    return not (search.exclude and search.leaves_out(entry.path, is_folder, root))


def asks_for_quiet(folder: str, search: Search) -> bool:
    """Return whether a folder holds a .nomedia file, and that counts."""
    return not search.no_ignore and os.path.lexists(os.path.join(folder, NO_MEDIA))


def _why_unlisted(folder: str, error: OSError) -> str:
    if isinstance(error, NotADirectoryError):
        return (
            f"the data {folder} is a file, not a folder; give the folder or the archive that holds the pictures, "
            "or list them with --labels-csv FILE"
        )
    return f"cannot list the data folder {folder}: {error.strerror}; it holds one folder of pictures for each class"


def count_by_extension(paths: Iterable[str]) -> str:
    """Return how many files there are of each extension, for a message: the commonest first, "" for no file."""
    return join_names(name_counts(Counter(map(extension_of, paths))))


def name_counts(counts: Counter[str]) -> list[str]:
    """Return counts for a message, the commonest first, such as "12 .mov"."""
    named = counts.most_common(MOST_NAMED if len(counts) <= MOST_NAMED else MOST_NAMED - 1)
    rest = counts.total() - sum(count for _extension, count in named)
    return [f"{count:,} {extension}" for extension, count in named] + [f"{rest:,} others"] * bool(rest)


def join_names(names: Iterable[str]) -> str:
    """Return names for a message: all of a few, some of many."""
    names = list(names)
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} others"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
