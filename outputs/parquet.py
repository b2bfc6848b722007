"""Results as Parquet: the columns of the CSV with types, a row for each picture, and the model in the metadata, too.

Of a path that is not UTF-8, which Parquet's texts have to be, the bytes are written as \\udcXX.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decoding.formats import IMAGE_SUFFIXES
from errors import UsageError
from outputs.overwrite import check_is_no_picture
from outputs.rows import StoredRow, shortest, writable
from outputs.workspace import Workspace
from results import Result

if TYPE_CHECKING:
    import pyarrow as pa

    from sources.frames import Frame

MAGIC = b"PAR1"  # how such a file begins
STORED = ("path", "error", "label_1", "score_1")  # what is wanted of a row when a run is resumed
ROWS_IN_GROUP = 10_000  # that are in memory


def make_schema(model: str, top_k: int) -> "pa.Schema":
    """Return the names and types of the columns."""
    import pyarrow as pa

    ranked = {"label": pa.string(), "score": pa.float64(), "class_id": pa.string()}
    columns = [(name, pa.string()) for name in ("path", "model", "error")]
    columns += [(f"{name}_{rank}", kind) for rank in range(1, top_k + 1) for name, kind in ranked.items()]
    return pa.schema(columns, metadata={"model": model})


def make_table(results: Sequence[Result], model: str, top_k: int) -> "pa.Table":
    """Return results as a table; what a picture does not have is null, and `error` is "" without one."""
    import pyarrow as pa

    schema = make_schema(model, top_k)
    rows = [_cells(result, model, top_k) for result in results]
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema)


def _cells(result: Result, model: str, top_k: int) -> tuple[str | float | None, ...]:
    ranked: list[str | float | None] = []
    for class_id, label, score in result.predictions:
        ranked += label, shortest(score), class_id
    ranked += [None] * (3 * top_k - len(ranked))
    return (in_utf8(writable(result.source)), model, in_utf8(result.error), *ranked)


def in_utf8(text: str) -> str:
    """Return a text without the surrogates that stand for bytes that are not UTF-8: as \\udcXX."""
    return text.encode("utf-8", "backslashreplace").decode()


def encode(results: Sequence[Result], model: str, top_k: int) -> bytes:
    """Return results as a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pa.BufferOutputStream()
    pq.write_table(make_table(results, model, top_k), file, write_page_checksum=True)
    return file.getvalue().to_pybytes()


def read(data: bytes) -> Iterator[StoredRow]:
    """Yield the rows of a file; raises ValueError for one that is damaged or is of others."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not data.startswith(MAGIC):  # which pyarrow looks for at the end only
        raise ValueError("it does not begin as Parquet does")
    try:
        table = pq.read_table(pa.BufferReader(data), columns=list(STORED), page_checksum_verification=True)
        rows = table.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise ValueError(str(error)) from error
    for row in rows:
        if row.keys() != {*STORED}:
            raise ValueError("it lacks columns")
        yield StoredRow(row["path"], row["error"], len(data), row["label_1"] or "", row["score_1"] or 0)


class ParquetFile:
    """One file, which is in its place when the run ends; Ctrl-C, too, ends it with the rows that there are.

    Raises UsageError when the file exists (unless `force`), or cannot be written.
    """

    shows_errors = True

    def __init__(self, path: str, model: str, top_k: int, force: bool = False) -> None:
        _check_may_write(path, force)
        self.rows = self.failed = 0
        self._path = Path(os.path.realpath(path))
        self._model, self._top_k = model, top_k
        self._waiting: list[Result] = []
        self._writer: Any = None
        try:
            self._workspace = Workspace(self._path.parent)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from error

    def has_row(self, path: str) -> bool:
        """Return False: nothing is there from before."""
        return False

    def stored_rows(self) -> Iterator[StoredRow]:
        """Yield nothing: nothing is there from before."""
        return iter(())

    def write(self, _frame: "Frame", result: Result) -> None:
        """Take the row of one picture; raises UsageError when it cannot be written."""
        self._waiting.append(result)
        self.rows += 1
        self.failed += bool(result.error)
        if len(self._waiting) >= ROWS_IN_GROUP:
            self._write_group()

    def how_to_go_on(self) -> str:
        """Say what is safe after an interruption."""
        if not self.rows:
            return f"{self._path} has no rows yet"
        return f"{self._path} has {self.rows:,} rows; a folder of parts, as --output results/ makes, could go on"

    def __enter__(self) -> "ParquetFile":
        self._file = self._workspace.file()
        self._unfinished = self._file.__enter__()
        return self

    def __exit__(self, error_type: type | None, *_: object) -> None:
        try:
            if error_type is None or self.rows:
                self._write_group()
                self._writer.close()
                self._unfinished.replace(self._path)
        except OSError as error:
            raise UsageError(f"cannot write {self._path}: {error.strerror or error}") from error
        finally:
            self._file.__exit__(None, None, None)

    def _write_group(self) -> None:
        import pyarrow.parquet as pq

        try:
            if self._writer is None:
                self._writer = pq.ParquetWriter(self._unfinished, make_schema(self._model, self._top_k))
            self._writer.write_table(make_table(self._waiting, self._model, self._top_k))
        except OSError as error:
            raise UsageError(f"cannot write {self._path}: {error.strerror or error}") from error
        self._waiting = []


def _check_may_write(path: str, force: bool) -> None:
    if path.lower().endswith(IMAGE_SUFFIXES):
        raise UsageError(f"--output {path} has the name of a picture; results are rows")
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"--format parquet writes a regular file, which {path} is not")
    if os.path.isfile(path) and os.path.getsize(path):
        if not force:
            raise UsageError(f"{path} exists; --force overwrites it")
        with open(path, "rb") as file:
            is_ours = file.read(len(MAGIC)) == MAGIC
        if not is_ours:
            check_is_no_picture("--output", path)
