"""One row for each input: text, CSV and JSON Lines, the columns, any path, the threshold."""

import argparse
import csv
import io
import itertools
import json
import os
import re

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from written_results import READERS, read_jsonl, write

from arguments.kinds import probability
from classify_image import parse
from errors import UsageError
from inference.scores import to_result
from labels import read_labels
from outputs.formats import format_of, make_format
from results import Prediction, Result

HEADER = ["path", "model", "error", "label_1", "score_1", "class_id_1", "label_2", "score_2", "class_id_2"]
CUP = Prediction("n07930864", "cup", 0.25)
NAMES = [
    "new\nline", "carriage\rreturn", "both\r\n", "\n", "\r", '"', '""', 'a"b', '"quoted"', ",", ",,", "a,b", "'", "\\",
    "\\n", "-dash", "--image", "=1+1", " leading", "trailing ", "  ", "\t", "🙂", "é", "e\u0301", "\u2028",
    "\x85", "\x0b\x1b", "#", "x" * 250, os.fsdecode(b"\xff\xfe"), os.fsdecode(b"\xc3("), os.fsdecode(b"\xed\xb3\xbf"),
    "\\udcff",
]  # fmt: skip
unix = pytest.mark.skipif(os.name != "posix", reason="the file systems of Windows do not take all of them")


@pytest.fixture(scope="session")
def quick(run):
    """Run classify_image.py with an engine that costs nothing."""
    return lambda *arguments: run("tests/quick_classify.py", *arguments, PYTHONPATH=str(ROOT))


@pytest.fixture
def photos(tmp_path):
    """A folder with two pictures and what is none between them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (8, 8), (20, 0, 0)).save(folder / "a.png")
    (folder / "b.png").write_text("no picture")
    Image.new("RGB", (8, 8), (30, 0, 0)).save(folder / "c.png")
    return folder


def test_csv_has_a_column_for_everything(tmp_path):
    write(
        tmp_path / "r.csv", Result("a.png", (CUP, Prediction("7", "mug", 1e-7))), Result("b.png", error="no such file")
    )
    rows = list(csv.reader(io.StringIO((tmp_path / "r.csv").read_text())))
    assert rows[0] == HEADER
    assert rows[1] == ["a.png", "net", "", "cup", "0.25", "n07930864", "mug", "1e-07", "7"]
    assert rows[2] == ["b.png", "net", "no such file", "", "", "", "", "", ""]


def test_jsonl_has_a_field_for_everything(tmp_path):
    write(tmp_path / "r.jsonl", Result("a.png", (CUP,)), Result("b.png", error="no such file"), format="jsonl")
    first, second = read_jsonl(tmp_path / "r.jsonl")
    empty = {"labels": [], "scores": [], "class_ids": []}
    assert list(first) == ["path", "model", "labels", "scores", "class_ids", "error"]
    assert [*first.values()] == ["a.png", "net", ["cup"], [0.25], ["n07930864"], ""]
    assert second == {"path": "b.png", "model": "net", "error": "no such file"} | empty


@pytest.mark.parametrize("format", READERS)
def test_every_path_survives_a_round_trip(tmp_path, format):
    """Each byte, and every three of the characters that formats and shells care about."""
    paths = [os.fsdecode(b"a%cb" % byte) for byte in range(1, 256)]
    paths += map("".join, itertools.product(['"', ",", "\n", "\r", " ", "a", "\udcff"], repeat=3))
    paths += NAMES
    write(tmp_path / "r", *[Result(path, (CUP,), error=path) for path in paths], format=format)
    rows = READERS[format](tmp_path / "r")
    assert [row["path"] for row in rows] == [row["error"] for row in rows] == paths
    assert {row["model"] for row in rows} == {"net"}
    file = io.BytesIO((tmp_path / "r").read_bytes())
    file.seek(len(make_format(format, "net", 2).header))
    assert [row.path for row in make_format(format, "net", 2).read(file)] == paths


@unix
@pytest.mark.parametrize("format", READERS)
def test_files_of_every_name_are_found_by_the_rows(quick, photos, tmp_path, format):
    for name in NAMES:
        (photos / f"{name}.png").write_bytes((photos / "a.png").read_bytes())
    assert quick("-i", photos, "-o", tmp_path / "r", "--format", format).returncode == 1
    paths = [row["path"] for row in READERS[format](tmp_path / "r")]
    assert paths == [os.path.join(photos, name) for name in sorted(os.listdir(photos))]


@unix
def test_bytes_of_a_path_stand_in_csv_as_they_are(tmp_path):
    write(tmp_path / "r.csv", Result(os.fsdecode(b"\xff\xfe.png")))
    assert (tmp_path / "r.csv").read_bytes().splitlines()[1].startswith(b"\xff\xfe.png,net,")


@pytest.mark.parametrize("format", READERS)
def test_rows_keep_their_order_and_errors_their_place(quick, photos, tmp_path, format):
    inputs = [photos / "c.png", "nowhere.jpg", photos, photos / "c.png"]
    finished = quick("-i", *inputs, "-k", "1", "-o", tmp_path / f"r.{format}")
    rows = READERS[format](tmp_path / f"r.{format}")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "error: nowhere.jpg: no such file\n" in finished.stderr
    assert "\n4 classified, 2 failed: " in finished.stderr
    assert [row["path"] for row in rows] == [
        str(photos / "c.png"),
        "nowhere.jpg",
        *found_in(photos),
        str(photos / "c.png"),
    ]
    assert [row["error"][:9] for row in rows] == ["", "no such f", "", "is a text", "", ""]
    labels = [row.get("label_1") or "".join(row.get("labels", [])) for row in rows]
    assert labels == ["bullfrog", "", "water_ouzel", "", "bullfrog", "bullfrog"]


def found_in(folder):
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


@pytest.mark.parametrize("format", ["text", *READERS])
def test_stdout_has_the_same_rows_as_a_file(tmp_path, capsys, format):
    results = [Result("a.png", (CUP,)), Result("b.png", error="no such file"), Result("c.png")]
    write(tmp_path / "r", *results, format=format)
    write(None, *results, format=format)
    assert capsys.readouterr().out == (tmp_path / "r").read_text()


@pytest.mark.parametrize(("threshold", "count"), [(0.25, 1), (0.250001, 0), (1, 0), (0, 3)])
def test_labels_below_the_threshold_are_left_out(threshold, count):
    scores = np.eye(1000, dtype=np.float32)[20] / 4
    found = to_result("a.png", scores, read_labels(), top_k=3, threshold=threshold)
    assert [prediction.label for prediction in found.predictions][:1] == ["water_ouzel"][:count]
    assert (len(found.predictions), found.error) == (count, "")


def test_text_says_when_no_label_reaches_the_threshold(quick, photos):
    assert quick("-i", photos / "a.png", "-t", "0.75", "-k", "1").stdout == "1. water_ouzel: 75.00%\n"
    assert quick("-i", photos / "a.png", "-t", "0.8").stdout == "no label reaches the threshold\n"


def test_rows_without_labels_have_empty_places():
    assert make_format("csv", "net", 1).row(Result("a.png")) == "a.png,net,,,,\n"
    row = json.loads(make_format("jsonl", "net", 1).row(Result("a.png")))
    assert row == {"path": "a.png", "model": "net", "labels": [], "scores": [], "class_ids": [], "error": ""}


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "nan", "inf", "85%", ""])
def test_threshold_must_be_a_probability(threshold):
    with pytest.raises(argparse.ArgumentTypeError, match=re.escape(f"'{threshold}' is not a number from 0 to 1")):
        probability(threshold)


@pytest.mark.parametrize(
    ("name", "format"),
    [("r.csv", "csv"), ("r.CSV", "csv"), ("a.b/r.jsonl", "jsonl"), ("r.ndjson", "jsonl"), ("r.txt", "text")],
)
def test_name_of_the_output_says_the_format(name, format):
    assert format_of(name) == format
    args, _classifier = parse(["-i", "x.jpg", "-o", name])
    assert args.format == format


@pytest.mark.parametrize("name", ["r", "r.json", "csv", ".csv", "r.csv.gz", ""])
def test_names_that_say_no_format_are_refused(name):
    message = f"no format has names like {name}; end it in .txt, .csv, .jsonl, .ndjson, or give --format text|csv|jsonl"
    with pytest.raises(UsageError, match=re.escape(message)):
        format_of(name)
