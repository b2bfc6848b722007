"""How what is named is searched: what is left out of folders, and how much is taken of videos and downloads."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePath
from typing import NamedTuple

from errors import ImageError, UsageError
from labels.classes import nfc
from settings import MAX_BYTES, TIMEOUT, check_count
from sources.sampling import parse_sampling

NO_MEDIA = ".nomedia"  # a file that asks programs not to look for pictures in its folder, as on Android
SYSTEM_FOLDERS = {  # thumbnails, copies and rubbish that systems keep beside pictures
    "__macosx",                                   # macOS, in archives
    "@eadir", "#recycle", "#snapshot",            # Synology
    "@recycle", "@recently-snapshot",             # QNAP
    "$recycle.bin", "system volume information",  # Windows
    "lost+found",                                 # Linux
    ".ipynb_checkpoints",                         # Jupyter
}  # fmt: skip
SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "picasa.ini", "icon\r"}  # of Windows, Picasa, macOS
ANY_FOLDERS = "**"


@dataclass(frozen=True)
class Search:
    """How what is named is searched."""

    exclude: tuple[str, ...] = ()  # patterns of names and paths, as in .gitignore
    folders: tuple[str, ...] = ()  # that copies go to
    no_ignore: bool = False  # look into folders with a .nomedia file and into SYSTEM_FOLDERS, too
    video: bool = False  # take the videos in folders, too
    every: str | int | None = None  # which frames of a video: "1s" (as None), 30 (frames) or "scene"; of a camera, all
    timeout: float = TIMEOUT  # seconds that a server or a camera may take
    max_bytes: int = MAX_BYTES  # of a download, or of a picture in an archive

    def __post_init__(self) -> None:
        parse_sampling(self.every)
        if not self.timeout > 0:
            raise UsageError(f"timeout {self.timeout!r} is not a number of seconds above 0")
        check_count("max_bytes", self.max_bytes)
        given: object = self.exclude
        if isinstance(given, str):
            raise UsageError(f"exclude is {self.exclude!r}; give a tuple of patterns")
        for pattern in self.exclude:
            if not PurePath(pattern).parts or not pattern.strip("/"):
                raise UsageError(f"{pattern!r} excludes nothing; give a name or a path, such as '*.gif' or raw/")

    def leaves_out(self, path: str, is_folder: bool, root: str = "") -> bool:
        """Return whether a pattern names this file or folder, which was found below `root`."""
        return any(pattern.matches(path, is_folder, root) for pattern in _compile(self.exclude))

    def leaves_out_named(self, path: str) -> bool:
        """Return whether a pattern names this file, or a folder in its path."""
        if not self.exclude:
            return False
        parts = PurePath(path).parts
        return any(
            parts[end - 1] not in (os.pardir, PurePath(path).anchor)
            and self.leaves_out(os.path.join(*parts[:end]), end < len(parts))
            for end in range(1, len(parts) + 1)
        )


def check_size(size: int, max_bytes: int) -> None:
    """Raise ImageError for a picture of too many bytes."""
    if size > max_bytes:
        raise ImageError(f"is larger than {max_bytes:,} bytes; raise it with --max-bytes")


def is_system_folder(name: str) -> bool:
    """Return whether folders of this name are kept by a system, and hold no pictures of the user's."""
    return name.lower() in SYSTEM_FOLDERS


class _Pattern(NamedTuple):
    segments: tuple[str, ...]
    is_name: bool  # it has no slash, and is of a name in any folder
    is_of_folders: bool  # it ends in a slash

    def matches(self, path: str, is_folder: bool, root: str) -> bool:
        if self.is_of_folders and not is_folder:
            return False
        if self.is_name:
            return fnmatchcase(nfc(os.path.basename(path)), self.segments[0])
        found = PurePath(nfc(path)).parts
        below = found[len(PurePath(nfc(root)).parts) :]
        return any(match(self.segments, parts) for parts in (found, below, ("/", *below)))


@lru_cache
def _compile(patterns: tuple[str, ...]) -> list[_Pattern]:
    return [_Pattern(PurePath(nfc(text)).parts, "/" not in text.rstrip("/"), text.endswith("/")) for text in patterns]


def match(segments: Sequence[str], parts: Sequence[str]) -> bool:
    """Return whether the parts of a path match the segments of a pattern, of which `**` stands for any folders."""
    if not segments:
        return not parts
    first, rest = segments[0], segments[1:]
    if first == ANY_FOLDERS:
        return any(match(rest, parts[start:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], first) and match(rest, parts[1:])
