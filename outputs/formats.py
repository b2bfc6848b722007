"""The formats of results, by the name that --format takes and the suffix of a file."""

from pathlib import Path

from errors import UsageError
from outputs.csv import CsvFormat
from outputs.jsonl import JsonlFormat
from outputs.rows import Format
from outputs.summary import SummaryFormat
from outputs.text import TextFormat

SUFFIXES = {".txt": "text", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
FORMATS = ("text", "csv", "jsonl")
SUMMARY = "summary"  # in the place of rows


def format_of(path: str) -> str:
    """Return the format that a file's suffix stands for; raises UsageError when it stands for none."""
    try:
        return SUFFIXES[Path(path).suffix.lower()]
    except KeyError:
        raise UsageError(
            f"no format has names like {path}; end it in {', '.join(SUFFIXES)}, or give --format {'|'.join(FORMATS)}"
        ) from None


def make_format(name: str, model: str, top_k: int, headed: bool = True) -> Format:
    """Return the format called `name`, for results of one model with up to `top_k` labels."""
    if name == SUMMARY:
        return SummaryFormat()
    if name == "csv":
        return CsvFormat(model, top_k)
    return JsonlFormat(model) if name == "jsonl" else TextFormat(headed)
