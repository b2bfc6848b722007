"""A folder for each group of duplicates, with copies of its pictures or links to them, to look at and to decide."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from console.text import printable
from decoding.formats import split_member
from errors import ImageError, UsageError
from outputs.copies import CopiesFolder
from outputs.originals import Original
from outputs.places import file_name, with_hash
from outputs.sort import PLACERS
from outputs.workspace import PREFIX
from preprocess import open_file
from sources.named import absolute, frame_of

if TYPE_CHECKING:
    from similarity.duplicates import Member

BEST = "best_"  # how the name begins of what is proposed to be kept
LONGEST = 255  # bytes of a name, on most disks

logger = logging.getLogger("suite")


class Review:
    """Puts pictures into the folders of --copy-to and --link-to; nothing that is there is written over."""

    def __init__(self, copy_to: str | None, link_to: str | None, inputs: Sequence[str]) -> None:
        """Take the folders that are named; raises UsageError for one that holds something already, or an input."""
        named = check_review(copy_to, link_to)
        self._folders = {option: CopiesFolder(option, folder, inputs) for option, folder in named.items()}
        self.failed = 0  # pictures that could not be put there

    def put(self, number: int, group: "Sequence[Member]") -> None:
        """Put a group into a folder of its own; of what fails, an error is logged."""
        for option, copies in self._folders.items():
            folder = copies.path / f"{number:06}"
            for member in group:
                try:
                    _put(option, copies, folder, member.picture.path, BEST if member.is_best else "")
                except ImageError as error:
                    self.failed += 1
                    logger.error("error: %s: %s", printable(member.picture.path), error)


def check_review(copy_to: str | None, link_to: str | None) -> dict[str, str]:
    """Return the folders that are named, by their option; raises UsageError for one that holds something already."""
    named = {option: folder for option, folder in (("--copy-to", copy_to), ("--link-to", link_to)) if folder}
    if copy_to and link_to and os.path.realpath(copy_to) == os.path.realpath(link_to):
        raise UsageError(f"--copy-to and --link-to are both {copy_to}; give two folders")
    for option, folder in named.items():
        if os.path.isdir(folder) and any(not name.startswith(PREFIX) for name in os.listdir(folder)):
            raise UsageError(f"{option} {folder} is not empty; give a folder of its own to each review")
    return named


def _put(option: str, copies: CopiesFolder, folder: Path, path: str, prefix: str) -> None:
    original = _original(path, option)
    target = folder / (prefix + original.name)
    place, _is_there = PLACERS[option]
    hashed = with_hash(target, absolute(path))
    if len(os.fsencode(target.name)) > LONGEST:
        target = hashed
    if not place(copies, original, target) and not place(copies, original, hashed):
        raise ImageError(f"not put there: {target} is another picture")


def _original(path: str, option: str) -> Original:
    """Return a picture's own file, or one of what is in an archive."""
    if os.path.isfile(path):
        return Original(os.path.basename(path), path, None)
    if not split_member(path)[1]:
        if frame_of(path):
            raise ImageError("not put there: it is a frame of a video, and no file of its own")
        raise ImageError("not put there: there is no file of that name")
    if option == "--link-to":
        raise ImageError("not put there: it is no file that a link could point to; use --copy-to")
    with open_file(path) as file:
        return Original(file_name(os.path.basename(path)), path, file.read())
