"""The folder that parts of results are in, on a disk or in an object store: small files, each whole or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import stores
from files import UNFINISHED
from outputs.lock import lock

LOCK_FILE = ".lock"  # while a run goes on


class PartFolder(Protocol):
    """What parts are written to and read from; raises OSError."""

    def names(self) -> Iterator[str]:
        """Yield the names of what is in the folder."""

    def read(self, name: str) -> bytes:
        """Return the content of a file."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all, in the place of one that is there."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def lock(self) -> None:
        """Keep other runs away; raises UsageError when there is one."""

    def unlock(self) -> None:
        """Let other runs write."""


def open_folder(path: str) -> PartFolder:
    """Return a folder on a disk, which need not be there yet, or in an object store."""
    return StoreFolder(path) if stores.is_stored(path) else LocalFolder(path)


class LocalFolder:
    """A folder on a disk."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._path.mkdir(parents=True, exist_ok=True)
        self._lock: BinaryIO | None = None

    def __reduce__(self) -> tuple:
        return LocalFolder, (os.path.abspath(self._path),)  # in another process, without the lock

    def names(self) -> Iterator[str]:
        """Yield the names of what is in the folder."""
        with os.scandir(self._path) as entries:
            yield from (entry.name for entry in entries)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return (self._path / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all, also when the power fails, and when two processes do at the same time."""
        unfinished = self._path / f"{UNFINISHED}{secrets.token_hex(4)}-{name}"
        try:
            with open(unfinished, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._path / name)
        finally:
            unfinished.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self._path / name).unlink(missing_ok=True)

    def lock(self) -> None:
        """Lock a file of the folder; raises UsageError when another run has."""
        while True:
            self._lock = open(self._path / LOCK_FILE, "ab")  # noqa: SIM115
            lock(self._lock, self._path)
            if os.fstat(self._lock.fileno()).st_nlink:  # else a run that ends has just removed it
                return
            self._lock.close()

    def unlock(self) -> None:
        """Let other runs write."""
        if self._lock:
            with suppress(OSError):  # on Windows, where no file can be removed that is open
                (self._path / LOCK_FILE).unlink()
            self._lock.close()


class StoreFolder:
    """A folder in an object store, where nothing can be locked."""

    def __init__(self, url: str) -> None:
        stores.check_can_open(url)
        stores.check_bucket(url)
        self._url = "/".join(stores.split_url(url)).rstrip("/") + "/"

    def names(self) -> Iterator[str]:
        """Yield the names of what is in the folder."""
        for stored in stores.find(self._url):
            name = stored.url.removeprefix(self._url)
            if "/" not in name:
                yield name

    def read(self, name: str) -> bytes:
        """Return the content of an object."""
        return stores.read_whole(self._url + name)

    def write(self, name: str, data: bytes) -> None:
        """Write an object, which stores do at once."""
        stores.write(self._url + name, data)

    def remove(self, name: str) -> None:
        """Remove an object."""
        stores.remove([self._url + name])

    def lock(self) -> None:
        """Do nothing."""

    def unlock(self) -> None:
        """Do nothing."""
