"""Archives that are elsewhere, such as WebDataset's shards: read from beginning to end, a part at a time."""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from decoding.archives import list_archive_in
from errors import ImageError
from sources.archives import Chosen, count_other, in_its_turn
from sources.pictures import Given
from sources.search import Search

RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")  # of numbers, as in WebDataset's names of shards
BLOCK = 2**22  # bytes that are asked for at once


def expand(name: str) -> Iterator[str]:
    """Yield a name for each number of the ranges in it, up or down: x-{000..010}.tar stands for eleven."""
    if not (found := RANGE.search(name)):
        yield name
        return
    first, last = found.groups()
    step = 1 if int(first) <= int(last) else -1
    for number in range(int(first), int(last) + step, step):
        yield from expand(f"{name[: found.start()]}{number:0{len(first)}}{name[found.end() :]}")


def find_in_shard(
    name: str, size: int, read: Callable[[int, int], bytes], search: Search, left_out: Counter[str]
) -> Iterator[Given]:
    """Yield the pictures in an archive as `find_members` does; `read` gives its bytes from the first to the second."""
    chosen = Chosen(name, search, partial(count_other, left_out))
    try:
        file = io.BufferedReader(_Ranges(size, read), BLOCK)
        for entry in chosen.pick(list_archive_in(file, name, size, search.max_bytes)):
            yield Given(f"{name}/{entry.path}", in_its_turn(entry))
        if not chosen.pictures:
            yield Given(name, ImageError(chosen.why_none()))
    except ImageError as error:
        yield Given(name, error)


class _Ranges(io.RawIOBase):
    """A file elsewhere, in which one can go to and fro."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        self._size, self._read = size, read
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        data = self._read(self._position, end)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
