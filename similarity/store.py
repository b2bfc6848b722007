"""The folder of an index: a table of pictures in SQLite, and beside it their vectors and small copies, a row each.

What a row has in the files counts only when the table names it: a batch is appended to the files first and then
to the table, so a process may be killed at any moment. No row is written over while the table names it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from errors import UsageError
from similarity.database import Database
from similarity.records import COLUMNS, Failure, Move, New, Row, failure_of, row_of, to_bytes, to_text
from similarity.small import SMALL

VECTORS_FILE, SMALL_FILE = "vectors.f16", "small.u8"
AT_ONCE = 1000  # rows that are moved


class Store(Database):
    """An index's pictures, which are in the table, with their vectors and small copies, which lie beside it."""

    def __len__(self) -> int:
        return self._one("SELECT count(*) FROM pictures")[0]

    @property
    def about(self) -> dict[str, Any]:
        """What made it."""
        return json.loads(self._value("model"))

    @property
    def dimensions(self) -> int:
        """The numbers of a vector; 0 when there is none yet."""
        return int(self._value("dimensions") or 0)

    @property
    def graph(self) -> dict[str, Any] | None:
        """What is known of the graph for approximate search; None when there is none."""
        found = self._value("graph")
        return json.loads(found) if found else None

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
        """Return all small copies, uint8 [N, SMALL], memory-mapped."""
        return self._mapped(SMALL_FILE, np.dtype(np.uint8), (SMALL,))

    def content_of(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the vector of a row, float16 [D], and its small copy, uint8 [SMALL]."""
        vector = np.fromfile(self.folder / VECTORS_FILE, np.float16, self.dimensions, offset=2 * self.dimensions * row)
        small = np.fromfile(self.folder / SMALL_FILE, np.uint8, SMALL, offset=SMALL * row)
        return vector, small

    def rows(self, start: int, stop: int) -> list[Row]:
        """Return rows of the table, in order."""
        return self._rows("row >= ? AND row < ? ORDER BY row", start, stop)

    def at(self, key: str) -> Row | None:
        """Return the row of the picture at a place."""
        return next(iter(self._rows("place = ?", to_bytes(key))), None)

    def with_content(self, sha256: bytes) -> list[Row]:
        """Return the rows of pictures with this content."""
        return self._rows("sha256 = ?", sha256)

    def _rows(self, where: str, *values: Any) -> list[Row]:
        return [row_of(each) for each in self._all(f"SELECT {COLUMNS} FROM pictures WHERE {where}", values)]

    def failure_at(self, key: str) -> Failure | None:
        """Return what was wrong with the picture at a place."""
        query = "SELECT place, is_relative, size, mtime_ns, error FROM failures WHERE place = ?"
        found = self._one(query, (to_bytes(key),))
        return failure_of(found) if found else None

    def see(self, key: str) -> bool:
        """Note that the picture at a place was found now, and return whether that is new."""
        with self.errors(), self._lock:
            return self._connection.execute("INSERT OR IGNORE INTO temp.seen VALUES (?)", (to_bytes(key),)).rowcount > 0

    def unsee(self, key: str) -> None:
        """Note that there was nothing at a place after all."""
        self._all("DELETE FROM temp.seen WHERE place = ?", (to_bytes(key),))

    def not_seen(self) -> Iterator[str]:
        """Yield the places of pictures and failures that were not found now; nothing may be changed meanwhile."""
        for table in ("pictures", "failures"):
            query = f"SELECT place FROM {table} WHERE place IS NOT NULL AND place NOT IN (SELECT place FROM temp.seen)"
            with self.errors(), self._lock:
                for (place,) in self._connection.execute(query):
                    yield to_text(place)

    def write(self, changes: Sequence[New | Move | Failure]) -> None:
        """Make changes, all of them or none; a picture that was at a place before is nowhere then, till `tidy`."""
        new = [one for one in changes if isinstance(one, New)]
        with self._writing():
            rows = count(self._append(new) if new else 0)
            for one in changes:
                place = to_bytes(one.place.key), one.place.is_relative
                self._leave(one.place.key, but=one.row if isinstance(one, Move) else -1)
                if isinstance(one, New):
                    insert = f"INSERT INTO pictures ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    self._all(insert, (next(rows), *place, *one[1:7]))
                elif isinstance(one, Move):
                    update = "UPDATE pictures SET place = ?, is_relative = ?, size = ?, mtime_ns = ? WHERE row = ?"
                    self._all(update, (*place, one.size, one.mtime_ns, one.row))
                else:
                    self._all("INSERT INTO failures VALUES (?, ?, ?, ?, ?)", (*place, *one[1:]))

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
        for known in range(row, min(row + len(new), (self.graph or {"rows": 0})["rows"])):  # as what was cut off
            self._all("INSERT OR IGNORE INTO not_in_graph VALUES (?)", (known,))
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

    def _check(self) -> None:
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
        self._all("UPDATE pictures SET place = NULL WHERE place = ? AND row != ?", (to_bytes(key), but))
        self._all("DELETE FROM failures WHERE place = ?", (to_bytes(key),))


def _save(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
