"""The folder of an index: a table of pictures in SQLite, and beside it their vectors and small pictures, a row each.

What a row has in the files counts only when the table names it: a batch is appended to the files first and then
to the table, so a process may be killed at any moment. No row is written over while the table names it.
"""

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import portalocker

from errors import UsageError
from similarity.picture import Picture, Place
from similarity.small import SMALL

TABLE_FILE, VECTORS_FILE, SMALL_FILE, LOCK_FILE = "pictures.sqlite", "vectors.f16", "small.u8", "lock"
FORMAT = 1  # of the folder
AT_ONCE = 1000  # rows that are moved
IS_AN_INDEX = 0x53494D49  # SQLite's application_id: "SIMI"
SCHEMA = """
CREATE TABLE about (what TEXT PRIMARY KEY, value TEXT);
CREATE TABLE pictures (row INTEGER PRIMARY KEY, place BLOB UNIQUE, is_relative INTEGER, size INTEGER,
    mtime_ns INTEGER, sha256 BLOB, width INTEGER, height INTEGER, format TEXT);
CREATE INDEX pictures_by_content ON pictures (sha256);
CREATE TABLE not_in_graph (row INTEGER PRIMARY KEY);
CREATE TABLE failures (place BLOB PRIMARY KEY, is_relative INTEGER, size INTEGER, mtime_ns INTEGER,
    error TEXT);
"""
COLUMNS = "row, place, is_relative, size, mtime_ns, sha256, width, height, format"


class Row(NamedTuple):
    """A row of the table."""

    row: int
    place: Place | None  # None: nowhere any more, till the run has ended
    size: int
    mtime_ns: int
    sha256: bytes
    width: int
    height: int
    format: str

    @property
    def picture(self) -> Picture:
        """The picture, called as it is from the current folder."""
        sha256 = self.sha256.hex()
        assert self.place is not None  # in an index that is tidy
        return Picture(self.place.shown, self.size, self.mtime_ns, sha256, self.width, self.height, self.format)


class Failure(NamedTuple):
    """A picture that could not be read."""

    place: Place
    size: int
    mtime_ns: int
    error: str


class New(NamedTuple):
    """A picture that is to be in the index."""

    place: Place
    size: int
    mtime_ns: int
    sha256: bytes
    width: int
    height: int
    format: str
    vector: np.ndarray  # [D] of unit length
    small: np.ndarray  # uint8 [SMALL]


class Move(NamedTuple):
    """A picture that is in the index and is elsewhere now, or has another time."""

    row: int
    place: Place
    size: int
    mtime_ns: int


class NoIndexError(UsageError):
    """There is no index yet, or a run was ended before it had begun one."""


class Store:
    """An index's folder, for one that writes or several that read; threads may share it.

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
            self._check_files()
            on_error.pop_all()

    def close(self) -> None:
        """Let go of the folder; threads may still read for a run that was interrupted."""
        with self._lock:
            self._at_end.close()

    def __len__(self) -> int:
        return self._one("SELECT count(*) FROM pictures")[0]

    @property
    def about(self) -> dict[str, Any]:
        """What made it."""
        return json.loads(self._one("SELECT value FROM about WHERE what = 'model'")[0])

    @property
    def dimensions(self) -> int:
        """The numbers of a vector; 0 when there is none yet."""
        found = self._one("SELECT value FROM about WHERE what = 'dimensions'")
        return int(found[0]) if found else 0

    @property
    def graph(self) -> dict[str, Any] | None:
        """What is known of the graph for approximate search; None when there is none."""
        found = self._one("SELECT value FROM about WHERE what = 'graph'")
        return json.loads(found[0]) if found else None

    def set_graph(self, about: dict[str, Any]) -> None:
        """Say that there is a graph of the first `rows` rows."""
        with self._writing():
            self._all("INSERT OR REPLACE INTO about VALUES ('graph', ?)", (json.dumps(about),))
            self._all("DELETE FROM not_in_graph")

    def rows_without_graph(self) -> np.ndarray:
        """Return the rows whose vectors are not in the graph, int64 [M], sorted."""
        start, stop = (self.graph or {"rows": 0})["rows"], len(self)
        rows = [row for (row,) in self._all("SELECT row FROM not_in_graph WHERE row < ?", (min(start, stop),))]
        return np.array([*sorted(rows), *range(start, stop)], np.int64)

    def vectors(self) -> np.ndarray:
        """Return all vectors, float16 [N, D], memory-mapped."""
        return self._mapped(VECTORS_FILE, np.dtype(np.float16), (self.dimensions,))

    def small(self) -> np.ndarray:
        """Return all small pictures, uint8 [N, SMALL], memory-mapped."""
        return self._mapped(SMALL_FILE, np.dtype(np.uint8), (SMALL,))

    def content_of(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the vector and the small picture of a row."""
        vector = np.fromfile(self.folder / VECTORS_FILE, np.float16, self.dimensions, offset=2 * self.dimensions * row)
        small = np.fromfile(self.folder / SMALL_FILE, np.uint8, SMALL, offset=SMALL * row)
        return vector, small

    def rows(self, start: int, stop: int) -> list[Row]:
        """Return rows of the table, in order."""
        return [_row(each) for each in self._all(f"SELECT {COLUMNS} FROM pictures WHERE row >= ? AND row < ? "
                                                 "ORDER BY row", (start, stop))]  # fmt: skip

    def at(self, key: str) -> Row | None:
        """Return the row of the picture at a place."""
        found = self._one(f"SELECT {COLUMNS} FROM pictures WHERE place = ?", (_bytes(key),))
        return _row(found) if found else None

    def with_content(self, sha256: bytes) -> list[Row]:
        """Return the rows of pictures with this content."""
        return [_row(each) for each in self._all(f"SELECT {COLUMNS} FROM pictures WHERE sha256 = ?", (sha256,))]

    def failure_at(self, key: str) -> Failure | None:
        """Return what was wrong with the picture at a place."""
        query = "SELECT place, is_relative, size, mtime_ns, error FROM failures WHERE place = ?"
        found = self._one(query, (_bytes(key),))
        return _failure(found) if found else None

    def see(self, key: str) -> bool:
        """Note that the picture at a place was found now, and return whether that is new."""
        with self.errors(), self._lock:
            return self._connection.execute("INSERT OR IGNORE INTO temp.seen VALUES (?)", (_bytes(key),)).rowcount > 0

    def unsee(self, key: str) -> None:
        """Note that there was nothing at a place after all."""
        self._all("DELETE FROM temp.seen WHERE place = ?", (_bytes(key),))

    def not_seen(self) -> Iterator[str]:
        """Yield the places of pictures and failures that were not found now; nothing may be changed meanwhile."""
        for table in ("pictures", "failures"):
            query = f"SELECT place FROM {table} WHERE place IS NOT NULL AND place NOT IN (SELECT place FROM temp.seen)"
            with self.errors(), self._lock:
                for (place,) in self._connection.execute(query):
                    yield _text(place)

    def write(self, changes: Sequence["New | Move | Failure"]) -> None:
        """Make changes, all of them or none; a picture that was at a place before is nowhere then, till `tidy`."""
        new = [one for one in changes if isinstance(one, New)]
        with self._writing():
            rows = count(self._append(new) if new else 0)
            for one in changes:
                if isinstance(one, New):
                    self._leave(one.place.key)
                    values: tuple = (next(rows), _bytes(one.place.key), one.place.is_relative, *one[1:7])
                    self._all(f"INSERT INTO pictures ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
                elif isinstance(one, Move):
                    self._leave(one.place.key, but=one.row)
                    self._all("UPDATE pictures SET place = ?, is_relative = ?, size = ?, mtime_ns = ? WHERE row = ?",
                              (_bytes(one.place.key), one.place.is_relative, *one[2:], one.row))  # fmt: skip
                else:
                    self._leave(one.place.key)
                    values = (_bytes(one.place.key), one.place.is_relative, *one[1:])
                    self._all("INSERT INTO failures VALUES (?, ?, ?, ?, ?)", values)

    def remove(self, keys: Sequence[str]) -> None:
        """Forget the pictures at these places."""
        with self._writing():
            for key in keys:
                self._leave(key)

    @property
    def is_tidy(self) -> bool:
        """Whether there is a picture in each row, as a run leaves it that was not ended before."""
        return self._one("SELECT count(place) = coalesce(max(row) + 1, 0) FROM pictures")[0]

    def tidy(self) -> None:
        """Forget what is nowhere, move the last rows to where others have left, and cut the files behind the last."""
        with self.errors(), self._lock:
            self._all("DELETE FROM pictures WHERE place IS NULL")
            gaps = [] if self.is_tidy else self._gaps()
            for start in range(0, len(gaps), AT_ONCE):
                self._fill(gaps[start : start + AT_ONCE])
            self._cut()

    def _gaps(self) -> list[int]:
        """Return the rows below the number of pictures that have none."""
        is_gap = np.ones(len(self), bool)
        for (row,) in self._connection.execute("SELECT row FROM pictures WHERE row < ?", (len(is_gap),)):
            is_gap[row] = False
        return np.flatnonzero(is_gap).tolist()

    def _fill(self, gaps: Sequence[int]) -> None:
        last = [row for (row,) in self._all("SELECT row FROM pictures ORDER BY row DESC LIMIT ?", (len(gaps),))]
        pairs = list(zip(gaps, last, strict=True))
        for name, length in self._files():
            with open(self.folder / name, "r+b") as file:
                for gap, row in pairs:
                    file.seek(row * length)
                    data = file.read(length)
                    file.seek(gap * length)
                    file.write(data)
                _save(file)
        with self._writing():
            for gap, row in pairs:
                self._all("UPDATE pictures SET row = ? WHERE row = ?", (gap, row))
                self._all("INSERT OR IGNORE INTO not_in_graph VALUES (?)", (gap,))

    def _cut(self) -> None:
        for name, length in self._files():
            path = self.folder / name
            if path.exists() and path.stat().st_size != self._end() * length:
                os.truncate(path, self._end() * length)

    def _append(self, new: Sequence[New]) -> int:
        """Append to the files what new pictures have there, and return the row of the first."""
        row = self._end()
        self._put(VECTORS_FILE, row, np.stack([one.vector for one in new]).astype(np.float16))
        self._put(SMALL_FILE, row, np.stack([one.small for one in new]))
        self._all("INSERT OR IGNORE INTO about VALUES ('dimensions', ?)", (str(len(new[0].vector)),))
        return row

    def _put(self, name: str, row: int, values: np.ndarray) -> None:
        path = self.folder / name
        with open(path, "r+b" if path.exists() else "w+b") as file:
            file.seek(row * values[0].nbytes)
            file.truncate()
            file.write(values.tobytes())
            _save(file)

    def _mapped(self, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        if not len(self):
            return np.empty((0, *shape), dtype)
        with self.errors():
            return np.memmap(self.folder / name, dtype, "r", shape=(len(self), *shape))

    def _check_files(self) -> None:
        end = self._end()
        for name, length in self._files():
            path = self.folder / name
            if end and (not path.exists() or path.stat().st_size < end * length):
                raise UsageError(
                    f"the index {self.folder} is damaged: {name} does not have its {end:,} rows; delete it and "
                    "build it again"
                )

    def _files(self) -> tuple[tuple[str, int], ...]:
        """Return the files of rows, and the bytes of a row."""
        return (VECTORS_FILE, 2 * self.dimensions), (SMALL_FILE, SMALL)

    def _end(self) -> int:
        return self._one("SELECT coalesce(max(row) + 1, 0) FROM pictures")[0]

    def _leave(self, key: str, but: int = -1) -> None:
        """Let what was at a place be nowhere; its vector may be wanted still, should the picture be elsewhere."""
        self._all("UPDATE pictures SET place = NULL WHERE place = ? AND row != ?", (_bytes(key), but))
        self._all("DELETE FROM failures WHERE place = ?", (_bytes(key),))

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
        except sqlite3.OperationalError as error:  # full, not writable
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
        if not is_empty and self._one("PRAGMA application_id")[0] != IS_AN_INDEX:
            raise UsageError(f"{self.folder / TABLE_FILE} is of another program; give --index another folder")
        return is_empty

    def _create(self, about: dict[str, Any]) -> None:
        with self._writing():
            self._all(f"PRAGMA application_id = {IS_AN_INDEX}")
            for statement in SCHEMA.split(";"):
                self._all(statement)
            self._all("INSERT INTO about VALUES ('format', ?)", (str(FORMAT),))
            self._all("INSERT INTO about VALUES ('model', ?)", (json.dumps(about),))

    def _check_format(self) -> None:
        found = self._one("SELECT value FROM about WHERE what = 'format'")
        if found is None or found[0] != str(FORMAT):
            raise UsageError(
                f"the index {self.folder} has the format {found and found[0]}, and this version reads {FORMAT}; "
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


def _save(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _row(values: Sequence[Any]) -> Row:
    row, place, is_relative, *rest = values
    return Row(row, None if place is None else Place(_text(place), bool(is_relative)), *rest)


def _failure(values: Sequence[Any]) -> Failure:
    place, is_relative, *rest = values
    return Failure(Place(_text(place), bool(is_relative)), *rest)


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogatepass")  # the bytes of a path that is not UTF-8 are surrogates


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogatepass")
