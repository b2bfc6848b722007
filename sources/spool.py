"""Names of pictures that come on stdin, in a file, so that another process can read them, and read them again."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from errors import UsageError
from sources.paths import READ_SIZE, split_paths

END = ".end"  # of the name of a file that says that the stream has ended
PICTURE = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8[79]a|II\*\0|MM\0\*|\0\0\0.ftyp|RIFF.{4}WEBP", re.DOTALL)  # heads
PAUSE = 0.05  # seconds between looks at a file that has nothing new


@dataclass(frozen=True)
class Spool:
    """The file; any process of this machine can read it while it is written."""

    path: str
    separator: bytes

    def fill(self, read: Callable[[int], bytes]) -> None:
        """Have what `read(n)` returns copied on a thread of its own, until that is nothing."""
        Path(self.path).touch()
        threading.Thread(target=self._copy, args=(read,), daemon=True).start()

    def paths(self) -> Iterator[str]:
        """Yield the names, as they come; raises UsageError when a picture comes in their place."""
        with open(self.path, "rb") as file:

            def read(size: int) -> bytes:
                while True:
                    has_ended = os.path.exists(self.path + END)
                    if (data := file.read(size)) or has_ended:
                        return data
                    time.sleep(PAUSE)

            yield from no_picture_first(split_paths(read, self.separator))

    def _copy(self, read: Callable[[int], bytes]) -> None:
        with open(self.path, "wb", buffering=0) as file:
            while data := read(READ_SIZE):
                file.write(data)
        Path(self.path + END).touch()


def no_picture_first(paths: Iterator[str]) -> Iterator[str]:
    """Yield the paths of a list; raises UsageError when it is no list, but a picture itself."""
    first = next(paths, "")
    if PICTURE.match(os.fsencode(first)):
        raise UsageError("--image - reads a list of paths, and what comes on stdin is a picture; name its file")
    if first:
        yield first
    yield from paths
