"""A place for what is not finished yet, of which nothing stays behind, even when its process is killed."""

import contextlib
import os
import secrets
import weakref
from collections.abc import Iterator
from pathlib import Path

import portalocker

PREFIX = ".unfinished-copies-"
LOCK_FILE, CONTENT_FILE = "lock", "content"
AT_ONCE = portalocker.LOCK_EX | portalocker.LOCK_NB


class Workspace:
    """A hidden folder inside `folder`, so that a file in it can be moved to its place whole.

    It is locked, and removed together with this object. What a killed process left in `folder` is
    recognised by its lock, which nobody holds any more, and removed first.
    Raises OSError when `folder` cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        for path in folder.glob(f"{PREFIX}*"):
            _remove_if_abandoned(path)
        at_end = contextlib.ExitStack()
        weakref.finalize(self, at_end.close)
        self._path = _make(folder, at_end)

    @contextlib.contextmanager
    def file(self) -> Iterator[Path]:
        """Give the path of a file that is to be written and moved elsewhere; it is removed if it was not."""
        path = self._path / CONTENT_FILE
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _make(folder: Path, at_end: contextlib.ExitStack) -> Path:
    """Make a locked folder; until it is locked, another process may take it for abandoned and remove it."""
    while True:
        path = folder / f"{PREFIX}{secrets.token_hex(8)}"
        at_end.callback(_remove, path)
        at_end.callback(_remove, path)  # twice, for Ctrl-C may end the first
        path.mkdir(0o700)
        with contextlib.suppress(FileNotFoundError, portalocker.AlreadyLocked):
            lock = at_end.enter_context(open(path / LOCK_FILE, "ab"))  # noqa: SIM115
            _lock_if_possible(lock.fileno())
            if os.fstat(lock.fileno()).st_nlink:
                return path


def _lock_if_possible(file: int) -> None:
    try:
        portalocker.lock(file, AT_ONCE)
    except portalocker.AlreadyLocked:
        raise
    except portalocker.LockException:  # on this file system no process can find out that it is abandoned
        pass


def _remove_if_abandoned(path: Path) -> None:
    with contextlib.suppress(OSError, portalocker.LockException):
        if set(os.listdir(path)) <= {LOCK_FILE, CONTENT_FILE}:
            with open(path / LOCK_FILE, "ab") as lock:
                portalocker.lock(lock, AT_ONCE)
                _remove(path)
            _remove(path)  # on Windows, where no file can be removed that is open


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        for name in (CONTENT_FILE, LOCK_FILE):
            (path / name).unlink(missing_ok=True)
        path.rmdir()
