"""Results as a folder of parts: part-000001.csv, -000002 ..., each whole or not there, on a disk or in a store.

A run goes on with what no part has. `_run.json` says what shaped the answers. A `PartWriter` writes parts wherever it
is sent to.
"""

import csv
import io
import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING

from errors import UsageError
from files import UNFINISHED
from outputs.formats import PARQUET, make_format
from outputs.made_with import check_same
from outputs.part_folder import PartFolder, open_folder
from outputs.rows import PATH_ERRORS, StoredFormat, StoredRow, writable
from results import Result
from sources.named import absolute

if TYPE_CHECKING:
    import numpy as np

    from sources.frames import Frame

ROWS = 1000  # of a part: what a run that is killed has to compute again, at most
PART = re.compile(r"part-(\d{6,})\.(csv|jsonl|parquet)")
RUN_FILE = "_run.json"  # pandas, DuckDB and pyarrow leave out what begins so
FOLDER = "folder"  # the entry of the run's file that relative paths start from

logger = logging.getLogger("suite")


@dataclass(frozen=True)
class PartWriter:
    """Writes parts into a folder; plain and picklable."""

    folder: str
    format: str  # csv, jsonl or parquet
    model: str
    top_k: int
    start: str | None = None  # the folder that relative paths start from, when they have to be made absolute

    def write(self, number: int, results: Sequence[Result]) -> None:
        """Write a part, whole or not at all, in the place of one of this number; raises UsageError."""
        if self.start is not None:
            results = [replace(result, source=absolute(result.source, self.start)) for result in results]
        name = f"part-{number:06}.{self.format}"
        try:
            open_folder(self.folder).write(name, self._encode(results))
        except OSError as error:
            raise UsageError(f"cannot write {self.folder.rstrip('/')}/{name}: {_reason(error)}") from error

    def _encode(self, results: Sequence[Result]) -> bytes:
        if self.format == PARQUET:
            from outputs.parquet import encode

            return encode(results, self.model, self.top_k)
        rows = make_format(self.format, self.model, self.top_k)
        return "".join([rows.header, *map(rows.row, results)]).encode("utf-8", PATH_ERRORS)

    def read(self, data: bytes) -> Iterator[StoredRow]:
        """Yield the rows of a part; raises ValueError for what is none of this run."""
        if self.format == PARQUET:
            from outputs.parquet import read

            return read(data)
        return self._read_text(data)

    def _read_text(self, data: bytes) -> Iterator[StoredRow]:
        rows = make_format(self.format, self.model, self.top_k)
        assert isinstance(rows, StoredFormat)
        file, header = io.BytesIO(data), rows.header.encode()
        if file.read(len(header)) != header:
            raise ValueError("it does not begin with its heading")
        end = len(header)
        for row in rows.read(file):
            yield row
            end = row.end
        if end < len(data):
            raise ValueError("its last row is not whole")


class Done:
    """Which inputs have their row, by 64 bits of a hash: 12 bytes for each row."""

    def __init__(self, keys: "np.ndarray") -> None:
        import numpy as np

        self._keys = np.sort(keys)
        self._taken = np.zeros(len(keys), np.uint32)  # of several rows of one input, counted at the first

    def take(self, path: str) -> bool:
        """Return whether there is a row of this input; each row answers for one."""
        key = key_of(path)
        first, end = (int(self._keys.searchsorted(key, side)) for side in ("left", "right"))
        if first == end or self._taken[first] == end - first:
            return False
        self._taken[first] += 1
        return True

    def left(self) -> int:
        """Return how many rows no input has asked for."""
        return len(self._keys) - int(self._taken.sum(dtype="int64"))


def key_of(path: str, folder: str = os.curdir) -> "np.uint64":
    """Return what stands for an input as seen from a folder: the same in all processes, and for paths as read back."""
    import numpy as np

    name = absolute(writable(path), folder).encode("utf-8", "backslashreplace")  # as in Parquet
    return np.uint64(int.from_bytes(blake2b(name, digest_size=8).digest()))


class Parts:
    """A folder of parts of one run, and of those that go on with it.

    `made_with` is what shapes the answers, by the option that says it. With `resume`, parts that are there stay. With
    `force`, they are removed by `begin`. Raises UsageError when there are parts and neither is given, when they were
    made otherwise, and when another run writes there.
    """

    def __init__(
        self, folder: str, format: str, model: str, top_k: int, made_with: dict, resume: bool, force: bool
    ) -> None:
        self.name = folder.rstrip("/" + os.sep) or folder
        self.rows = self.failed = 0  # that were there before
        self._made_with = json.loads(json.dumps(made_with))
        self._start = os.getcwd()
        self._writes_over = force and not resume
        self._folder = self._open(folder)
        try:
            parts = [match.groups() for match in map(PART.fullmatch, self._names()) if match]
            if parts and not resume and not force:
                raise UsageError(f"{folder} has results; --resume goes on with them, --force removes them")
            if parts and resume:
                self._start = self._check_run()
            self._numbers = sorted(int(number) for number, kind in parts if resume and kind == format)
        except BaseException:
            self._folder.unlock()
            raise
        is_elsewhere = self._start != os.getcwd()
        self.writer = PartWriter(folder, format, model, top_k, os.getcwd() if is_elsewhere else None)

    @property
    def next_number(self) -> int:
        """The first number after those of the parts that are there."""
        return self._numbers[-1] + 1 if self._numbers else 1

    def begin(self) -> None:
        """Make the folder ready for the first part: without what --force removes, or what a killed run left."""
        names = {name for name in self._names() if (self._writes_over and PART.fullmatch(name)) or _is_torn(name)}
        try:
            for name in sorted(names):
                self._folder.remove(name)
            if not self._numbers:
                run = json.dumps(self._made_with | {FOLDER: self._start}, indent=2)
                self._folder.write(RUN_FILE, f"{run}\n".encode())
        except OSError as error:
            raise UsageError(f"cannot write to {self.name}: {_reason(error)}") from error

    def done(self) -> Done:
        """Return which inputs have their row, and count the rows."""
        import numpy as np

        self.rows = self.failed = 0
        keys = [np.empty(0, np.uint64)]
        for rows in self._read_parts():
            self.rows += len(rows)
            self.failed += sum(bool(row.error) for row in rows)
            keys.append(np.array([key_of(row.path, self._start) for row in rows], np.uint64))
        return Done(np.concatenate(keys))

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield the rows that were there before."""
        return chain.from_iterable(self._read_parts())

    def close(self) -> None:
        """Let other runs write."""
        self._folder.unlock()

    def _open(self, path: str) -> PartFolder:
        try:
            folder = open_folder(path)
            folder.lock()
        except OSError as error:
            raise UsageError(f"cannot write to {path}: {_reason(error)}") from error
        return folder

    def _names(self) -> list[str]:
        try:
            return [name for name in self._folder.names() if PART.fullmatch(name) or _is_torn(name)]
        except OSError as error:
            raise UsageError(f"cannot list {self.name}: {_reason(error)}") from error

    def _read_parts(self) -> Iterator[list[StoredRow]]:
        for number in self._numbers:
            name = f"part-{number:06}.{self.writer.format}"
            try:
                yield list(self.writer.read(self._folder.read(name)))
            except (OSError, ValueError, csv.Error, RecursionError) as error:
                raise UsageError(
                    f"{self.name}/{name} is damaged ({_reason(error)}); "
                    "remove it, and --resume computes its pictures again"
                ) from error

    def _check_run(self) -> str:
        """Return the folder that the run was started in; raises UsageError when it was not made as this one."""
        try:
            made_with = json.loads(self._folder.read(RUN_FILE))
            start = os.fspath(made_with.pop(FOLDER))
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise UsageError(
                f"cannot go on with {self.name}, because its {RUN_FILE}, which says how it was made, "
                "cannot be read; --force without --resume starts anew"
            ) from error
        check_same(self.name, made_with, self._made_with)
        return start


def _is_torn(name: str) -> bool:
    return name.startswith(UNFINISHED) and bool(re.search(rf"-(?:{PART.pattern}|{re.escape(RUN_FILE)})$", name))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


class PartsResults:
    """The results of one process as parts; one that ends early writes the rows that it has as a shorter part."""

    shows_errors = True

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        try:
            self._done = parts.done()
        except BaseException:
            parts.close()
            raise
        self.rows, self.failed = parts.rows, parts.failed
        self._number = parts.next_number
        self._has_begun = False
        self._waiting: list[Result] = []

    def has_row(self, path: str) -> bool:
        """Return whether this input has its row already; to be asked once for each input."""
        return self._done.take(path)

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield the rows that were there before."""
        return self._parts.stored_rows()

    def write(self, _frame: "Frame", result: Result) -> None:
        """Take the row of one picture; raises UsageError when a part cannot be written."""
        self._waiting.append(result)
        self.rows += 1
        self.failed += bool(result.error)
        if len(self._waiting) >= ROWS:
            self._write_part()

    def how_to_go_on(self) -> str:
        """Say what is safe after an interruption."""
        if not self.rows:
            return f"{self._parts.name} has no rows yet"
        return f"{self._parts.name} has {self.rows:,} rows; the same command with --resume goes on"

    def __enter__(self) -> "PartsResults":
        return self

    def __exit__(self, error_type: type | None, *_: object) -> None:
        try:
            if self._waiting or (error_type is None and not self.rows):
                with suppress(*[UsageError] * (error_type is UsageError)):  # which says more than this one
                    self._write_part()
        finally:
            self._parts.close()
        if error_type is None and (left := self._done.left()):
            logger.warning("%s has %d rows of pictures that are no longer among the inputs", self._parts.name, left)

    def _write_part(self) -> None:
        if not self._has_begun:
            self._parts.begin()
            self._has_begun = True
        self._parts.writer.write(self._number, self._waiting)
        self._number += 1
        self._waiting = []
