"""Which pictures: files, folders, patterns and lists of paths become a stream of paths, sorted, in constant memory."""

import codecs
import fnmatch
import glob
import heapq
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import IO

from decoding.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES, split_member
from files import encoding_of
from sources.search import ANY_FOLDERS, NO_MEDIA, SYSTEM_FILES, Search, is_system_folder

ANY_SUFFIX = ("",)
NO_MORE = ("", False)
NAMES_IN_MEMORY = 20_000  # of one folder; more are sorted on disk
READ_SIZE = 65_536  # bytes; longer than any path

PathName = str | os.PathLike
Ways = set[tuple[str, ...]]

MATCHED = ()
EVERYTHING: Ways = {(ANY_FOLDERS, "*")}


def find_images(
    inputs: PathName | Iterable[PathName | Iterable[PathName]],
    search: Search = Search(),
    left_out: Counter[str] | None = None,
) -> Iterator[str]:
    """Yield the path of every picture: files as given, folders and patterns searched and sorted.

    In a folder the files with a picture's extension count, at any depth; hidden ones do not, and
    links to folders are not followed. A pattern has the shell's wildcards, and `**` for folders at
    any depth; a folder that it matches is searched, and a file without a picture's extension is
    taken when the pattern spells that extension. What is an iterable itself is a list of
    files and folders, without patterns. A folder without pictures or that cannot be listed, and a
    pattern that matches nothing, are yielded themselves, so that `read_frame` reports them in their place.
    What `search` leaves out is not among them, but for folders that are named themselves. Files in
    folders that are no pictures are counted in `left_out`, by extension.
    """
    for given in [inputs] if isinstance(inputs, PathName) else inputs:
        if not isinstance(given, PathName):
            for path in given:
                yield from _search(os.fspath(path), search, left_out)
        elif is_pattern(path := os.fspath(given)):
            yield from _or_itself(path, _expand(path, search, left_out))
        else:
            yield from _search(path, search, left_out)


def find_below(folder: str, root: str, search: Search = Search()) -> Iterator[str]:
    """As `find_images` of a folder in `root`, which is what the user named and what patterns are relative to."""
    return _or_itself(folder, _walk(folder, search, root))


def find_no_images_below(folder: str, root: str, search: Search = Search()) -> Iterator[str]:
    """Yield the files below a folder in `root` that `find_below` does not take for pictures, but for hidden ones."""
    for path in _walk(folder, search, root, suffixes=ANY_SUFFIX):
        name = os.path.basename(path).lower()
        if not name.endswith(IMAGE_SUFFIXES) and name not in SYSTEM_FILES and not os.path.isdir(path):
            yield path


def why_no_images(folder: str) -> str:
    """Return why `find_images` yielded a folder itself."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return f"the folder cannot be listed: {error.strerror}"
    if next(_walk(folder, Search(no_ignore=True), folder), folder) == folder:
        return f"the folder holds no pictures ({', '.join(IMAGE_SUFFIXES[:3])} ...)"
    if os.path.lexists(os.path.join(folder, NO_MEDIA)):
        return f"the folder is not searched, for it holds a {NO_MEDIA} file; --no-ignore searches it"
    return "all pictures in the folder are left out: by --exclude, by a .nomedia file, or because copies go there"


def extension_of(path: str) -> str:
    """Return a path's extension in small letters, for a message; of what looks like none, words."""
    extension = os.path.splitext(path)[1].lower()
    return extension if re.fullmatch(r"\.\w{1,8}", extension) else "of other names"


def is_pattern(path: str) -> bool:
    """Return whether a path is a pattern: it has wildcards that are not the name of anything."""
    return glob.has_magic(path) and bool(_split_pattern(path)[1]) and not split_member(path)[1]


def search_root(path: str) -> str:
    """Return the folder that holds all that a file, folder or pattern names."""
    if is_pattern(path):
        return _split_pattern(path)[0] or os.curdir
    return path if os.path.isdir(path) else os.path.dirname(path) or os.curdir


def split_paths(read: Callable[[int], bytes], separator: bytes = b"\n") -> Iterator[str]:
    """Yield the paths in a stream of bytes, as they come; `read(n)` returns at most n bytes, none at the end.

    A line may end as in Windows, and the text be UTF-16, as PowerShell writes it; with NUL as the separator a path
    may hold anything. Of a line that is too long for a path, the beginning is yielded.
    """
    for record in _split(_in_utf8(read, separator), separator):
        if path := record.removesuffix(b"\r") if separator == b"\n" else record:
            yield os.fsdecode(path)


def _in_utf8(read: Callable[[int], bytes], separator: bytes) -> Iterator[bytes]:
    """Yield what is read as UTF-8 without a byte-order mark, as it comes."""
    data = read(READ_SIZE)
    while 0 < len(data) < 4 and separator not in data and (more := read(READ_SIZE)):
        data += more
    encoding = encoding_of(data if separator == b"\n" else data[:2])  # the zeros of a list may be its separators
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    while data:
        yield decoder.decode(data).encode("utf-8", errors)
        data = read(READ_SIZE)
    yield decoder.decode(b"", final=True).encode("utf-8", errors)


def _split(parts: Iterable[bytes], separator: bytes) -> Iterator[bytes]:
    rest = b""
    for data in parts:
        *records, rest = (rest + data).split(separator)
        yield from records
        rest = rest[:READ_SIZE]
    if rest:
        yield rest


def _search(path: str, search: Search, left_out: Counter[str] | None) -> Iterator[str]:
    if os.path.isdir(path):
        return _or_itself(path, _walk(path, search, path, left_out=left_out))
    return iter([] if search.leaves_out_named(path) else [path])


def _or_itself(path: str, found: Iterator[str]) -> Iterator[str]:
    yield next(found, path)
    yield from found


def _expand(pattern: str, search: Search, left_out: Counter[str] | None) -> Iterator[str]:
    folder, segments = _split_pattern(pattern)
    if not os.path.isdir(folder or os.curdir):
        return iter(())
    suffix = os.path.splitext(segments[-1])[1].lower()
    suffixes = (*IMAGE_SUFFIXES, suffix) if suffix else IMAGE_SUFFIXES
    return _walk(folder, search, folder, {segments}, suffixes, left_out)


def _split_pattern(pattern: str) -> tuple[str, tuple[str, ...]]:
    """Split a pattern into the folder that it begins with, and its segments from the first wildcard on.

    What exists under a name with brackets, stars or question marks is that name.
    """
    parts, folder = PurePath(pattern).parts, ""
    for index, part in enumerate(parts):
        path = os.path.join(folder, part)
        if glob.has_magic(part) and not os.path.lexists(path):
            return folder, parts[index:]
        folder = path
    return folder, ()


def _walk(
    folder: str,
    search: Search,
    root: str,
    ways: Ways = EVERYTHING,
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES,
    left_out: Counter[str] | None = None,
) -> Iterator[str]:
    """Yield the files below a folder that match, and the folders there that cannot be listed.

    `ways` are the segments of patterns that what is in the folder may go on with.
    """
    if search.video and suffixes is not ANY_SUFFIX:
        suffixes += VIDEO_SUFFIXES
    return _Walk(search, root, suffixes, left_out).files(folder, ways)


class _Walk:
    """A walk through folders: only those on the way down are open, and names are read when it is a folder's turn."""

    def __init__(self, search: Search, root: str, suffixes: tuple[str, ...], left_out: Counter[str] | None) -> None:
        self._search = search
        self._root = root
        self._suffixes = suffixes
        self._left_out = left_out
        self._copies = {os.path.realpath(other) for other in search.folders}

    def files(self, folder: str, ways: Ways) -> Iterator[str]:
        """Yield the files wanted."""
        levels = [self._open(folder, ways)]
        while levels:
            entries, ways = levels[-1]
            path, is_folder = next(entries, NO_MORE)
            if not path:
                levels.pop()
            elif not is_folder:
                yield path
            elif not (self._copies and os.path.realpath(path) in self._copies):
                levels.append(self._open(path, _advance(os.path.basename(path), ways)))

    def _open(self, folder: str, ways: Ways) -> tuple[Iterator[tuple[str, bool]], Ways]:
        ways = _skip_any_folders(ways)
        if MATCHED in ways:
            ways = _skip_any_folders(EVERYTHING)
        if not self._search.no_ignore and os.path.lexists(os.path.join(folder, NO_MEDIA)):
            return iter(()), ways
        return _list(folder, partial(self._is_wanted, folder, ways)), ways

    def _is_wanted(self, folder: str, ways: Ways, name: str, is_folder: bool) -> bool:
        """Return whether to take a file, or to look into a folder; count the files that are no pictures."""
        if not _is_on_the_way(name, is_folder, ways):
            return False
        if is_folder and not self._search.no_ignore and is_system_folder(name):
            return False
        if self._search.exclude and self._search.leaves_out(os.path.join(folder, name), is_folder, self._root):
            return False
        if is_folder or name.lower().endswith(self._suffixes):
            return True
        if self._left_out is not None and name.lower() not in SYSTEM_FILES:
            self._left_out[extension_of(name)] += 1
        return False


def _is_on_the_way(name: str, is_folder: bool, ways: Ways) -> bool:
    onward = _advance(name, ways)
    return bool(onward) if is_folder else MATCHED in onward


def _advance(name: str, ways: Ways) -> Ways:
    """Return what is left to match below `name`; MATCHED is among it when `name` itself is matched."""
    hidden = name.startswith(".")
    onward = set()
    for segment, *rest in ways - {MATCHED}:
        if segment == ANY_FOLDERS:
            if not hidden:
                onward.add((segment, *rest))
        elif fnmatch.fnmatch(name, segment) and (not hidden or segment.startswith(".")):
            onward.add(tuple(rest))
    return _skip_any_folders(onward)


def _skip_any_folders(ways: Ways) -> Ways:
    """Add the ways on which `**` stands for no folder at all."""
    skipped = {way[1:] for way in ways if way[:1] == (ANY_FOLDERS,)}
    return ways | _skip_any_folders(skipped) if skipped else ways


def _list(folder: str, is_wanted: Callable[[str, bool], bool]) -> Iterator[tuple[str, bool]]:
    """Yield the path of each entry wanted, sorted by name, and whether it is a folder.

    A folder that cannot be listed (to its end) is yielded itself, after what could be listed.
    """
    failed: list[tuple[str, bool]] = []

    def wanted() -> Iterator[tuple[str, bool]]:
        try:
            with os.scandir(folder or os.curdir) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if not _is_link_to_folder(entry) and is_wanted(entry.name, is_folder):
                        yield entry.name, is_folder
        except OSError:
            failed.append((folder, False))

    runs: list[Iterable[tuple[str, bool]]] = []
    names = wanted()
    while chunk := sorted(islice(names, NAMES_IN_MEMORY)):
        runs.append(chunk if len(chunk) < NAMES_IN_MEMORY else _on_disk(chunk))
    for name, is_folder in heapq.merge(*runs):
        yield os.path.join(folder, name), is_folder
    yield from failed


def _is_link_to_folder(entry: os.DirEntry) -> bool:
    return entry.is_symlink() and os.path.isdir(entry.path)


def _on_disk(names: list[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed when it has been read
    for name, is_folder in names:
        file.write((b"/" if is_folder else b".") + os.fsencode(name) + b"\0")
    file.seek(0)
    return _read_names(file)


def _read_names(file: IO[bytes]) -> Iterator[tuple[str, bool]]:
    with file:
        for record in _split(iter(lambda: file.read(READ_SIZE), b""), b"\0"):
            yield os.fsdecode(record[1:]), record[:1] == b"/"
