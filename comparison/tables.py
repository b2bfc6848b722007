"""How several models' answers are written: as text, CSV or JSON Lines, and what they come to in the end."""

import json
from collections.abc import Callable, Iterator, Sequence

from comparison.agreement import Row, Tally
from console.text import end_of, printable, shorten
from outputs.csv import CsvFormat
from outputs.jsonl import JsonlFormat

PATH_WIDTH, LABEL_WIDTH = 30, 20  # letters
CELL_WIDTH = LABEL_WIDTH + 8  # with a score


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


def _line(first: str, cells: Sequence[str]) -> str:
    return f"{first:{PATH_WIDTH}}{''.join(f'  {cell:{CELL_WIDTH}}' for cell in cells)}".rstrip() + "\n"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
