"""The figures as a table for people, as CSV or as JSON Lines."""

import csv
import itertools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from benchmark.plan import TRAINED
from benchmark.summary import BASELINES, MORE_IS_BETTER, Row, Summary

WEIGHTS = {"none": "random", TRAINED: "trained"}
NAME_WIDTH, WIDTH = 31, 10  # characters of the first column, and of the others


@dataclass(frozen=True)
class Column:
    """A quantity in the table; without a heading it is in CSV and JSON Lines only."""

    quantity: str
    heading: tuple[str, str] = ("", "")
    factor: float = 1  # from the quantity's unit to the heading's


# fmt: off
COLUMNS = (
    #      quantity             heading
    Column("first_cold_s",      ("answer",    "cold, s")),
    Column("first_warm_s",      ("answer",    "warm, s")),
    Column("files_images_s",    ("files",     "images/s")),
    Column("arrays_images_s",   ("engine",    "images/s")),
    Column("decode_images_s",   ("decode",    "images/s")),
    Column("bound_images_s",    ("bound",     "images/s")),
    Column("share_of_bound",    ("files of",  "bound, %"), 100),
    Column("share_of_arrays",   ("files of",  "engine, %"), 100),
    Column("memory_mib",        ("peak",      "MiB")),
    Column("agreement",         ("same",      "label, %"), 100),
    Column("files_cpu_s"),
    Column("arrays_cpu_s"),
    Column("decode_cpu_s"),
)
# fmt: on
SHOWN = tuple(column for column in COLUMNS if column.heading[0])


@dataclass(frozen=True)
class Run:
    """What is the same for all rows."""

    pictures: int
    repeats: int
    cores: int
    device: str


def write_text(rows: Sequence[Row], run: Run, stream: TextIO) -> None:
    """Write a block of lines for each model: median, spread, and how many times better than each baseline."""
    for (model, weights), group in itertools.groupby(rows, key=lambda row: (row.way.model, row.way.weights)):
        stream.write(
            f"{model}, {WEIGHTS.get(weights, 'ImageNet')} weights: {run.pictures} pictures, "
            f"{run.cores} cores, median of {run.repeats} (x: times better than that baseline)\n"
        )
        for line in (0, 1):
            stream.write(_line("way" if line else "", [column.heading[line] for column in SHOWN]))
        for row in group:
            stream.writelines(_text_lines(row, run.repeats))
        stream.write("\n")


def _text_lines(row: Row, repeats: int) -> Iterator[str]:
    figures = [(column, row.summaries.get(column.quantity)) for column in SHOWN]
    yield _line(str(row.way), [_number(figure.median * column.factor) if figure else "-" for column, figure in figures])
    if repeats > 1 and row.summaries:
        yield _line("  min..max", [_spread(figure, column.factor) for column, figure in figures])
    for baseline, ratios in row.ratios.items():
        cells = [f"{_number(ratios[column.quantity])}x" if column.quantity in ratios else "" for column in SHOWN]
        yield _line(f"  x {baseline}", cells)
    if row.error:
        yield f"  error: {row.error}\n"


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:{NAME_WIDTH}}{''.join(f' {cell:>{WIDTH}}' for cell in cells)}".rstrip() + "\n"


def _spread(figure: Summary | None, factor: float) -> str:
    return f"{_number(figure.low * factor)}..{_number(figure.high * factor)}" if figure else ""


def _number(value: float) -> str:
    """Write a number with three digits that count, or more before the point."""
    digits = 0 if value == 0 else 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(0, digits)}f}"


def records(rows: Sequence[Row], run: Run) -> Iterator[dict]:
    """Yield each row as a flat record; its names are the same for all rows, and None is what was not measured."""
    for row in rows:
        way = row.way
        record = {
            "model": way.model, "weights": way.weights, "way": way.name, "backend": way.backend,
            "precision": way.precision, "batch_size": way.batch_size, "device": run.device,
            "pictures": run.pictures, "repeats": run.repeats, "cores": run.cores,
        }  # fmt: skip
        for column in COLUMNS:
            figure = row.summaries.get(column.quantity)
            for part, suffix in (("median", ""), ("low", "_min"), ("high", "_max")):
                record[column.quantity + suffix] = _rounded(None if figure is None else getattr(figure, part))
        for baseline, quantity in itertools.product(BASELINES, MORE_IS_BETTER):
            record[f"{quantity}_x_{baseline}"] = _rounded(row.ratios.get(baseline, {}).get(quantity))
        yield record | {"error": row.error}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def write_csv(rows: Sequence[Row], run: Run, stream: TextIO) -> None:
    """Write a line for each row, under a line of names."""
    lines = list(records(rows, run))
    writer = csv.DictWriter(stream, lines[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)


def write_jsonl(rows: Sequence[Row], run: Run, stream: TextIO) -> None:
    """Write a JSON object for each row."""
    for record in records(rows, run):
        stream.write(json.dumps(record, ensure_ascii=False) + "\n")


WRITERS: dict[str, Callable[[Sequence[Row], Run, TextIO], None]] = {
    "text": write_text,
    "csv": write_csv,
    "jsonl": write_jsonl,
}
