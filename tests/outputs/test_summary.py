"""A run in a few lines: `--summary` after the rows, `--format summary` in their place."""

import pytest
from conftest import IMAGES

from outputs.summary import MOST_LABELS, Summary, SummaryFormat
from results import Prediction, Result


def summary_of(*rows):
    summary = Summary()
    for number, (label, score, error) in enumerate(rows):
        summary.add(f"{number}.jpg", label, score, error)
    return summary.text()


def test_labels_unsure_and_failed_are_counted():
    rows = [("cat", 0.9, "")] * 4 + [("dog", 0.4, ""), ("", 0, ""), ("", 0, "no such file")]
    assert summary_of(*rows).splitlines()[:5] == [
        "7 pictures, 2 labels",
        "cat       4   57.1%  ████████████████████",
        "dog       1   14.3%  █████",
        "(unsure)  1   14.3%  █████",
        "(failed)  1   14.3%  █████",
    ]


def test_least_certain_come_last_the_least_first():
    lines = summary_of(*[(f"label{n}", n / 10, "") for n in range(9, 0, -1)]).splitlines()
    assert lines[-6:] == ["least certain:", *(f"{n / 10:6.1%}  {9 - n}.jpg: label{n}" for n in range(1, 6))]


def test_many_labels_are_shortened():
    lines = summary_of(*[(f"label{n:03}", 0.5, "") for n in range(100)], ("", 0, "damaged")).splitlines()
    assert lines[0] == "101 pictures, 100 labels"
    assert lines[MOST_LABELS + 1] == f"and {100 - MOST_LABELS} other labels"
    assert lines[MOST_LABELS + 2].startswith("(failed)")


def test_nothing_is_a_summary_too():
    assert summary_of() == "0 pictures, 0 labels\n"
    assert summary_of(("cat", 1, "")).startswith("1 picture, 1 label\n")


def test_names_cannot_steer_the_terminal():
    format = SummaryFormat()
    assert format.row(Result("a\x1b[2J.png", (Prediction("0", "la\nbel", 0.5),))) == ""
    assert "\x1b" not in format.footer()
    assert "a\\x1b[2J.png: la\\nbel\n" in format.footer()


@pytest.mark.parametrize(("format", "stream"), [("text", "stdout"), ("csv", "stderr"), ("jsonl", "stderr")])
def test_summary_follows_the_rows_and_leaves_data_alone(classify, format, stream):
    plain = classify("--image", IMAGES, "--format", format)
    told = classify("--image", IMAGES, "--format", format, "--summary")
    assert "4 pictures, 4 labels\n" in getattr(told, stream)
    assert told.stdout.startswith(plain.stdout)
    assert (told.stdout == plain.stdout) == (stream == "stderr")


def test_summary_in_the_place_of_rows(classify, tmp_path):
    printed = classify("--image", IMAGES, "--format", "summary").stdout
    assert printed.startswith("4 pictures, 4 labels\n")
    classify("--image", IMAGES, "--format", "summary", "--output", tmp_path / "summary.txt")
    assert (tmp_path / "summary.txt").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_resumed_run_is_summarised_whole(classify, tmp_path, format):
    output = tmp_path / f"r.{format}"
    classify("--image", IMAGES / "cat.png", "--output", output)
    resumed = classify("--image", IMAGES, "--output", output, "--resume", "--summary")
    assert resumed.stdout == classify("--image", IMAGES, "--format", "summary").stdout
