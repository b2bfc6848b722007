"""Results on standard output, or wherever else there is nothing to go on with: a pipe, a device."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from errors import UsageError
from outputs.rows import Format, StoredRow
from results import Result

if TYPE_CHECKING:
    from sources.frames import Frame


class ResultsStream:
    """Writes each result as soon as it is there; BrokenPipeError passes through when the reader has enough."""

    rows = failed = 0  # that were there before

    def __init__(self, stream: TextIO, format: Format) -> None:
        self._stream = stream
        self._format = format
        self._waiting = format.header
        self.shows_errors = format.shows_errors

    def has_row(self, path: str) -> bool:
        """Return False: nothing is there from before."""
        return False

    def write(self, _frame: "Frame", result: Result) -> None:
        """Write the row of one picture; raises UsageError when it cannot be written."""
        self._send(self._format.row(result))

    def __enter__(self) -> "ResultsStream":
        return self

    def __exit__(self, error_type: type | None, *_: object) -> None:
        if error_type is None:
            self._send(self._format.footer())  # of no results, the header, too

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield nothing: nothing is there from before."""
        return iter(())

    def how_to_go_on(self) -> str:
        """Say what is safe after an interruption: nothing that could be known."""
        return ""

    def _send(self, text: str) -> None:
        try:
            self._stream.write(self._waiting + text)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UsageError(f"the results cannot be written: {error.strerror}") from error
        self._waiting = ""
