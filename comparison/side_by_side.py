"""Several models' answers about the same pictures: rows, how often they agree, and formats of both."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, TextIO

import numpy as np

from console.text import end_of, printable, shorten
from errors import UsageError
from inference.scores import to_result
from labels import ClassLabel
from outputs.csv import CsvFormat
from outputs.jsonl import JsonlFormat
from outputs.rows import PATH_ERRORS
from pipeline.panel import Answer
from results import Prediction, Result
from sources.frames import Frame

PATH_WIDTH, LABEL_WIDTH, NAME_WIDTH = 30, 20, 30  # letters
CELL_WIDTH = LABEL_WIDTH + 8  # with a score

logger = logging.getLogger("suite")


class Row(NamedTuple):
    """The answers of all models to one picture."""

    path: str
    results: tuple[Result, ...]  # one for each model; with errors when it cannot be read
    agree: bool  # all best labels are the same
    error: str = ""

    @property
    def best(self) -> tuple[Prediction, ...]:
        """Each model's best label."""
        return tuple(result.predictions[0] for result in self.results)


class Tally:
    """Counts over all pictures: what went wrong, how sure the models were, and which of them agree."""

    def __init__(
        self, names: Sequence[str], labels: Sequence[Sequence[ClassLabel]], decisions: Sequence[float | None]
    ) -> None:
        """Take each model's name, labels and `decision` (see `to_result`); an ensemble comes after these."""
        self.names = names
        self.pictures = self.failed = self.all_agree = 0
        self._labels = labels
        self._voters = len(decisions)  # models that answer by themselves; the ensemble does not
        self._decisions = [*decisions, *[None] * (len(names) - len(decisions))]
        self._same_classes = all(classes == labels[0] for classes in labels)
        self._scores = np.zeros(len(names))
        self._agree = np.zeros((len(names), len(names)), int)

    def add(self, answer: Answer, top_k: int) -> Row:
        """Count one picture and return its row."""
        self.pictures += 1
        source = answer.frame.source
        if answer.scores is None:
            self.failed += 1
            return Row(source, tuple(Result(source, error=answer.error) for _ in self.names), False, answer.error)
        results = tuple(
            to_result(source, scores, labels, top_k, decision_threshold=decision)
            for scores, labels, decision in zip(answer.scores, self._labels, self._decisions, strict=True)
        )
        best = [result.predictions[0] for result in results]
        keys = [one[:2] if self._same_classes else one.label for one in best]
        self._scores += [one.score for one in best]
        self._agree += np.array([[one == other for other in keys] for one in keys])
        agree = len(set(keys[: self._voters])) == 1
        self.all_agree += agree
        return Row(source, results, agree)

    @property
    def answered(self) -> int:
        """How many pictures the models answered for."""
        return self.pictures - self.failed

    def mean_scores(self) -> np.ndarray:
        """Return the mean score of each model's best label, float [models]."""
        return self._scores / max(self.answered, 1)

    def agreement(self) -> np.ndarray:
        """Return the share of pictures for which each two models have the same best label, float [models, models]."""
        return self._agree / max(self.answered, 1)

    def sentence(self) -> str:
        """Say how often all models agree."""
        failed = f"; {self.failed:,} failed" if self.failed else ""
        if not self.answered:
            return "No picture could be read"
        if self._voters == 1:
            return f"{self.answered:,} picture{'s' if self.answered > 1 else ''}{failed}"
        who = "Both models" if self._voters == 2 else f"All {self._voters} models"
        share = f"{self.all_agree:,} of {self.answered:,} pictures ({self.all_agree / self.answered:.1%})"
        return f"{who} give the same best label for {share}{failed}"


class TextTable:
    """A line for each picture, with a column for each model."""

    def __init__(self, names: Sequence[str], top_k: int) -> None:
        self.header = _line("", [shorten(printable(name), CELL_WIDTH - 1) for name in names])

    def rows(self, row: Row, seconds: Sequence[float]) -> str:
        """Return the line of a picture."""
        path = end_of(printable(row.path), PATH_WIDTH)
        if row.error:
            return f"{path:{PATH_WIDTH}}  error: {printable(row.error)}\n"
        cells = [f"{shorten(printable(best.label), LABEL_WIDTH):{LABEL_WIDTH}} {best.score:7.2%}" for best in row.best]
        return _line(path, [*cells, "" if row.agree else "differ"])


class CsvTable:
    """A line for each picture and model: classify_image.py's columns, and agree and ms_per_picture after them."""

    def __init__(self, names: Sequence[str], top_k: int) -> None:
        self._formats = [CsvFormat(name, top_k) for name in names]
        self.header = f"{self._formats[0].header[:-1]},agree,ms_per_picture\n"

    def rows(self, row: Row, seconds: Sequence[float]) -> str:
        """Return the lines of a picture."""
        lines = zip(self._formats, row.results, seconds, strict=True)
        return "".join(f"{form.row(result)[:-1]},{self._more(row, time)}\n" for form, result, time in lines)

    @staticmethod
    def _more(row: Row, seconds: float) -> str:
        return "," if row.error else f"{str(row.agree).lower()},{_ms(seconds)}"


class JsonlTable:
    """An object for each picture and model: classify_image.py's fields, and agree and ms_per_picture."""

    header = ""

    def __init__(self, names: Sequence[str], top_k: int) -> None:
        self._formats = [JsonlFormat(name) for name in names]

    def rows(self, row: Row, seconds: Sequence[float]) -> str:
        """Return the lines of a picture."""
        return "".join(self._lines(row, seconds))

    def _lines(self, row: Row, seconds: Sequence[float]) -> Iterator[str]:
        for form, result, time in zip(self._formats, row.results, seconds, strict=True):
            more = (
                {"agree": None, "ms_per_picture": None}
                if row.error
                else {"agree": row.agree, "ms_per_picture": _ms(time)}
            )
            yield json.dumps(json.loads(form.row(result)) | more) + "\n"


Table = TextTable | CsvTable | JsonlTable
TABLES: dict[str, Callable[[Sequence[str], int], Table]] = {"text": TextTable, "csv": CsvTable, "jsonl": JsonlTable}


def summary(tally: Tally, seconds: Sequence[float]) -> str:
    """Lay out what the models took, how sure they were and how often they agree."""
    if not tally.answered:
        return tally.sentence()
    several = len(tally.names) > 1
    numbers = range(1, len(tally.names) + 1)
    width = max(len(name) for name in tally.names) + 4
    lines = [f"{'model':{width}} ms/picture  mean score" + ("  same best label as" if several else "")]
    if several:
        lines.append(" " * len(lines[0]) + "".join(f"{number:8}" for number in numbers))
    shares = tally.agreement()
    for number, name, time, score in zip(numbers, tally.names, seconds, tally.mean_scores(), strict=True):
        same = ["-" if other == number else f"{shares[number - 1, other - 1]:.1%}" for other in numbers]
        cells = "".join(f"{cell:>8}" for cell in same) if several else ""
        start = f"{number:>2}  {printable(name)}"
        lines.append(f"{start:{width}} {time * 1000:10.1f}  {score:10.2%}".ljust(len(lines[0])) + cells)
    return "\n".join([*lines, tally.sentence()])


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


def _line(first: str, cells: Sequence[str]) -> str:
    return f"{first:{PATH_WIDTH}}{''.join(f'  {cell:{CELL_WIDTH}}' for cell in cells)}".rstrip() + "\n"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
