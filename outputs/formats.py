"""The formats of results, by the name that --format takes and the suffix of a file."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from errors import UsageError
from outputs.csv import CsvFormat
from outputs.jsonl import JsonlFormat
from outputs.rows import Format
from outputs.summary import SummaryFormat
from outputs.text import TextFormat
from stores import is_stored

SUFFIXES = {".txt": "text", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
FORMATS = ("text", "csv", "jsonl")
PARQUET = "parquet"  # of classify_image.py
SUMMARY = "summary"  # in the place of rows


def format_of(path: str, formats: Sequence[str] = FORMATS) -> str:
    """Return the format that a file's suffix stands for; raises UsageError when it stands for none of `formats`."""
    suffixes = [suffix for suffix, format in SUFFIXES.items() if format in formats]
    suffix = Path(path).suffix.lower()
    if suffix not in suffixes:
        raise UsageError(
            f"no format has names like {path}; end it in {', '.join(suffixes)}, or give --format {'|'.join(formats)}"
        )
    return SUFFIXES[suffix]


def is_folder(path: str) -> bool:
    """Return whether --output names a folder of parts: one that is there, or that is written like one."""
    return path.endswith(("/", os.sep)) or os.path.isdir(path) or is_stored(path)


def check_parquet(path: str | None) -> None:
    """Raise UsageError when no Parquet can be written: the package is missing, or there is no file to write it to."""
    if path is None:
        raise UsageError("--format parquet is no text for stdout; give --output FILE.parquet, or a folder")
    if not find_spec("pyarrow"):
        raise UsageError("--format parquet needs the package pyarrow; pip install -r requirements-cluster.txt")


def make_format(name: str, model: str, top_k: int, headed: bool = True) -> Format:
    """Return the format called `name`, for results of one model with up to `top_k` labels."""
    if name == SUMMARY:
        return SummaryFormat()
    if name == "csv":
        return CsvFormat(model, top_k)
    return JsonlFormat(model) if name == "jsonl" else TextFormat(headed)
