"""Results written as the command line writes them, and read as docs/results.md says."""

import csv
import json
from pathlib import Path

from outputs.formats import make_format
from outputs.results_file import open_results
from sources.frames import Frame


def read_csv(source):
    """Read a file of results as docs/results.md says."""
    with open(source, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def read_jsonl(source):
    return [json.loads(line) for line in Path(source).read_text("ascii").splitlines()]


READERS = {"csv": read_csv, "jsonl": read_jsonl}


def write(path, *results, format="csv", **options):
    """Write a results file as the command line does."""
    way = make_format(format, "net", 2)
    with open_results(path and str(path), way, {}, options.get("resume"), options.get("force")) as file:
        for result in results:
            file.write(Frame(result.source), result)


def read_parquet(source):
    from pyarrow.parquet import read_table

    return read_table(source).to_pylist()


def read_parts(folder):
    """Read all rows of a folder of parts, in their order."""
    readers = READERS | {"parquet": read_parquet}
    return [row for path in sorted(folder.glob("part-*")) for row in readers[path.suffix[1:]](path)]
