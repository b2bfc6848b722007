"""train_classifier.py and evaluate_classifier.py on the data that people have: layouts, and a CSV file."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = {"blue": (0, 0, 160), "rouge e\u0301": (160, 0, 0)}  # é is two characters


@pytest.fixture(scope="module")
def train(run, tmp_path_factory):
    """Run train_classifier.py with the arguments given, quickly, and a cache of this module's own."""
    cache = tmp_path_factory.mktemp("cache")
    return lambda *arguments: run("train_classifier.py", *arguments, "--cache-dir", cache)


def draw(folder: Path, colour: str, first: int, last: int) -> None:
    """Save different pictures of one colour into a folder."""
    folder.mkdir(parents=True)
    for number in range(first, last):
        noise = np.random.default_rng(number).integers(0, 96, (40, 60, 3))
        Image.fromarray((noise + COLOURS[colour]).astype(np.uint8)).save(folder / f"{number:02}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The layout of a well-known download, with a class that is missing in the test."""
    folder = tmp_path_factory.mktemp("data")
    for colour in COLOURS:
        draw(folder / "dataset" / "training_set" / colour, colour, 0, 8)
    draw(folder / "dataset" / "test_set" / "blue", "blue", 20, 23)
    draw(folder / "dataset" / "single_prediction", "blue", 30, 31)
    draw(folder / "__MACOSX" / "blue", "blue", 40, 41)
    return folder


@pytest.fixture(scope="module")
def trained(train, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "colours"
    return train("--data", data, "--output", folder), folder


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_training_says_how_it_reads_the_data(trained, data):
    finished, folder = trained
    assert finished.returncode == 0, finished.stderr
    lines = finished.stderr.splitlines()
    assert lines[:3] == [
        f"note: the data is {data}/dataset, for {data} holds nothing else",
        f"left out: {data}/dataset/single_prediction: it lies beside test_set and training_set",
        "2 classes: blue, rouge \u00e9",
    ]
    assert "note: test has no pictures of rouge \u00e9" in lines
    assert re.search(r"^pictures: 12 train, 4 validation, 3 test; 2 classes$", finished.stderr, re.M)
    assert finished.stdout.splitlines()[0].startswith("test accuracy: ")
    assert "rouge" not in finished.stdout
    assert (folder / "labels.txt").read_text(encoding="utf-8") == "blue\nrouge \u00e9\n"
    assert rows(folder / "manifest.csv")[0]["path"] == "dataset/test_set/blue/20.png"


def test_evaluation_of_the_same_data_is_of_its_test_pictures(trained, data, run, tmp_path):
    finished = run("evaluate_classifier.py", "--data", data, "-m", trained[1], "-o", tmp_path / "report")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith(f"3 pictures of {data}/dataset/test_set\n")
    answers = rows(tmp_path / "report" / "predictions.csv")
    assert {Path(row["path"]).name for row in answers} == {"20.png", "21.png", "22.png"}


def test_training_from_a_csv_file_goes_on_and_is_evaluated(train, trained, data, run, tmp_path):
    lists = tmp_path / "colours.csv"
    pictures = sorted((data / "dataset" / "training_set").glob("*/*.png"))
    lines = [f"{path.relative_to(data)},{path.parent.name}," for path in pictures]
    lines += [f"{path},blue,holdout" for path in (data / "dataset" / "test_set" / "blue").iterdir()]
    lines += ["nowhere.png,blue,", lines[0], "scans/1.png,blue,"]
    lists.write_text("\n".join(["path,label,split", *lines]), encoding="utf-8")
    options = ["--labels-csv", lists, "--data", data, "--exclude", "scans"]
    output = tmp_path / "run"
    finished = train(*options, "--output", output)
    assert finished.returncode == 0, finished.stderr
    assert f"left out: 1 rows of {lists}, which list a picture again\n" in finished.stderr
    assert "left out: nowhere.png: no such file\n" in finished.stderr
    assert "pictures: 12 train, 4 validation, 3 test; 2 classes\n" in finished.stderr

    begun = tmp_path / "begun"
    begun.mkdir()
    for name in ("training.json", "manifest.csv"):
        shutil.copy(output / name, begun)
    assert train("--output", begun, "--resume", "--exclude", "scans").returncode == 0
    assert (begun / "model.keras").read_bytes() == (output / "model.keras").read_bytes()
    assert "colours.csv" not in (output / "spec.json").read_text()
    assert json.loads((output / "training.json").read_text())["labels_csv"] == str(lists)

    options = ["--labels-csv", lists, "--data", data, "-m", trained[1]]  # of the same classes, and compiled already
    finished = run("evaluate_classifier.py", *options, "-o", tmp_path / "r")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith(f"3 pictures of {lists} (test rows)\n")

    (begun / "spec.json").unlink()
    with open(lists, "a") as file:
        file.write(f"\n{pictures[0]}.jpg,blue,")
    finished = train("--output", begun, "--resume")
    assert finished.returncode == 2
    assert "the pictures are not those that the run began with" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "{folder}"], "two ways: test and train are the classes, or train and test hold the pictures for"),
        (["--data", "{folder}/notes.txt"], "the data {folder}/notes.txt is a file, not a folder; give the folder"),
        (["--labels-csv", "{folder}/nowhere.csv"], "cannot read {folder}/nowhere.csv: No such file or directory"),
        (["--labels-csv", "{folder}/notes.txt"], "{folder}/notes.txt lists no pictures"),
        (["--data", "{folder}", "--exclude", ""], "'' excludes nothing"),
    ],
)
def test_data_that_cannot_be_read_is_refused_before_the_output_is_touched(train, tmp_path, arguments, message):
    folder = tmp_path / "data"
    for name in ("train", "test"):
        draw(folder / name, "blue", 0, 1)
    (folder / "notes.txt").touch()
    finished = train(*(argument.format(folder=folder) for argument in arguments), "--output", tmp_path / "run")
    assert finished.returncode == 2
    assert message.format(folder=folder) in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
