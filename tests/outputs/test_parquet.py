"""Results as one Parquet file: rows and types, and what happens to a file that is there."""

import os
from contextlib import suppress

import pyarrow.parquet as pq
import pytest
from conftest import ROOT

import outputs.parquet
from errors import UsageError
from outputs.parquet import ParquetFile
from results import Prediction, Result
from sources.frames import Frame

CUP, TEA = Prediction("n07930864", "cup", 0.123456789), Prediction("7", "té", 0.1)
RESULTS = [
    Result("a.png", (CUP, TEA)),
    Result(os.fsdecode(b"\xff.png"), (CUP,)),
    Result("b", error="is bad"),
    Result("c"),
]


def write(path, results=RESULTS, force=False):
    with ParquetFile(str(path), "net", 2, force) as file:
        for result in results:
            file.write(Frame(result.source), result)


def test_columns_have_names_of_the_csv_and_types(tmp_path):
    write(tmp_path / "r.parquet")
    table = pq.read_table(tmp_path / "r.parquet")
    assert table.column_names == [
        "path", "model", "error", "label_1", "score_1", "class_id_1", "label_2", "score_2", "class_id_2",
    ]  # fmt: skip
    assert {str(field.type) for field in table.schema if field.name.startswith("score")} == {"double"}
    assert table.schema.metadata[b"model"] == b"net"
    assert [list(row.values()) for row in table.to_pylist()] == [
        ["a.png", "net", "", "cup", 0.123457, "n07930864", "té", 0.1, "7"],
        [r"\udcff.png", "net", "", "cup", 0.123457, "n07930864", None, None, None],
        ["b", "net", "is bad", *[None] * 6],
        ["c", "net", "", *[None] * 6],
    ]
    assert os.listdir(tmp_path) == ["r.parquet"]


def test_rows_are_written_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs.parquet, "ROWS_IN_GROUP", 3)
    write(tmp_path / "r.parquet", RESULTS * 4)
    file = pq.ParquetFile(tmp_path / "r.parquet")
    assert (file.num_row_groups, file.metadata.num_rows) == (6, 16)


def test_run_without_pictures_has_columns(tmp_path):
    write(tmp_path / "r.parquet", [])
    assert pq.read_table(tmp_path / "r.parquet").shape == (0, 9)


def test_run_that_breaks_off_leaves_a_file_that_is_right(tmp_path):
    with suppress(KeyboardInterrupt), ParquetFile(str(tmp_path / "r.parquet"), "net", 2) as file:
        file.write(Frame("a"), RESULTS[0])
        raise KeyboardInterrupt
    assert pq.read_table(tmp_path / "r.parquet").num_rows == 1


def test_run_that_ends_before_its_first_row_leaves_nothing(tmp_path):
    with pytest.raises(UsageError), ParquetFile(str(tmp_path / "r.parquet"), "net", 2):
        raise UsageError
    assert os.listdir(tmp_path) == []


def test_only_results_are_overwritten_and_with_force_only(tmp_path):
    path = tmp_path / "r.parquet"
    write(path)
    with pytest.raises(UsageError, match=r"r\.parquet exists; --force overwrites it"):
        write(path)
    write(path, RESULTS[:1], force=True)
    assert pq.read_table(path).num_rows == 1
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UsageError, match="is a picture, or other data than text, and stays"):
        write(path, force=True)


@pytest.mark.parametrize(("name", "message"), [("x.jpg", "has the name of a picture"), (os.devnull, "regular file")])
def test_other_places_are_refused(tmp_path, name, message):
    with pytest.raises(UsageError, match=message):
        write(os.path.join(tmp_path, name))


def test_command_line_writes_the_rows_of_the_csv(run, tmp_path):
    for name in ("r.csv", "r.parquet"):
        arguments = "-i", "images/", "no.jpg", "-o", tmp_path / name
        assert run("tests/quick_classify.py", *arguments, PYTHONPATH=str(ROOT)).returncode == 1
    rows = pq.read_table(tmp_path / "r.parquet").to_pylist()
    lines = (tmp_path / "r.csv").read_text().splitlines()[1:]
    assert [",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows] == lines
    assert len(rows) == 5
