"""Features of pictures on disk: one SQLite file for each network and way of preprocessing.

A row is kept as soon as its batch is computed, so an interrupted run goes on where it stopped.
"""

import contextlib
import logging
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from errors import UsageError

BUSY_SECONDS = 60  # how long to wait for another run that writes

logger = logging.getLogger("suite")

Key = tuple[str, str]  # a picture's digest, and its view


class FeatureStore:
    """{(digest, view): features [F]}, safe against crashes and other runs; kept in `dtype`, float32 or float16."""

    def __init__(self, path: Path, dtype: str = "float32") -> None:
        self._path = path
        self._dtype = np.dtype(dtype)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"features cannot be kept in {path}: {error}; give another folder with --cache-dir, or --no-cache"
            ) from error

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.OperationalError:  # locked, full, not writable
            raise
        except sqlite3.DatabaseError as error:
            logger.info("%s is damaged (%s): computing its features anew", self._path, error)
            self._path.unlink()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, check_same_thread=False
        )  # Keras reads on another
        with contextlib.ExitStack() as on_error:
            on_error.callback(connection.close)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS features (digest TEXT, view TEXT, vector BLOB, checksum INTEGER, "
                "PRIMARY KEY (digest, view))"
            )
            connection.execute("SELECT count(*) FROM features").fetchone()  # reads every page of the index
            on_error.pop_all()
        return connection

    def get(self, key: Key) -> np.ndarray | None:
        """Return the features of one view of a picture, or None when they are not there, whole and right."""
        query = "SELECT vector, checksum FROM features WHERE digest = ? AND view = ?"
        try:
            row = self._connection.execute(query, key).fetchone()
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{self._path} is damaged ({error}); delete it and run again") from error
        if row is None or zlib.crc32(row[0]) != row[1]:
            return None
        return np.frombuffer(row[0], self._dtype)

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return the keys that have no features yet, each once, in order."""
        return [key for key in dict.fromkeys(keys) if self.get(key) is None]

    def add(self, rows: Sequence[tuple[Key, np.ndarray]]) -> None:
        """Keep features, all of them or none."""
        limit = np.finfo(self._dtype).max
        blobs = [np.clip(row, -limit, limit).astype(self._dtype).tobytes() for _key, row in rows]
        values = [(*key, blob, zlib.crc32(blob)) for (key, _row), blob in zip(rows, blobs, strict=True)]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            raise UsageError(f"features cannot be kept in {self._path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
