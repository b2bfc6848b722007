"""What an index knows of a picture, beside its vector."""

import os
from dataclasses import dataclass

from sources.named import absolute, is_on_disk


@dataclass(frozen=True)
class Picture:
    """A picture as it was when it was read; `path` is as it may be opened from the current folder."""

    path: str
    size: int  # of the file, bytes
    mtime_ns: int  # when it was changed; 0 for what is no file by itself
    sha256: str  # of its content
    width: int  # pixels, upright
    height: int
    format: str  # such as "jpeg"; "" for what was in memory


@dataclass(frozen=True)
class Place:
    """Where a picture is, whichever folder is the current one."""

    key: str  # its absolute path, or its name where it is in no file
    is_relative: bool  # as it was named, and so as it is shown

    @property
    def shown(self) -> str:
        """The path as the user named it, from the folder that is the current one now."""
        return os.path.relpath(self.key) if self.is_relative else self.key


def place_of(source: str) -> Place:
    """Return where a picture is that is called so."""
    return Place(absolute(source), is_on_disk(source) and not os.path.isabs(source))
