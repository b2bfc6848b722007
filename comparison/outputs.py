"""Where the comparison goes: a table on stdout or in a file, and whatever else takes rows."""

import logging
import sys
from collections.abc import Sequence
from typing import Protocol, TextIO

from comparison.agreement import Row, Tally
from comparison.tables import Table, TextTable, summary
from errors import UsageError
from outputs.rows import PATH_ERRORS
from sources.frames import Frame

logger = logging.getLogger("suite")


class Output(Protocol):
    """A way out for rows; `seconds` are those that each model took to compute a picture, so far."""

    def write(self, frame: Frame, row: Row, seconds: Sequence[float]) -> None:
        """Take one more picture."""

    def finish(self, tally: Tally, seconds: Sequence[float]) -> None:
        """Write what is known at the end."""


class TableOutput:
    """Writes a table to stdout, or to a file that is made with the first row; the summary goes below the text."""

    def __init__(self, path: str | None, table: Table) -> None:
        self._path, self._table = path, table
        self._stream: TextIO | None = None

    def write(self, _frame: Frame, row: Row, seconds: Sequence[float]) -> None:
        """Write the lines of one picture; raises UsageError when that cannot be done."""
        start = "" if self._stream else self._table.header
        self._send(start + self._table.rows(row, seconds))

    def finish(self, tally: Tally, seconds: Sequence[float]) -> None:
        """Write the summary: below a table for people, and else to the messages."""
        if isinstance(self._table, TextTable) and self._stream:
            self._send(f"\n{summary(tally, seconds)}\n")
        else:
            logger.info("%s", summary(tally, seconds))
        if self._stream and self._path:
            self._stream.close()

    def _send(self, text: str) -> None:
        try:
            if not self._stream:
                self._stream = _open(self._path)
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UsageError(f"the table cannot be written: {error.strerror}") from error


def _open(path: str | None) -> TextIO:
    return open(path, "w", encoding="utf-8", errors=PATH_ERRORS, newline="") if path else sys.stdout
