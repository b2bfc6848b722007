"""compare_models.py as a user runs it: several models on the same pictures."""

import csv
import io
import json
import os
import re
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
from conftest import IMAGES, ROOT
from PIL import Image

import compare_models
import settings
from comparison.agreement import Tally
from comparison.figure import CompareFigure
from comparison.tables import TABLES, CsvTable, JsonlTable, TextTable, summary
from drawing.plot import render
from labels import ClassLabel, read_labels
from pipeline import classify
from pipeline.panel import Answer
from sources.frames import Frame, read_frame
from transforms import Transform

MODELS = ("efficientnet_lite0", "efficientnet_lite2")
MEAN = "mean of efficientnet_lite0 + efficientnet_lite2"
LABELS = (ClassLabel("0", "<b>cat</b>"), ClassLabel("1", "$dog_{"), ClassLabel("2", "猫"))


@pytest.fixture(scope="module")
def compared(run, tmp_path_factory):
    """A run with all that it can do, and the folder of its files."""
    folder = tmp_path_factory.mktemp("compared")
    pictures = [IMAGES / "coffee.png", ROOT / "LICENSE", IMAGES / "cat.png", IMAGES / "camera.png"]
    files = ["--figure", folder / "compare.html", "-o", folder / "compare.csv"]
    finished = run("compare_models.py", "-i", *pictures, "-m", *MODELS, "--ensemble", "-k", 1000, *files)
    return finished, folder


@pytest.fixture(scope="module")
def rows(compared):
    """The rows of its CSV."""
    return list(csv.DictReader(io.StringIO((compared[1] / "compare.csv").read_text(encoding="utf-8"))))


def answer(path: str, *scores: tuple[float, ...]) -> Answer:
    return Answer(Frame(path), tuple(np.array(row, np.float32) for row in scores))


def tally_of(*answers: Answer, models: int = 2) -> tuple[Tally, list]:
    tally = Tally([f"model {index}" for index in range(models)], [LABELS] * models, [None] * models)
    return tally, [tally.add(one, 2) for one in answers]


def test_bad_picture_costs_itself_only(compared, rows):
    finished, _folder = compared
    assert finished.returncode == 1
    assert f"error: {ROOT}/LICENSE: is a text file, not a picture" in finished.stderr
    failed = [row for row in rows if row["error"]]
    assert [row["model"] for row in failed] == [*MODELS, MEAN]
    assert {row["agree"] + row["ms_per_picture"] + row["label_1"] for row in failed} == {""}


@pytest.mark.parametrize("model", MODELS)
def test_answers_are_those_of_classify_image(rows, model, tmp_path_factory):
    pictures = [str(IMAGES / name) for name in ("coffee.png", "cat.png", "camera.png")]
    of_model = [row for row in rows if row["model"] == model and not row["error"]]
    for row, result in zip(of_model, classify(pictures, model), strict=True):
        assert row["path"] == result.source
        for rank, (class_id, label, score) in enumerate(result.predictions, start=1):
            assert (row[f"class_id_{rank}"], row[f"label_{rank}"]) == (class_id, label)
            assert float(row[f"score_{rank}"]) == pytest.approx(score, abs=1e-5)


def test_ensemble_is_the_mean_of_the_probabilities(rows):
    of_coffee = {row["model"]: row for row in rows if row["path"].endswith("coffee.png")}
    scores = {
        model: {row[f"class_id_{rank}"]: float(row[f"score_{rank}"]) for rank in range(1, 1001)}
        for model, row in of_coffee.items()
    }
    assert len(scores[MEAN]) == len(read_labels())
    for class_id, score in scores[MEAN].items():
        assert score == pytest.approx(np.mean([scores[model][class_id] for model in MODELS]), abs=1e-5)


def test_summary_says_how_often_models_agree(compared, rows):
    best = {(row["path"], row["model"]): row["label_1"] for row in rows if not row["error"]}
    paths = {path for path, _model in best}
    same = sum(best[path, MODELS[0]] == best[path, MODELS[1]] for path in paths)
    share = f"{same} of 3 pictures ({same / 3:.1%}); 1 failed"
    assert f"Both models give the same best label for {share}" in compared[0].stderr
    for row in rows:
        if not row["error"]:
            assert row["agree"] == str(best[row["path"], MODELS[0]] == best[row["path"], MODELS[1]]).lower()
            assert float(row["ms_per_picture"]) > 0


def test_page_shows_pictures_and_bars_and_needs_no_network(compared):
    page = (compared[1] / "compare.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 3
    assert "is a text file, not a picture" in page
    assert "espresso" in page
    assert "://" not in re.sub(r"base64,[\w+/=]*", "", page)


def test_text_is_a_line_a_picture():
    tally, (first, second, third) = tally_of(
        answer("a.png", (0.7, 0.2, 0.1), (0.6, 0.3, 0.1)),
        answer("a/long/path/" * 5 + "b\n.png", (0.7, 0.2, 0.1), (0.3, 0.6, 0.1)),
        Answer(Frame("c.png"), None, "the file is empty"),
    )
    table = TextTable(tally.names, 5)
    lines = [table.header, *(table.rows(row, (0.01, 0.02)) for row in (first, second, third))]
    assert all(line.count("\n") == 1 for line in lines)
    assert lines[1].split() == ["a.png", "<b>cat</b>", "70.00%", "<b>cat</b>", "60.00%"]
    assert lines[2].startswith("…")
    assert "b\\n.png" in lines[2]
    assert lines[2].endswith("60.00%  differ\n")
    assert "error: the file is empty" in lines[3]
    assert lines[1].index("<b>") == lines[0].index("model 0")
    told = summary(tally, (0.01, 0.02)).splitlines()
    assert told[2].split() == ["1", "model", "0", "10.0", "70.00%", "-", "50.0%"]
    assert told[-1] == "Both models give the same best label for 1 of 2 pictures (50.0%); 1 failed"


def test_rows_of_json_lines_and_csv_say_the_same():
    tally, (row,) = tally_of(answer("ü.png", (0.7, 0.2, 0.1), (0.3, 0.6, 0.1)))
    objects = [json.loads(line) for line in JsonlTable(tally.names, 2).rows(row, (0.0123456, 0.02)).splitlines()]
    table = CsvTable(tally.names, 2)
    cells = list(csv.DictReader(io.StringIO(table.header + table.rows(row, (0.0123456, 0.02)))))
    for record, cell in zip(objects, cells, strict=True):
        assert record["labels"] == [cell["label_1"], cell["label_2"]]
        assert (record["path"], record["agree"], record["error"]) == ("ü.png", False, "")
        assert record["ms_per_picture"] == float(cell["ms_per_picture"])
    assert objects[0]["ms_per_picture"] == 12.346


def test_models_of_different_classes_agree_by_the_label():
    tally = Tally(["one", "two"], [LABELS, LABELS[::-1]], [None, None])
    assert tally.add(answer("a", (0.7, 0.2, 0.1), (0.1, 0.2, 0.7)), 1).agree
    assert not tally.add(answer("a", (0.7, 0.2, 0.1), (0.7, 0.2, 0.1)), 1).agree


def test_saved_threshold_decides_as_in_classify_image():
    tally = Tally(["one"], [LABELS[:2]], [0.2])
    row = tally.add(answer("a", (0.7, 0.3)), 2)
    assert [prediction.label for prediction in row.best] == ["$dog_{"]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
def test_figure_has_room_for_so_many(suffix, tmp_path, caplog, monkeypatch):
    monkeypatch.setitem(settings.FIGURE_PICTURES, suffix, 2)
    picture = str(tmp_path / "p$_{<b>.png")
    Image.new("RGB", (90, 60), (200, 30, 40)).save(picture)
    scores = (0.7, 0.2, 0.1), (0.2, 0.7, 0.1)
    answers = answer(picture, *scores), Answer(Frame("gone.png"), None, "no such file"), answer(picture, *scores)
    tally, rows = tally_of(*answers)
    frame = read_frame(picture, Transform(32), keep=True)
    os.unlink(picture)  # it is not read again
    figure = CompareFigure(str(tmp_path / f"figure{suffix}"), 3, 10**6)
    for row in rows:
        figure.write(Frame(row.path) if row.error else frame, row, (0.01, 0.02))
    figure.finish(tally, (0.01, 0.02))
    assert f"figure{suffix} shows the first 2 of 3 pictures" in caplog.text
    content = (tmp_path / f"figure{suffix}").read_bytes()
    if suffix == ".png":
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
        assert (np.abs(pixels - (200, 30, 40)).max(axis=2) < 6).sum() > 5000
    else:
        text = content.decode()
        assert "no such file" in text
        assert "&lt;b&gt;cat" in text
        assert "$dog_{" in text
        assert "<b>" not in text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no picture given"),
        (["-i", "x.png", "--figure", "f.pdf"], "'f.pdf' must end in .png, .svg, .html"),
        (["-i", "x.png", "-m", "resnet50", "resnet50"], "twice"),
        (["-i", "x.png", "-m", "resnett50"], "did you mean 'resnet50'"),
        (["-i", "x.png", "--ensemble"], "several models"),
        (["-i", "x.png", "-o", "table.pdf"], "table.pdf"),
    ],
)
def test_wrong_usage_is_told_at_once(arguments, message, capsys):
    with pytest.raises((SystemExit, compare_models.UsageError)) as raised:
        compare_models.parse(arguments)
    assert message in capsys.readouterr().err + str(raised.value)


def test_files_are_not_overwritten_by_surprise(tmp_path):
    there = tmp_path / "there.png"
    there.write_text("mine")
    for option, path, message in (
        ("--figure", there, "--force overwrites it"),
        ("--figure", tmp_path / "missing" / "f.png", "is missing"),
        ("-o", tmp_path, "is a folder"),
    ):
        args, _classifiers = compare_models.parse(["-i", "x.png", option, str(path), "--format", "csv"])
        with pytest.raises(compare_models.UsageError, match=message):
            compare_models.check_files(args)
    args, _classifiers = compare_models.parse(["-i", "x.png", "--figure", str(there), "--force"])
    compare_models.check_files(args)
    assert there.read_text() == "mine"


def test_pictures_that_are_no_figures_of_ours_stay(tmp_path):
    shutil.copy(IMAGES / "cat.png", tmp_path / "mine.png")
    for suffix in ("png", "svg"):
        (tmp_path / f"ours.{suffix}").write_bytes(render((1, 1), lambda _figure: None, suffix))
    for option, name in (
        ("--figure", "ours.png"),
        ("--figure", "ours.svg"),
        ("--figure", "mine.png"),
        ("-o", "mine.png"),
    ):
        arguments = ["-i", "x.png", option, str(tmp_path / name), "--format", "csv", "--force"]
        with nullcontext() if name[0] == "o" else pytest.raises(compare_models.UsageError, match="is a picture"):
            compare_models.check_files(compare_models.parse(arguments)[0])


def test_every_format_has_a_table():
    assert tuple(TABLES) == compare_models.FORMATS
