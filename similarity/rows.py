"""Rows of what was found: text, CSV and JSON Lines, on stdout or in a file that is written whole."""

import contextlib
import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from console.text import printable
from errors import UsageError
from files import written_whole
from outputs.overwrite import check_is_no_picture
from outputs.rows import PATH_ERRORS, shortest, writable
from similarity.query import Answer

COLUMNS = ("query", "rank", "path", "similarity")
NOTHING = "nothing found"


class Rows:
    """Rows as CSV, after a header, or as JSON Lines: objects with the same fields, in ASCII."""

    def __init__(self, file: TextIO, format: str, columns: Sequence[str]) -> None:
        self._file, self._columns = file, columns
        self._csv = csv.writer(file, lineterminator="\n") if format == "csv" else None
        if self._csv:
            self._csv.writerow(columns)

    def write(self, *values: Any) -> None:
        """Write one row, a value for each column; a float is written without digits that float32 has not."""
        cells = [_cell(value) for value in values]
        if self._csv:
            self._csv.writerow(cells)
        else:
            self._file.write(json.dumps(dict(zip(self._columns, cells, strict=True))) + "\n")


def _cell(value: Any) -> Any:
    return shortest(value) if isinstance(value, float) else writable(value) if isinstance(value, str) else value


@contextlib.contextmanager
def open_output(output: str | None, force: bool) -> Iterator[TextIO]:
    """Give the file that --output names, which is whole at the end or not there, or stdout; raises UsageError."""
    if output is None:
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UsageError(f"the results cannot be written: {error.strerror or error}") from error
        return
    path = Path(os.path.realpath(output))  # a link stays one
    check_output(output, force)
    try:
        with (
            contextlib.nullcontext(path) if is_device(path) else written_whole(path) as unfinished,
            open(unfinished, "w", encoding="utf-8", errors=PATH_ERRORS, newline="") as file,
        ):
            yield file
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror or error}") from error


def is_device(path: Path) -> bool:
    """Return whether a path is that of a device or a pipe, such as /dev/null, which no file may take the place of."""
    return path.exists() and not path.is_file() and not path.is_dir()


def check_output(output: str, force: bool) -> None:
    """Raise UsageError when there is something that would be overwritten."""
    check_is_no_picture("--output", output)
    if not Path(output).parent.is_dir():
        raise UsageError(f"cannot write {output}: there is no folder {Path(output).parent}")
    if Path(output).exists() and not is_device(Path(output)) and not force:
        raise UsageError(f"{output} exists; give --output another name, or --force to overwrite it")


class FoundRows:
    """Answers as rows, or as lines for people."""

    def __init__(self, file: TextIO, format: str) -> None:
        self._file = file
        self._rows = None if format == "text" else Rows(file, format, COLUMNS)
        self._separator = ""

    def write(self, answer: Answer) -> None:
        """Write what was found for a query; an error is left to the messages."""
        if answer.error:
            return
        if self._rows is None:
            self._write_text(answer)
            return
        for rank, match in enumerate(answer.matches, start=1):
            self._rows.write(answer.query, rank, match.path, match.similarity)

    def _write_text(self, answer: Answer) -> None:
        lines = [f"{self._separator}{printable(answer.query)}"]
        lines += [
            f"{rank}. {printable(match.path)}: {match.similarity:.3f}" for rank, match in enumerate(answer.matches, 1)
        ]
        lines += [] if answer.matches else [NOTHING]
        self._file.write("".join(f"{line}\n" for line in lines))
        self._separator = "\n"
