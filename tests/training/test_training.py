"""The trainer: what it learns and leaves, and that an interrupted run ends as if it had not been."""

import contextlib
import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import FRAMEWORKS, ROOT, blocks, imported
from PIL import Image, ImageDraw

from training.curves import plot_history
from training.report import measure

LEFT = {
    "galleries/uncertain_right.jpg", "history.csv", "history.png", "labels.txt", "manifest.csv", "metrics.json",
    "model.keras", "predictions.csv", "report.html", "spec.json", "suspects.csv", "test.json", "training.json",
    "use_with_keras.py",
    *(
        f"plots/{name}.{kind}"
        for name in ("confusion", "scores", "coverage", "reliability", "training_loss", "training_accuracy")
        for kind in ("png", "svg")
    ),
}  # fmt: skip
COLOURS = {"blue": (0, 0, 160), "green": (0, 160, 0), "red": (160, 0, 0)}


@pytest.fixture(scope="module")
def tiny(run, tmp_path_factory):
    """What train_tiny.py finds out about tiny networks."""
    finished = run("tests/train_tiny.py", tmp_path_factory.mktemp("tiny"), PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Noise in three colours, 14 pictures of each, with a few that are odd."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir()
        for number in range(14):
            pixels = rng.integers(0, 96, (72, 96, 3)) + colour
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number:02}.png")
    shutil.copy(folder / "red" / "00.png", folder / "red" / "copy.png")
    shutil.copy(folder / "red" / "01.png", folder / "blue" / "red one.png")
    (folder / "green" / "empty.jpg").touch()
    (folder / "green" / "film.MOV").touch()
    return folder


@pytest.fixture(scope="module")
def train(run, tmp_path_factory):
    """Run train_classifier.py with the arguments given, and a cache of this module's own."""
    cache = tmp_path_factory.mktemp("cache")
    return lambda *arguments: run("train_classifier.py", *arguments, "--cache-dir", cache)


@pytest.fixture(scope="module")
def trained(train, data, tmp_path_factory):
    """A run that is over, and the folder that it left."""
    folder = tmp_path_factory.mktemp("runs") / "colours"
    options = ["--augment", "flip", "--views", 1, "-b", 8, "--class-weight", "balanced"]
    return train("--data", data, "--output", folder, *options), folder


@pytest.fixture(scope="module")
def mlp(train, data, tmp_path_factory):
    """A run that Keras has trained in epochs, and the folder that it left."""
    folder = tmp_path_factory.mktemp("runs") / "mlp"
    return train("--data", data, "--output", folder, "--head", "mlp", "--epochs", 6, "-b", 8), folder


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_run_says_what_it_did(trained, data):
    finished, folder = trained
    assert finished.returncode == 0, finished.stderr
    assert re.match(r"test accuracy: 100.00% \((\d) of \1\), 95 % interval .*\n  blue: 100.00% ", finished.stdout)
    assert finished.stdout.endswith(f"--model {folder}\n")
    lines = finished.stderr.splitlines()
    assert [line for line in lines if line.startswith("left out")] == [
        "left out: blue/red one.png: the same picture is in the classes blue, red",
        "left out: green/empty.jpg: the file is empty",
        "left out: red/01.png: the same picture is in the classes blue, red",
        "left out: 1 files in class folders that are no pictures by their extension: 1 .mov; manifest.csv lists them",
    ]
    counts = re.search(
        r"^pictures: (\d+) train, (\d+) validation, (\d+) test; 3 classes; 1 are copies", finished.stderr, re.M
    )
    assert sum(map(int, counts.groups())) == 3 * 14
    assert re.search(r"^head: accuracy 100.00 %, loss 0.\d+ on pictures held out in 5 turns", finished.stderr, re.M)
    steps = "pictures", "features", "near-duplicates", "head"
    assert re.search("^time: " + ", ".join(rf"{step} [\d.]+ s" for step in steps), finished.stderr, re.M)


def test_run_leaves_what_it_promises(trained):
    _finished, folder = trained
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == LEFT
    assert (folder / "labels.txt").read_text() == "blue\ngreen\nred\n"
    with Image.open(folder / "history.png") as plot:
        assert plot.size == (1452, 554)
    history = rows(folder / "history.csv")
    assert {(row["phase"], row["epoch"]) for row in history} == {("head", "")}
    strengths = [float(row["strength"]) for row in history]
    assert strengths == sorted(strengths, reverse=True)
    assert all(0 <= float(row["val_accuracy"]) <= 1 for row in history)


def test_head_of_two_layers_is_trained_in_epochs(mlp):
    finished, folder = mlp
    assert finished.returncode == 0, finished.stderr
    assert re.search(r"^head: best after epoch \d of 6, validation accuracy 100.00 %", finished.stderr, re.M)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == LEFT
    history = rows(folder / "history.csv")
    assert [(row["phase"], row["epoch"]) for row in history] == [("head", str(epoch)) for epoch in range(1, 7)]
    assert all(0 <= float(row["val_accuracy"]) <= 1 for row in history)


def test_manifest_names_every_file(trained, data):
    manifest = rows(trained[1] / "manifest.csv")
    files = sorted(path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file())
    assert [row["path"] for row in manifest] == files
    split = {row["path"]: row["split"] for row in manifest}
    assert split["red/copy.png"] == split["red/00.png"] != ""
    skipped = {row["path"]: row["skipped"] for row in manifest if row["skipped"]}
    assert skipped["green/empty.jpg"] == "the file is empty"
    assert skipped["green/film.MOV"] == "not a picture by its extension"
    assert len(skipped) == 4


def test_classify_image_gives_the_scores_that_the_test_gave(trained, data, classify):
    folder = trained[1]
    predictions = rows(folder / "predictions.csv")
    assert {row["path"] for row in predictions} == {
        row["path"] for row in rows(folder / "manifest.csv") if row["split"] == "test" and not row["skipped"]
    }
    ranked = [f"{name}_{rank}" for rank in (1, 2, 3) for name in ("label", "score")]
    assert list(predictions[0]) == ["path", "model", "label", "answer", "right", "error", *ranked]
    for row in predictions:
        assert (row["model"], row["error"]) == ("efficientnet_lite0", "")
        assert row["label"] == row["path"].partition("/")[0]
        assert row["answer"] == row["label_1"]
        assert row["right"] == ("yes" if row["answer"] == row["label"] else "no")
    finished = classify("-m", folder, "-i", *(data / row["path"] for row in predictions), "--no-cache")
    assert finished.returncode == 0, finished.stderr
    for row, lines in zip(predictions, blocks(finished.stdout).values(), strict=True):
        assert len(lines) == 3
        for rank, line in enumerate(lines, start=1):
            label, score = re.fullmatch(r"\d\. (\w+): ([\d.]+)%", line).groups()
            assert label == row[f"label_{rank}"]
            assert float(score) / 100 == pytest.approx(float(row[f"score_{rank}"]), abs=6e-5)  # printed with 4 digits


def test_output_is_not_overwritten_by_surprise(trained, train, data, tmp_path):
    _finished, folder = trained
    finished = train("--data", data, "--output", folder)
    assert finished.returncode == 2
    assert "holds a run: --resume goes on with it, --force starts anew" in finished.stderr
    (tmp_path / "letter.txt").touch()
    for force in ([], ["--resume"]):
        finished = train("--data", data, "--output", tmp_path, *force)
        assert finished.returncode == 2
        assert "holds other files, such as letter.txt; give another folder" in finished.stderr


def test_resume_of_a_run_that_is_over_or_of_another(mlp, train, data):
    _finished, folder = mlp
    finished = train("--output", folder, "--resume")
    assert (finished.returncode, finished.stdout) == (0, "")
    assert "is complete: there is nothing to resume" in finished.stderr
    finished = train("--output", folder, "--resume", "--epochs", 7, "--data", data)
    assert finished.returncode == 2
    assert "--resume goes on with the options that the run began with: --epochs was 6" in finished.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--help"], ""),
        (["--output", "o"], "no data given; use --data DIR"),
        (["--data", "d"], "no output folder given; use --output DIR"),
        (["--data", "d", "--output", "d/o"], "--output d/o lies in the data; give a folder outside of d"),
        (["--data", "d", "--output", "o", "-m", "vgg61"], "unknown model 'vgg61'; did you mean"),
        (["--data", "d", "--output", "o", "-m", "vgg16", "VGG16"], "the backbone vgg16 is given twice"),
        (["--data", "d", "--output", "o", "--split", "90", "0", "10"], "needs shares for training and validation"),
        (["--data", "d", "--output", "o", "--split", "90", "-1", "10"], "--split"),
        (["--data", "d", "--output", "o", "--epochs", "9"], "--epochs is for --head mlp; --head linear is solved"),
        (["--data", "d", "--output", "o", "--dropout", "0.1"], "--dropout is for --head mlp"),
        (["--data", "d", "--output", "o", "--patience", "3"], "--patience is for --head mlp or --fine-tune"),
        (["--data", "d", "--output", "o", "--tensorboard"], "--tensorboard shows epochs, and --head linear has none"),
        (["--data", "d", "--output", "o", "--learning-rate", "0"], "'0' is not a number above 0"),
        (["--data", "d", "--output", "o", "--dropout", "1"], "'1' is not a number of at least 0 and below 1"),
        (["--data", "d", "--output", "o", "--augment", "shear"], "invalid choice: 'shear'"),
        (["--data", "d", "--output", "o", "--weights", "w.h5"], "no such weights file: w.h5"),
    ],
)
def test_help_and_argument_errors_import_nothing_heavy(arguments, message, tmp_path):
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", ROOT / "train_classifier.py", *arguments],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert finished.returncode == (2 if message else 0)
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr
    assert imported(finished.stderr).isdisjoint([*FRAMEWORKS, "numpy", "PIL", "matplotlib"])
    assert list(tmp_path.iterdir()) == []


def test_interrupted_runs_end_as_if_they_had_not_been(tiny):
    assert tiny["resumed"]
    assert tiny["ended"]


def test_fine_tuning_changes_the_last_layers_and_no_statistics(tiny):
    assert [name for name, changed in tiny["changed"].items() if changed] == [
        "last/kernel", "last/bias", "probabilities/kernel", "probabilities/bias",
    ]  # fmt: skip
    assert tiny["changed"]["norm/moving_mean"] is tiny["changed"]["norm/moving_variance"] is False
    assert tiny["unfrozen"] == 3 * 3 * 4 * 4 + 4
    assert tiny["rows"][-1]["val_loss"] < tiny["rows"][0]["val_loss"]


def test_fine_tuning_that_only_harms_changes_nothing(tiny):
    assert tiny["worse_kept"]["epoch"] == 0
    assert tiny["worse_is_start"]


def test_measures_are_counted_right():
    scores = np.eye(3)[[0, 0, 1, 1, 1]]
    found = measure(np.array([0, 0, 0, 1, 2]), scores, ["a", "b", "c"])
    assert (found["pictures"], found["right"], found["accuracy"]) == (5, 3, 0.6)
    assert found["confusion"]["counts"] == [[2, 1, 0], [0, 1, 0], [0, 1, 0]]
    assert found["classes"]["b"] == {"pictures": 1, "right": 1, "recall": 1.0, "precision": 1 / 3}
    assert found["classes"]["c"] == {"pictures": 1, "right": 0, "recall": 0.0, "precision": None}


def test_history_is_drawn_with_the_same_bytes_every_time(tmp_path):
    rows = [
        {"epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5, "val_loss": 2 / epoch, "val_accuracy": 0.4}
        for epoch in (1, 2, 3)
    ]
    start = {"epoch": 0, "val_loss": 0.6, "val_accuracy": 0.4}
    drawn = []
    for tune in (rows[:1], rows[:1], rows[1:]):
        plot_history(tmp_path, {"head": rows, "fine-tune": [start, *tune]}, {"head": rows[0], "fine-tune": start})
        drawn.append((tmp_path / "history.png").read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_tensorflow_saves_the_same_bytes(trained, tmp_path):
    _finished, folder = trained
    code = """
import sys
from pathlib import Path
from classifiers.folder import read_trained
from networks.trained import build_trained, save_classifier
found = read_trained(sys.argv[1])
save_classifier(build_trained(found.network, found.weights), found.network, Path(sys.argv[2]))
"""
    saved = tmp_path / "model.keras"
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
    subprocess.run([sys.executable, "-c", code, folder, saved], cwd=ROOT, env=environment, check=True)
    assert saved.read_bytes() == (folder / "model.keras").read_bytes()


def test_linear_head_needs_no_tensorflow(data, tmp_path):
    code = "import sys; sys.modules['tensorflow'] = None; import train_classifier; sys.exit(train_classifier.main())"
    options = ["--data", data, "--output", tmp_path / "run", "--no-cache", "--split", 70, 20, 0]
    command = [sys.executable, "-c", code, *map(str, options)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [[], ["--head", "mlp", "--epochs", 30, "--patience", 30], ["--fine-tune", 5, "--fine-tune-epochs", 3]],
)
def test_killed_at_random_moments_it_ends_with_the_same_bytes(options, data, tmp_path):
    options = ["--data", data, "-b", 8, "--deterministic", *options]
    begun = time.monotonic()
    assert start(tmp_path / "once", tmp_path / "cache", *options).wait() == 0
    seconds = time.monotonic() - begun
    for _kill in range(5):
        process = start(tmp_path / "killed", tmp_path / "other cache", *options, "--resume")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=random.uniform(0.1, 0.9) * seconds)
        process.kill()
        process.wait()
    assert start(tmp_path / "killed", tmp_path / "other cache", *options, "--resume").wait() == 0
    for name in LEFT:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "once" / name).read_bytes(), name


def start(output: Path, cache: Path, *options) -> subprocess.Popen:
    command = [sys.executable, "train_classifier.py", "--output", output, "--cache-dir", cache, *options]
    return subprocess.Popen(list(map(str, command)), cwd=ROOT)


@pytest.mark.slow
def test_fine_tuning_finds_what_frozen_features_do_not_tell(train, tmp_path):
    """Is the disc on the left or on the right? ImageNet's classes do not care, so pooled features hardly say."""
    draw_discs(tmp_path / "discs", 60)
    options = ["--split", 60, 30, 10, "--augment", "none", "-b", 8, "--fine-tune-learning-rate", 3e-4]
    finished = train(
        "--data", tmp_path / "discs", "--output", tmp_path / "run", *options,
        "--fine-tune", 60, "--fine-tune-epochs", 10,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    kept = json.loads((tmp_path / "run" / "spec.json").read_text())["training"]["kept"]
    assert kept["fine-tune"]["val_accuracy"] > kept["head"]["val_accuracy"] + 0.1


def draw_discs(folder: Path, count: int, size: int = 224) -> None:
    rng = np.random.default_rng(0)
    for label in ("left", "right"):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            blocks = rng.integers(90, 166, (size // 8, size // 8, 3), np.uint8)
            image = Image.fromarray(blocks).resize((size, size))
            radius = int(rng.integers(18, 30))
            x, y = int(rng.integers(radius, size * 0.42)), int(rng.integers(radius, size - radius))
            colour = tuple(map(int, rng.integers(0, 256, 3)))
            ImageDraw.Draw(image).circle((x if label == "left" else size - x, y), radius, fill=colour)
            image.save(folder / label / f"{number:03}.png")
