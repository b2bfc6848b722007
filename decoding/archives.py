"""Files in .zip and .tar archives, compressed or not, read one at a time; nothing is unpacked to the disk."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import threading
import weakref
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import BinaryIO, NamedTuple, Protocol

from decoding.formats import split_member
from errors import ImageError, first_line
from settings import MAX_BYTES

MOST_SWELLING = 200  # bytes that may come of each packed one; of photographs, it is one
FREE_SWELLING = 2**24  # bytes that may come of next to nothing, as an empty drawing does
ENCRYPTED, UTF8_NAME = 0x1, 0x800  # in a zip's flags
WINDOWS = 0  # a zip's system; some programs write its backslashes
OPENERS: dict[bytes, Callable] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}  # by first bytes


class Member(Protocol):
    """A file in an archive."""

    nbytes: int  # how large it is, or says it is
    is_in_stream: bool  # what is before it must be decompressed, too: it is best read in its turn

    def read(self) -> bytes:
        """Return the whole file, on any thread; raises ImageError."""


class Entry(NamedTuple):
    """A member and its path in the archive, which never leads out of it."""

    path: str
    is_link: bool
    member: Member


def list_archive(path: str, max_bytes: int = MAX_BYTES) -> Iterator[Entry]:
    """Yield the files and links in an archive, in its own order, without reading them.

    A file of more than `max_bytes`, or that swells as a decompression bomb does, is an error when it is read. Raises
    ImageError where the archive cannot be read, and for a tar where it ends too early.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115  closed with what is listed
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error
    return list_archive_in(file, path, os.path.getsize(path), max_bytes, is_near=True)


def list_archive_in(
    file: BinaryIO, name: str, size: int, max_bytes: int = MAX_BYTES, is_near: bool = False
) -> Iterator[Entry]:
    """As `list_archive`, of an open file of `size` bytes; of a tar that is not near, too, files are read in turn."""
    return _list_zip(file, max_bytes) if name.lower().endswith(".zip") else _list_tar(file, size, max_bytes, is_near)


def open_member(path: str, max_bytes: int = MAX_BYTES) -> BinaryIO:
    """Open a file that is named with its archive, as photos.zip/holiday/a.jpg; raises ImageError."""
    archive, name = split_member(path)
    status = os.stat(archive)
    members = _index(archive, max_bytes, status.st_size, status.st_mtime_ns)
    if name not in members:
        raise ImageError(f"{archive} holds no such file")
    return io.BytesIO(members[name].read())


@lru_cache(maxsize=4)
def _index(archive: str, max_bytes: int, _size: int, _changed: int) -> dict[str, Member]:
    members: dict[str, Member] = {}
    try:
        for path, is_link, member in list_archive(archive, max_bytes):
            if not is_link:
                members.setdefault(path, member)
    except ImageError:  # of one that is cut off, what is there can be read
        if not members:
            raise
    return members


def _check_size(size: int, packed: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise ImageError(f"its {size:,} bytes are over the limit of {max_bytes:,}; raise it with --max-bytes")
    if size > MOST_SWELLING * packed + FREE_SWELLING:
        raise ImageError(f"{packed:,} bytes swell to {size:,}, as in a decompression bomb; it is not read")


def _inner_path(name: str) -> str:
    return "/".join(part for part in name.replace("\0", "").split("/") if part not in ("", os.curdir, os.pardir))


# ---- zip


class ZipMember:
    """A file in a zip."""

    is_in_stream = False

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> None:
        self._archive, self._info, self._max_bytes = archive, info, max_bytes
        self.nbytes = min(info.file_size, max_bytes)

    def read(self) -> bytes:
        """Return the whole file, on any thread; raises ImageError."""
        info = self._info
        if info.flag_bits & ENCRYPTED:
            raise ImageError("is encrypted; unpack the archive with its password first")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile sets no bound to the others
            name = zipfile.compressor_names.get(info.compress_type, "an unknown way")  # type: ignore[attr-defined]
            raise ImageError(f"is packed with {name}; pack the archive anew, with deflate")
        _check_size(info.file_size, info.compress_size, self._max_bytes)
        try:
            with self._archive.open(info) as file:
                return file.read(info.file_size + 1)  # all of it in one go; without a number, more than it says
        except Exception as error:  # zipfile and zlib have many
            raise ImageError(f"is damaged in the archive: {first_line(error)}") from error


def _list_zip(file: BinaryIO, max_bytes: int) -> Iterator[Entry]:
    try:
        archive = zipfile.ZipFile(file)
    except ImageError:
        file.close()
        raise
    except Exception as error:
        with file:
            raise ImageError(_why_no_zip(file, error)) from error
    weakref.finalize(archive, file.close)
    for info in archive.infolist():
        name = _inner_path(_name_in_zip(info))
        if name and not info.is_dir():
            yield Entry(name, stat.S_ISLNK(info.external_attr >> 16), ZipMember(archive, info, max_bytes))


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """Return a name as it was meant: many programs write UTF-8, or Windows's separators, and do not say so."""
    name = info.filename
    if not info.flag_bits & UTF8_NAME:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/") if info.create_system == WINDOWS else name


def _why_no_zip(file: BinaryIO, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    file.seek(0)
    head = file.read(4)
    if not head:
        return "the file is empty"
    if head == b"PK\3\4":
        return f"is a damaged zip ({first_line(error)}); the list of its files, at its end, is missing or wrong"
    return f"is no zip archive: {first_line(error)}"


# ---- tar


class TarMember:
    """A file in a tar."""

    def __init__(self, tar: "_Tar", info: tarfile.TarInfo, max_bytes: int) -> None:
        self._tar, self._info, self._max_bytes = tar, info, max_bytes
        self._packed = tar.offset - info.offset_data  # less than its size where it is sparse
        self.nbytes = min(info.size, max_bytes)
        self.is_in_stream = tar.is_stream

    def read(self) -> bytes:
        """Return the whole file, on any thread; raises ImageError."""
        _check_size(self._info.size, self._packed, self._max_bytes)
        try:
            with self._tar.lock:
                file = self._tar.extractfile(self._info)
                data = file.read() if file else b""
        except ImageError:
            raise
        except Exception as error:
            raise ImageError(f"is damaged in the archive: {first_line(error)}") from error
        return data


def _list_tar(file: BinaryIO, size: int, max_bytes: int, is_near: bool) -> Iterator[Entry]:
    try:
        tar = _Tar(file, size, max_bytes, is_near)
        while info := tar.next_member():
            name = _inner_path(info.name)
            if name and (info.isreg() or info.islnk() or info.issym()):
                yield Entry(name, not info.isreg(), TarMember(tar, info, max_bytes))
    except ImageError:
        raise
    except Exception as error:  # of tarfile, and of each way to compress
        raise ImageError(f"is a damaged archive, or none: {first_line(error)}") from error


class _Header(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_Header":
        """Refuse a header that is wrong, which tarfile takes for the end of the archive."""
        try:
            return super().fromtarfile(tar)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"{error} at byte {tar.offset:,}") from error


class _Tar(tarfile.TarFile):
    """A tar that threads may share, and that remembers no members."""

    def __init__(self, file: BinaryIO, size: int, max_bytes: int, is_near: bool) -> None:
        weakref.finalize(self, file.close)
        head = file.read(6)
        file.seek(0)
        opener = next((opener for start, opener in OPENERS.items() if head.startswith(start)), None)
        self.is_stream = opener is not None or not is_near
        self.lock = threading.Lock()
        plain = opener(file, "rb") if opener else file
        super().__init__(fileobj=_Bounded(plain, size, max_bytes), tarinfo=_Header)  # type: ignore[arg-type]

    def next_member(self) -> tarfile.TarInfo | None:
        """Return the next header; None at the end, after which nothing may be damaged."""
        with self.lock:
            info = self.next()
            self.members.clear()  # type: ignore[attr-defined]
            if info is None:
                self.fileobj.read(FREE_SWELLING)  # to the checksum
            return info


class _Bounded:
    """A file that gives at most `max_bytes` at once, and swells to no decompression bomb."""

    def __init__(self, file: BinaryIO, packed: int, max_bytes: int) -> None:
        self._file, self._packed, self._max_bytes = file, packed, max_bytes
        self.tell = file.tell

    def seek(self, position: int) -> int:
        """Go to a byte, to which a compressed file is read."""
        self._check(position)
        return self._file.seek(position)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        if size > max(self._max_bytes, FREE_SWELLING):  # a header that takes memory, for files are checked before
            raise ImageError("is a damaged archive: a header is as large as a file")
        self._check(self.tell())
        return self._file.read(size)

    def _check(self, position: int) -> None:
        if position > MOST_SWELLING * self._packed + FREE_SWELLING:
            raise ImageError(
                f"its {self._packed:,} bytes swell to over {position:,}, as in a decompression bomb; no more is read"
            )
