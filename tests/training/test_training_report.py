"""What a run leaves of its test pictures: the report of an evaluation, and a few lines for the terminal."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classifiers.manifest import Picture
from evaluation.output import REPORT_FILES
from train_classifier import describe
from training.curves import history_plots
from training.options import OPTION_NAMES, Options
from training.report import Answered, Extras, measure, write_test

CLASSES = ["error", "path", "right"]  # called as columns of predictions.csv
LABELS = [0, 0, 1, 1, 1, 2]
SCORES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.1, 0.9, 0], [0, 1, 0], [0.6, 0.1, 0.3]], np.float32
)


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """The folder of six test pictures, the one that a run leaves, and what it is told of them."""
    data, output = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("run")
    pictures = [Picture(f"{CLASSES[label]}/<{index}>.png", CLASSES[label]) for index, label in enumerate(LABELS)]
    for picture in pictures:
        (data / picture.path).parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 30), "red").save(data / picture.path)
    options = Options(**dict.fromkeys(OPTION_NAMES))
    options = replace(options, data=str(data), max_pixels=10**6, seed=0, augment=["flip", "crop"], deterministic=False)
    return data, output, write_test(output, options, "resnet50", Answered(pictures, SCORES), CLASSES)


def test_report_is_that_of_an_evaluation(tested):
    _data, output, results = tested
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "<h1>Trained classifier resnet50 on its test pictures</h1>" in page
    assert "&lt;5&gt;.png" in page
    assert "can no longer be read" not in page
    assert '<th scope="row" class="text">--augment</th><td class="text wrap">flip crop</td>' in page
    assert "--seed" in page
    assert "--deterministic" not in page
    assert "<h2>Training</h2>" not in page  # no curves are given
    metrics = json.loads((output / "metrics.json").read_text())
    (model,) = metrics["models"]
    assert (model["top1"]["count"], model["top1"]["of"]) == (results["right"], results["pictures"]) == (4, 6)
    assert model["top1"]["interval_95"] == results["interval_95"]
    assert json.loads((output / "test.json").read_text()) == results
    assert all(list(output.glob(pattern)) for pattern in REPORT_FILES)


def test_report_has_curves_and_suspects_among_the_pictures_of_training(tested, tmp_path):
    data, _output, _results = tested
    pictures = [Picture(f"{CLASSES[label]}/<{index}>.png", CLASSES[label]) for index, label in enumerate(LABELS)]
    sure = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 0, 2]]  # the fifth is labelled wrong
    rows = [{"strength": strength, "val_loss": 0.5 / strength, "val_accuracy": 1.0} for strength in (1.0, 10.0)]
    extras = Extras(Answered(pictures, sure), history_plots({"head": rows}, {"head": rows[1]}))
    options = replace(Options(**dict.fromkeys(OPTION_NAMES)), data=str(data), max_pixels=10**6)
    write_test(tmp_path, options, "resnet50", Answered(pictures[:4], SCORES[:4]), CLASSES, extras)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 of 6 pictures, each judged by a classifier that had not seen it" in page
    assert page.count("<h2>Training</h2>") == 1
    assert "Loss of pictures held out, for each strength of the penalty" in page
    assert {path.stem for path in (tmp_path / "plots").glob("training_*.svg")} == {"training_loss", "training_accuracy"}
    with open(tmp_path / "suspects.csv", encoding="utf-8", newline="") as file:
        suspects = [(row["path"], row["label"], row["suggested"]) for row in csv.DictReader(file)]
    assert ("path/<4>.png", "path", "error") in suspects


def test_classes_may_be_called_as_columns(tested):
    with open(tested[1] / "predictions.csv", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    ranked = ["label_1", "score_1", "label_2", "score_2", "label_3", "score_3"]
    assert header == ["path", "model", "label", "answer", "right", "error", *ranked]
    expected = ["right/<5>.png", "resnet50", "right", "error", "no", "", "error", "0.6", "right", "0.3", "path", "0.1"]
    assert rows[5] == expected
    assert [row[4] for row in rows] == ["yes", "no", "yes", "yes", "yes", "no"]


def test_few_pictures_and_missing_classes_are_said(tested):
    *_folders, results = tested
    lines = describe(results, Path("run")).splitlines()
    assert lines[0] == "test accuracy: 66.67% (4 of 6), 95 % interval 30.0% to 90.3%"
    assert lines[1:4] == ["  error: 50.00% (1 of 2)", "  path: 100.00% (3 of 3)", "  right: 0.00% (0 of 1)"]
    assert lines[4].startswith("note: 6 test pictures tell little: of others like them, 30.0% to 90.3% may be right")
    notes = json.loads((tested[1] / "metrics.json").read_text())["notes"]
    assert [f"note: {note}" for note in notes] == [lines[4]]


def test_of_many_classes_the_worst_are_shown():
    names = [f"class {number:02}" for number in range(12)]
    labels = np.repeat(np.arange(12), 40)
    answers = labels.copy()
    answers[11 * 40 : 11 * 40 + 2] = 0  # the last of the alphabet is the worst
    answers[3 * 40] = answers[7 * 40] = 0
    labels, answers = np.append(labels, 7), np.append(answers, 0)  # of more pictures
    lines = describe(measure(labels, np.eye(12)[answers], names), Path("run")).splitlines()
    assert lines[0] == "test accuracy: 98.96% (476 of 481), 95 % interval 97.6% to 99.6%"
    assert lines[1] == "  the worst 10 of 12 classes (test.json has all):"
    assert lines[2:6] == [
        "  class 11: 95.00% (38 of 40)", "  class 07: 95.12% (39 of 41)", "  class 03: 97.50% (39 of 40)",
        "  class 00: 100.00% (40 of 40)",
    ]  # fmt: skip
    assert len(lines) == 1 + 1 + 10 + 1  # enough pictures: no note


def test_a_run_without_test_pictures_has_no_figures():
    assert describe(None, Path("my run")) == (
        "saved: my run, for python classify_image.py --image PICTURE --model 'my run'"
    )
