"""Results in a file: a whole row or none, one writer at a time, and a run that was interrupted can go on.

Beside `results.csv` stands `results.csv.run.json`, which says what shaped the answers: a run is
resumed with the same only.
"""

import csv
import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from decoding.formats import IMAGE_SUFFIXES
from errors import UsageError
from files import write_whole
from outputs.lock import lock
from outputs.made_with import folder_of_run, to_keep
from outputs.overwrite import check_is_no_picture
from outputs.results_stream import ResultsStream
from outputs.rows import PATH_ERRORS, DoneRows, Format, Results, StoredFormat, StoredRow
from results import Result
from sources.named import absolute

if TYPE_CHECKING:
    from sources.frames import Frame

logger = logging.getLogger("suite")


def open_results(path: str | None, format: Format, made_with: dict | None, resume: bool, force: bool) -> Results:
    """Return the way to a file, or to stdout for None; a device or a pipe is written like stdout.

    Raises UsageError as ResultsFile does.
    """
    if path is None:
        return ResultsStream(sys.stdout, format)
    if path.lower().endswith(IMAGE_SUFFIXES):
        raise UsageError(f"--output {path} has the name of a picture; results are text")
    if not resume:  # which reads what is there
        check_is_no_picture("--output", path)
    if not os.path.exists(path) or os.path.isfile(path):
        return ResultsFile(path, format, made_with, resume, force)
    if resume:
        raise UsageError(f"--resume goes on with a regular file, which {path} is not")
    try:
        return ResultsStream(open(path, "w", encoding="utf-8", errors=PATH_ERRORS), format)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


class ResultsFile:
    """Appends a row for each result.

    `made_with` is what shapes the answers, by the option that says it; None when the run cannot be
    resumed. With `resume`, rows that are there already stay: `has_row` says for which inputs. Raises
    UsageError when the file cannot be written, exists (unless `force`), belongs to a run that is still
    going on, or was made otherwise.
    """

    def __init__(
        self, path: str, format: Format, made_with: dict | None, resume: bool = False, force: bool = False
    ) -> None:
        self._path = Path(path)
        self._run_path = self._path.with_name(self._path.name + ".run.json")
        self._format = format
        self._can_resume = isinstance(format, StoredFormat) and made_with is not None
        self.shows_errors = format.shows_errors
        self._made_with = json.loads(json.dumps(made_with or {}))
        self._end = 0
        self._is_started = False
        self.rows = self.failed = 0  # that are in the file
        self._done = DoneRows(iter(()), os.curdir)
        self._folder = os.getcwd()
        self._is_elsewhere = False  # than the run that made the file: relative paths mean others there
        self._file = self._open()
        try:
            if resume and self._size():
                self._resume()
            elif self._size() and not force:
                raise UsageError(f"{path} exists; --resume goes on with it, --force overwrites it")
        except BaseException:
            self._file.close()
            raise

    def has_row(self, path: str) -> bool:
        """Return whether this input has its row already; to be asked once for each input, in order."""
        return self._done.take(path)

    def write(self, _frame: "Frame", result: Result) -> None:
        """Append the row of one picture, or nothing; raises UsageError when it cannot be written."""
        if not self._is_started:
            self._start()
        if self._is_elsewhere:
            result = replace(result, source=absolute(result.source))
        self._append(self._format.row(result))
        self.rows += 1
        self.failed += bool(result.error)

    def __enter__(self) -> "ResultsFile":
        return self

    def __exit__(self, error_type: type | None, *_: object) -> None:
        """Leave whole rows only; of a finished run without any, the header; the file stays, for who waits for it."""
        is_finished = error_type is None
        if is_finished and not self._is_started:
            self._start()
        if self._is_started:
            self._cut()
            if is_finished:
                self._append(self._format.footer())
        self._file.close()
        if is_finished and (left := self._done.left()):
            logger.warning("%s has %d rows of pictures that are no longer among the inputs", self._path, left)

    def how_to_go_on(self) -> str:
        """Say what is safe after an interruption."""
        if not self._is_started and self._size():
            return f"{self._path} is as it was"
        if not self.rows:
            return f"{self._path} has no rows yet"
        advice = "; the same command with --resume goes on" if self._can_resume else ""
        return f"{self._path} has {self.rows:,} rows{advice}"

    def _open(self) -> BinaryIO:
        try:
            file = open(self._path, "ab", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"cannot write {self._path}: {error.strerror}") from error
        lock(file, self._path)
        return file

    def _size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def _cut(self) -> None:
        if self._size() > self._end:
            self._file.truncate(self._end)

    def _start(self) -> None:
        self._file.truncate(0)
        self._is_started = True
        if self._can_resume:
            self._save_run()
        self._append(self._format.header)

    def _save_run(self) -> None:
        try:
            write_whole(self._run_path, to_keep(self._made_with, self._folder))
        except OSError as error:
            raise UsageError(f"cannot write {self._run_path}: {error.strerror}") from error

    def _append(self, text: str) -> None:
        data = text.encode("utf-8", PATH_ERRORS)
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
        except OSError as error:
            self._cut()
            raise UsageError(f"cannot write {self._path}: {error.strerror}; {self.how_to_go_on()}") from error
        self._end += len(data)

    def _resume(self) -> None:
        folder = folder_of_run(str(self._path), str(self._run_path), self._run_path.read_bytes, self._made_with)
        header = self._format.header.encode()
        with open(self._path, "rb") as file:
            if (start := file.read(len(header))) != header:
                if not header.startswith(start):
                    raise UsageError(
                        f"{self._path} does not begin with its heading; --force without --resume starts anew"
                    )
                return
            self._end = len(header)
            for row in self._read(file):
                self.rows += 1
                self.failed += bool(row.error)
                self._end = row.end
        self._cut()
        self._is_started = True
        self._is_elsewhere = folder != self._folder
        self._done = DoneRows(self.stored_rows(), folder)

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield the rows that were there before."""
        with open(self._path, "rb") as file:
            file.seek(len(self._format.header.encode()))
            yield from islice(self._read(file), self.rows)

    def _read(self, file: BinaryIO) -> Iterator[StoredRow]:
        assert isinstance(self._format, StoredFormat)
        end = file.tell()
        try:
            for row in self._format.read(file):
                yield row
                end = row.end
        except (ValueError, csv.Error, RecursionError) as error:
            raise UsageError(
                f"{self._path} is damaged: what stands at byte {end:,} is not a row ({error}); "
                "--force without --resume starts anew"
            ) from error
