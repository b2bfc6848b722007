"""The table of an index, in SQLite: who may write it, whether it is one, and what goes wrong with it."""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import portalocker

from errors import UsageError

TABLE_FILE, LOCK_FILE = "pictures.sqlite", "lock"
FORMAT = 1  # of the folder
APPLICATION_ID = 0x53494D49  # by which SQLite tells whose a file is: "SIMI"
SCHEMA = """
CREATE TABLE about (what TEXT PRIMARY KEY, value TEXT);
CREATE TABLE pictures (row INTEGER PRIMARY KEY, place BLOB UNIQUE, is_relative INTEGER, size INTEGER,
    mtime_ns INTEGER, sha256 BLOB, width INTEGER, height INTEGER, format TEXT);
CREATE INDEX pictures_by_content ON pictures (sha256);
CREATE TABLE not_in_graph (row INTEGER PRIMARY KEY);
CREATE TABLE failures (place BLOB PRIMARY KEY, is_relative INTEGER, size INTEGER, mtime_ns INTEGER,
    error TEXT);
"""


class NoIndexError(UsageError):
    """There is no index yet, or a run was ended before it had begun one."""


class Database:
    """The folder of an index with its table, for one that writes or several that read; threads may share it.

    Raises UsageError when the folder is in use, damaged, or cannot be written.
    """

    def __init__(self, folder: Path, about: dict[str, Any] | None = None) -> None:
        """Open the folder to read it, or with `about`, which says what makes it, to write it; it is made then."""
        self.folder = folder
        self._lock = threading.RLock()
        self._at_end = contextlib.ExitStack()
        with contextlib.ExitStack() as on_error:
            on_error.enter_context(self.errors())
            on_error.callback(self._at_end.close)
            if about is not None:
                check_may_write(folder)
                folder.mkdir(parents=True, exist_ok=True)
            self._hold(is_writer=about is not None)
            self._connect(about)
            self._check()
            on_error.pop_all()

    def close(self) -> None:
        """Let go of the folder; threads may still read for a run that was interrupted."""
        with self._lock:
            self._at_end.close()

    def _check(self) -> None:
        """Raise UsageError when what lies beside the table is not whole."""

    def _value(self, what: str) -> Any:
        """Return a value of the table `about`, a str; None where it has none."""
        found = self._one("SELECT value FROM about WHERE what = ?", (what,))
        return found and found[0]

    def _one(self, query: str, values: Sequence[Any] = ()) -> Any:
        return next(iter(self._all(query, values)), None)

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self.errors(), self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: all that is written inside stays, or nothing."""
        with self.errors(), self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what goes wrong inside into a UsageError."""
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:  # full, not writable; closed
            raise UsageError(f"the index {self.folder} cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise UsageError(f"the index {self.folder} is damaged ({error}); delete it and build it again") from error
        except OSError as error:
            raise UsageError(f"the index {self.folder} cannot be used: {error.strerror or error}") from error

    def _hold(self, is_writer: bool) -> None:
        """Lock the folder: one process may write it, or any number read it."""
        try:
            file = self._at_end.enter_context(open(self.folder / LOCK_FILE, "a+b"))  # noqa: SIM115
        except OSError:
            if is_writer:
                raise
            return  # a disk that cannot be written, where nobody writes
        kind = portalocker.LockFlags.EXCLUSIVE if is_writer else portalocker.LockFlags.SHARED
        try:
            portalocker.lock(file, kind | portalocker.LockFlags.NON_BLOCKING)
        except portalocker.AlreadyLocked:
            raise UsageError(f"the index {self.folder} is in use by another process; wait until that is done") from None
        except portalocker.LockException:  # a file system without locks
            pass

    def _connect(self, about: dict[str, Any] | None) -> None:
        path = self.folder / TABLE_FILE
        mode = "rw" if about is None else "rwc"  # a table that was being written is put right by who reads it next
        self._connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, check_same_thread=False, isolation_level=None
        )
        self._at_end.callback(self._connection.close)
        if self._is_empty():
            if about is None:
                raise NoIndexError(f"{self.folder} holds no index yet; build it with --image PICTURES")
            self._create(about)
        if about is not None:
            self._all("CREATE TEMP TABLE seen (place BLOB PRIMARY KEY) WITHOUT ROWID")
        self._check_format()

    def _is_empty(self) -> bool:
        """Return whether nothing is in the table yet; raises UsageError for one that another program has made."""
        is_empty = not self._one("SELECT count(*) FROM sqlite_master")[0]
        if not is_empty and self._one("PRAGMA application_id")[0] != APPLICATION_ID:
            raise UsageError(f"{self.folder / TABLE_FILE} is of another program; give --index another folder")
        return is_empty

    def _create(self, about: dict[str, Any]) -> None:
        with self._writing():
            self._all(f"PRAGMA application_id = {APPLICATION_ID}")
            for statement in SCHEMA.split(";"):
                self._all(statement)
            self._all("INSERT INTO about VALUES ('format', ?)", (str(FORMAT),))
            self._all("INSERT INTO about VALUES ('model', ?)", (json.dumps(about),))

    def _check_format(self) -> None:
        found = self._value("format")
        if found != str(FORMAT):
            raise UsageError(
                f"the index {self.folder} has the format {found}, and this version reads {FORMAT}; "
                "build it again, in another folder"
            )


def is_index(folder: Path) -> bool:
    """Return whether a folder holds an index."""
    return (folder / TABLE_FILE).is_file()


def check_may_write(folder: Path) -> None:
    """Raise UsageError when an index cannot be made in a folder, since something else is there."""
    if folder.is_dir() and not is_index(folder) and {path.name for path in folder.iterdir()} - {LOCK_FILE}:
        raise UsageError(f"the folder {folder} holds something else than an index; give --index another one")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; an index is a folder, give --index another name")
