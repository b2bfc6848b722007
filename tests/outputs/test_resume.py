"""Runs that end before their time: every row that was written stays, and --resume writes the others."""

import io
import json
import os
import random
import re
from itertools import pairwise
from pathlib import Path

import h5py
import pytest
from written_results import READERS, read_csv

from classify_image import parse, what_shapes_answers
from errors import UsageError
from outputs.formats import make_format
from outputs.results_file import open_results
from results import Prediction, Result
from sources.frames import Frame

INPUTS = ["a", "bad", '\n,"b"\r\n', os.fsdecode(b" \xff"), "-🙂", "a"]
CUP = Prediction("7", "cup, tea", 0.25)


def finish(path, inputs=INPUTS, format="csv", resume=True, force=False, **made_with):
    """Write a results file of plain results in this process, as the command line does; return what was added."""
    added = []
    with open_results(str(path), make_format(format, "net", 1), made_with, resume, force) as results:
        for name in inputs:
            if not results.has_row(name):
                added.append(name)
                result = Result(name, error='no, "never"') if "bad" in name else Result(name, (CUP,))
                results.write(Frame(name), result)
    return added


@pytest.fixture(params=READERS)
def whole(request, tmp_path):
    """A finished results file in each format: its path, its format and its bytes."""
    path = tmp_path / "results"
    assert finish(path, format=request.param) == INPUTS
    return path, request.param, path.read_bytes()


def test_file_cut_at_any_byte_is_completed(whole):
    path, format, complete = whole
    for cut in range(len(complete) + 1):
        path.write_bytes(complete[:cut])
        finish(path, format=format)
        assert path.read_bytes() == complete, cut


def test_zeros_at_the_end_are_cut_off(whole):
    """After a power failure a file can have its length, but not yet its last bytes."""
    path, format, complete = whole
    for cut in range(len(make_format(format, "net", 1).header), len(complete) + 1):
        path.write_bytes(complete[:cut] + bytes(5000))
        finish(path, format=format)
        assert path.read_bytes() == complete, cut


def test_nothing_is_written_twice(whole):
    path, format, complete = whole
    os.utime(path, (0, 0))
    assert finish(path, format=format) == []
    assert (path.read_bytes(), path.stat().st_mtime) == (complete, 0)


@pytest.mark.parametrize("format", READERS)
def test_path_with_a_nul_stands_in_its_row_and_is_found_again(tmp_path, format):
    inputs = ["a", "x\0y.png", "b"]
    finish(tmp_path / "results", inputs[:2], format=format)
    assert finish(tmp_path / "results", inputs, format=format) == ["b"]
    assert [row["path"] for row in READERS[format](tmp_path / "results")] == ["a", r"x\0y.png", "b"]


@pytest.mark.parametrize("damage", ['"', "\n", ""])
def test_damage_is_refused_or_costs_no_other_row(whole, damage, caplog):
    """Each byte is replaced in turn; a file that is refused stays as it is."""
    path, format, complete = whole
    rows = rows_of(complete, format)
    for at in range(len(complete) - len(rows[-1])):
        path.write_bytes(damaged := complete[:at] + damage.encode() + complete[at + 1 :])
        try:
            finish(path, format=format)
        except UsageError:
            assert path.read_bytes() == damaged
        else:
            kept = [row for row in rows if row in damaged]
            assert len(kept) >= len(rows) - 1, at
            assert all(row in path.read_bytes() for row in kept), at


def rows_of(data, format):
    """Split a file of results into its rows, heading included."""
    header = make_format(format, "net", 1).header.encode()
    file = io.BytesIO(data)
    file.seek(len(header))
    ends = [len(header), *(row.end for row in make_format(format, "net", 1).read(file))]
    return [header, *(data[start:end] for start, end in pairwise(ends))]


def test_zeros_among_the_rows_are_refused(whole):
    """After a power failure a file can lack what was written earlier than its end."""
    path, format, complete = whole
    rng = random.Random(format)
    last = len(complete) - len(rows_of(complete, format)[-1])
    for start, end in (sorted(rng.sample(range(last), 2)) for _ in range(500)):
        path.write_bytes(complete[:start] + bytes(end - start) + complete[end:])
        with pytest.raises(UsageError, match=r"is damaged|does not begin with its heading"):
            finish(path, format=format)


@pytest.mark.parametrize(
    "line", ["[]", "1", "{}", '{"path": "a.png", "error": ""}', "null", "[" * 10_000, "\ufeff{}", ""]
)
def test_lines_that_are_no_rows_are_refused(tmp_path, line):
    finish(tmp_path / "r", format="jsonl")
    with open(tmp_path / "r", "a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(UsageError, match=r"r is damaged: what stands at byte [\d,]+ is not a row \(.+\); --force"):
        finish(tmp_path / "r", format="jsonl")


def test_tables_of_others_are_refused(tmp_path):
    finish(tmp_path / "r.csv")
    (tmp_path / "r.csv").write_bytes((tmp_path / "r.csv").read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(UsageError, match="does not begin with its heading"):
        finish(tmp_path / "r.csv")


@pytest.mark.parametrize(
    ("option", "given", "was"),
    [
        ("--model", "resnet50", "efficientnet_lite0"),
        ("--weights", "none", "imagenet"),
        ("--top-k", "3", "5"),
        ("--threshold", "0.5", "0"),
        ("--resize", "pad", "crop"),
        ("--max-pixels", "1000", "178956970"),
        ("--precision", "float16", "float32"),
        ("--format", "jsonl", "csv"),
    ],
)
def test_what_shapes_the_answers_must_be_the_same(tmp_path, option, given, was):
    first, second = (shaped_by("-o", "r.csv", *options) for options in ([], [option, given]))
    finish(tmp_path / "r", **first)
    with pytest.raises(UsageError) as error:
        finish(tmp_path / "r", **second)
    assert f"r was made with {option} {was}, and not {given}; give the same options to go on" in str(error.value)


def shaped_by(*options):
    return what_shapes_answers(*parse(["-i", "x.jpg", *map(str, options)]))


def test_what_does_not_shape_the_answers_may_change(tmp_path):
    options = (
        "--backend tensorflow --device cpu -b 7 -j 3 --no-cache -q --annotate x --resume --threshold 0.0 --top-k 5"
    )
    finish(tmp_path / "r", **shaped_by("-o", "r.csv"))
    assert finish(tmp_path / "r", **shaped_by("-o", "other.csv", *options.split())) == []


def write_labels(path, number):
    path.write_text(f"{number}\n" * 1000)


def write_weights(path, number):
    with h5py.File(path, "w") as file:
        file["number"] = number


@pytest.mark.parametrize(("option", "write"), [("--labels", write_labels), ("--weights", write_weights)])
def test_files_are_known_by_their_content(tmp_path, option, write):
    for name, number in (("a.h5", 1), ("copy.h5", 1), ("other.h5", 2)):
        write(tmp_path / name, number)
    made_with = [shaped_by(option, tmp_path / name) for name in ("a.h5", "copy.h5", "other.h5")]
    finish(tmp_path / "r", **made_with[0])
    assert finish(tmp_path / "r", **made_with[1]) == []
    for others in (made_with[2], shaped_by()):
        with pytest.raises(UsageError, match=f"r was made with {option} sha256 .*, and not (sha256|imagenet)"):
            finish(tmp_path / "r", **others)


def test_files_called_like_the_built_in_ones_do_not_matter(tmp_path, monkeypatch):
    before = shaped_by()
    monkeypatch.chdir(tmp_path)
    Path("imagenet").touch()
    assert shaped_by() == before


@pytest.mark.parametrize("content", [None, "", "{", "[]", '"x"', "5", "null", "{}", '{"folder": 1}', "\xff"])
def test_file_without_what_made_it_is_refused(tmp_path, content):
    finish(tmp_path / "r.csv")
    before = (tmp_path / "r.csv").read_bytes()
    (tmp_path / "r.csv.run.json").unlink()
    if content is not None:
        (tmp_path / "r.csv.run.json").write_text(content, "latin-1")
    with pytest.raises(UsageError, match=r"cannot go on with .*r\.csv, because .*r\.csv\.run\.json, which says how"):
        finish(tmp_path / "r.csv", INPUTS[:3])
    assert (tmp_path / "r.csv").read_bytes() == before
    assert finish(tmp_path / "r.csv", resume=False, force=True) == INPUTS


def test_empty_file_and_one_that_is_missing_are_begun(tmp_path):
    (tmp_path / "empty").touch()
    assert finish(tmp_path / "empty") == INPUTS
    assert finish(tmp_path / "missing") == INPUTS
    assert finish(tmp_path / "missing") == []


def test_empty_file_needs_no_force(tmp_path):
    """As `mktemp` makes it, and a run that ended before its first row."""
    (tmp_path / "empty").touch()
    assert finish(tmp_path / "empty", resume=False) == INPUTS


def test_forced_run_starts_anew_with_other_options(tmp_path):
    finish(tmp_path / "r", ["old.png"], **{"--top-k": 1})
    assert finish(tmp_path / "r", resume=False, force=True, **{"--top-k": 2}) == INPUTS
    assert [row["path"] for row in read_csv(tmp_path / "r")] == INPUTS
    assert finish(tmp_path / "r", **{"--top-k": 2}) == []


def test_resume_does_not_heed_force(tmp_path):
    finish(tmp_path / "r", INPUTS[:4])
    assert finish(tmp_path / "r", resume=True, force=True) == INPUTS[4:]


def test_other_spellings_name_the_same_picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    finish("r", ["p/a.png", "p/bad.png", "-x.png"])
    spellings = [f"{tmp_path}/p/a.png", "./p//bad.png", "q/../-x.png", "./new.png"]
    assert finish("r", spellings) == ["./new.png"]
    assert [row["path"] for row in read_csv("r")] == ["p/a.png", "p/bad.png", "-x.png", "./new.png"]


def test_run_goes_on_in_another_folder_and_back(tmp_path, monkeypatch):
    """What relative paths start from does not change within a file."""
    (tmp_path / "p").mkdir()
    for folder, inputs, added in [
        (tmp_path, ["p/a.png"], ["p/a.png"]),
        (tmp_path / "p", ["a.png", "b.png"], ["b.png"]),
        (tmp_path, ["p/a.png", "p/b.png", "p/c.png"], ["p/c.png"]),
        (tmp_path / "p", ["a.png", "b.png", "c.png"], []),
    ]:
        monkeypatch.chdir(folder)
        assert finish(tmp_path / "r", inputs) == added
    assert [row["path"] for row in read_csv(tmp_path / "r")] == ["p/a.png", f"{tmp_path}/p/b.png", "p/c.png"]
    assert json.loads((tmp_path / "r.run.json").read_text())["folder"] == str(tmp_path)


def test_added_pictures_are_appended_and_rows_of_those_gone_are_counted(tmp_path, caplog):
    finish(tmp_path / "r", ["a", "b", "c", "d"])
    assert finish(tmp_path / "r", ["0", "a", "c", "c2", "d", "e"]) == ["0", "c2", "e"]
    assert [row["path"] for row in read_csv(tmp_path / "r")] == ["a", "b", "c", "d", "0", "c2", "e"]
    assert caplog.messages == [f"{tmp_path}/r has 1 rows of pictures that are no longer among the inputs"]


def test_inputs_given_twice_have_two_rows(tmp_path):
    for inputs, added in [("aab", "aab"), ("aaab", "a"), ("baaa", ""), ("aabbaa", "ba")]:
        assert "".join(finish(tmp_path / "r", inputs)) == added


def test_any_subset_and_order_of_inputs_ends_with_each_once(tmp_path):
    rng = random.Random(4)
    for number in range(100):
        inputs = rng.choices("abcdefgh", k=rng.randrange(12))
        finish(tmp_path / f"{number}", rng.sample(inputs, rng.randint(0, len(inputs))))
        rng.shuffle(inputs)
        finish(tmp_path / f"{number}", inputs)
        assert sorted(row["path"] for row in read_csv(tmp_path / f"{number}")) == sorted(inputs)


def test_interrupted_run_says_what_there_is(tmp_path):
    (tmp_path / "old").write_text("mine")
    for name, state in [("new", "has no rows yet"), ("old", "is as it was")]:
        with open_results(str(tmp_path / name), make_format("csv", "net", 1), {}, resume=False, force=True) as results:
            assert results.how_to_go_on() == f"{tmp_path}/{name} {state}"


def test_failures_of_before_count(tmp_path):
    finish(tmp_path / "r")
    with open_results(str(tmp_path / "r"), make_format("csv", "net", 1), {}, resume=True, force=False) as results:
        assert (results.rows, results.failed) == (len(INPUTS), 1)
        assert re.search(rf"r has {len(INPUTS)} rows; the same command with --resume goes on$", results.how_to_go_on())
