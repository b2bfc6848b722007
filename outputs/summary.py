"""A run in a few lines: how many pictures got which label, and which answers are the least certain."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from console.text import end_of, printable, shorten
from outputs import Output
from outputs.rows import StoredRow
from results import Result

if TYPE_CHECKING:
    from sources.frames import Frame

MOST_LABELS = 30  # of many, those with the most pictures
MOST_UNCERTAIN = 5
BAR = 20  # characters of the longest one
LABEL, PATH = 30, 70  # characters, at most
UNSURE, FAILED = "(unsure)", "(failed)"


class Summary(Output):
    """Counts results, in constant memory for any number of pictures."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._unsure = self._failed = 0
        self._least: list[tuple[float, str, str]] = []  # a heap of the scores, each below zero; the best is on top

    def write(self, _frame: "Frame | None", result: Result) -> None:
        """Count the result of one picture."""
        best = result.predictions[0] if result.predictions else None
        self.add(result.source, best.label if best else "", best.score if best else 0, result.error)

    def add(self, source: str, label: str, score: float, error: str) -> None:
        """Count one picture; without a label it is unsure."""
        if error:
            self._failed += 1
        elif not label:
            self._unsure += 1
        else:
            self._counts[label] += 1
            keep = heapq.heappush if len(self._least) < MOST_UNCERTAIN else heapq.heappushpop
            keep(self._least, (-score, source, label))

    def add_rows(self, rows: Iterable[StoredRow]) -> None:
        """Count pictures from their rows."""
        for row in rows:
            self.add(row.path, row.label, row.score, row.error)

    def text(self) -> str:
        """Return the summary, with the line ends."""
        labels = sorted(self._counts.items(), key=lambda each: (-each[1], each[0]))[:MOST_LABELS]
        others = [(name, count) for name, count in ((UNSURE, self._unsure), (FAILED, self._failed)) if count]
        bars = self._bars([(printable(shorten(label, LABEL)), count) for label, count in labels] + others)
        rest = len(self._counts) - len(labels)
        bars[len(labels) : len(labels)] = [f"and {rest:,} other labels"] * bool(rest)
        lines = [f"{count_of(self._total, 'picture')}, {count_of(len(self._counts), 'label')}", *bars]
        lines += ["", "least certain:"] * bool(self._least)
        for negative, source, label in sorted(self._least, reverse=True):
            lines.append(f"{-negative:6.1%}  {printable(end_of(source, PATH))}: {printable(shorten(label, LABEL))}")
        return "".join(f"{line}\n" for line in lines)

    @property
    def _total(self) -> int:
        return self._counts.total() + self._unsure + self._failed

    def _bars(self, rows: Sequence[tuple[str, int]]) -> list[str]:
        width = max((len(name) for name, _count in rows), default=0)
        longest = max((count for _name, count in rows), default=1)
        digits = len(f"{longest:,}")
        lines = []
        for name, count in rows:
            bar = "█" * max(1, round(BAR * count / longest))
            lines.append(f"{name:{width}}  {count:{digits},}  {count / self._total:6.1%}  {bar}")
        return lines


def count_of(number: int, what: str) -> str:
    """Return a number of things, in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class SummaryFormat:
    """No row for a picture, and the summary at the end."""

    header = ""
    shows_errors = False

    def __init__(self) -> None:
        self._summary = Summary()

    def row(self, result: Result) -> str:
        """Return nothing, and count the result."""
        self._summary.write(None, result)
        return ""

    def footer(self) -> str:
        """Return the summary of all results."""
        return self._summary.text()
