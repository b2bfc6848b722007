"""evaluate_classifier.py as a user runs it."""

import base64
import csv
import json
import re
import shutil
import tracemalloc
from dataclasses import replace

import cv2
import h5py
import numpy as np
import pytest
from conftest import IMAGES
from reports import pixels_of

import evaluate_classifier
from classifiers import load_classifier
from errors import UsageError
from evaluation.answers import Answers
from evaluation.gallery import Thumbnails
from evaluation.heat import explain_mistakes
from evaluation.metrics import evaluate
from evaluation.output import prepare_output
from evaluation.run import TwoClassSettings, answer_all, compare, judge
from labels import ClassLabel, read_labels
from labels.classes import ClassIndex
from outputs.explain import lay_over
from pipeline import classify
from pipeline.panel import Answer, Panel
from sources.frames import Frame
from sources.labelled import match_classes, read_folder

LABELLED = {"coffee.png": "espresso", "rocket.jpg": "n03773504", "camera.png": "tripod", "cat.png": "tench"}
HELP_IMPORTS = ("numpy", "scipy", "sklearn", "matplotlib", "tensorflow", "keras", "openvino")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four pictures in a folder for each class: one that is mislabelled, and one beside them that is no picture."""
    folder = tmp_path_factory.mktemp("data")
    for name, label in LABELLED.items():
        (folder / label).mkdir()
        shutil.copy(IMAGES / name, folder / label)
    (folder / "tripod" / "línea, 猫.jpg").write_text("not a picture")
    return folder


@pytest.fixture(scope="module")
def evaluated(run, data, tmp_path_factory):
    """The run and its report."""
    report = tmp_path_factory.mktemp("report") / "new"
    return run("evaluate_classifier.py", "--data", data, "-m", "efficientnet_lite0", "-o", report), report


def test_summary_says_how_good_it_is_and_errors_say_what_failed(evaluated, data):
    finished, report = evaluated
    assert finished.returncode == 1
    assert finished.stderr == f"error: {data}/tripod/línea, 猫.jpg: is a text file, not a picture\n"
    lines = finished.stdout.splitlines()
    assert lines[0] == f"5 pictures of {data}, 1 of them failed"
    assert lines[2].startswith("efficientnet_lite0  75.00% (30.1% to 95.4%)")
    assert lines[3] == "efficientnet_lite0 finds least of: tench 0.0% of 1"
    assert lines[-2] == "note: there are pictures of 4 of the 1,000 classes; averages are over these"
    assert lines[-1] == f"report: {report}/report.html"


def test_metrics_file_has_all_figures(evaluated, data):
    metrics = json.loads((evaluated[1] / "metrics.json").read_text())
    assert (metrics["pictures"], metrics["comparisons"]) == (5, [])
    assert metrics["failed"] == [
        {"path": f"{data}/tripod/línea, 猫.jpg", "label": "tripod", "error": "is a text file, not a picture"}
    ]  # fmt: skip
    (model,) = metrics["models"]
    assert (model["top1"]["count"], model["top1"]["of"], model["top5"]["value"]) == (3, 4, 0.75)
    assert {row["label"]: row["recall"] for row in model["classes"]} == {
        "tench": 0, "espresso": 1, "missile": 1, "tripod": 1,
    }  # fmt: skip
    assert [pair["true"] for pair in model["confused"]] == ["tench"]
    assert model["confusion"]["labels"][0] == "tench"
    assert model["two_classes"] is None
    assert metrics["options"]["--model"] == "efficientnet_lite0"


def test_page_shows_where_the_answer_and_the_label_of_a_mistake_are_seen(evaluated, data):
    page = (evaluated[1] / "report.html").read_text(encoding="utf-8")
    (shown,) = re.findall(r"<h3>What the model looked at.*?</ul>", page, re.DOTALL)
    small, *heats = (pixels_of(base64.b64decode(found)) for found in re.findall('base64,([^"]+)', shown))
    with open(evaluated[1] / "predictions.csv", encoding="utf-8", newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["right"] == "no"]
    classifier = load_classifier("efficientnet_lite0")
    assert len(heats) == 2
    for label, seen in zip((row["answer"], "tench"), heats, strict=True):
        heat = classifier.explain(row["path"], label).map
        expected = cv2.resize(heat, small.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(seen - lay_over(small.astype(np.uint8), expected)).mean() < 4
    assert np.abs(heats[0] - heats[1]).mean() > 4
    assert f"where {row['answer']} is seen" in shown


def test_report_goes_without_heat_maps_where_they_cannot_be_had(data):
    classifier = load_classifier("efficientnet_lite0")
    answers = Answers(*(np.array(one) for one in ([0], [1], [[1, 0]], [[0.9, 0.1]], [0.1])))
    evaluation = evaluate("m", ("a", "b"), [str(data / "tench" / "cat.png")], answers)
    seen, note = explain_mistakes(classifier, evaluation, Thumbnails(10**6))
    assert (len(seen), note) == (1, "")
    gone = replace(classifier, runtime=replace(classifier.runtime, device="gpu:99"))
    seen, note = explain_mistakes(gone, evaluation, Thumbnails(10**6))
    assert seen == ()
    assert note.startswith("there are no heat maps of efficientnet_lite0: ")


def test_predictions_are_what_classify_image_says(evaluated, data):
    with open(evaluated[1] / "predictions.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    for row, result in zip(rows, classify(sorted(row["path"] for row in rows), "efficientnet_lite0"), strict=True):
        assert (row["path"], row["error"], row["model"]) == (result.source, result.error, "efficientnet_lite0")
        if not result.error:
            label = row["path"].split("/")[-2]
            assert row["label"] == {"n03773504": "missile"}.get(label, label)
            assert row["right"] == ("yes" if row["label"] == row["answer"] else "no")
            assert [row[f"label_{rank}"] for rank in range(1, 6)] == [one.label for one in result.predictions]
            assert float(row["score_1"]) == pytest.approx(result.predictions[0].score, abs=1e-6)
        else:
            assert {row[name] for name in ("answer", "right", "label_1", "score_5")} == {""}


def test_report_is_not_overwritten_by_surprise(evaluated, data, tmp_path):
    report = evaluated[1]
    with pytest.raises(UsageError, match=r"holds a report .*--force replaces it"):
        evaluate_classifier.main(["--data", str(data), "-o", str(report)])
    (tmp_path / "predictions.csv").touch()
    (tmp_path / "thesis.txt").touch()
    prepare_output(tmp_path, ["predictions.csv", "plots/*.png"], force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_pictures_that_are_no_part_of_a_report_stay(make):
    folder = make("plots/mine.png", "thesis.txt")
    with pytest.raises(UsageError, match=r"holds other files, such as mine\.png"):
        prepare_output(folder, ["predictions.csv", "plots/*.png"], force=True)
    assert (folder / "plots" / "mine.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x"], "no pictures given; use --data DIR, or --labels-csv FILE"),
        (["--data", "x"], "no folder for the report given; use --output DIR"),
        (["--data", "x", "-o", "y", "--criterion", "recall=0"], "'recall=0' is not equal-error, f1 or recall=R"),
        (["--data", "x", "-o", "y", "--criterion", "recall=x"], "'recall=x' is not equal-error, f1 or recall=R"),
        (["--data", "x", "-o", "y", "--save-threshold"], "--save-threshold is for two classes, and efficientnet_lite0"),
        (["--data", "x", "-o", "y", "--positive", "tench"], "--positive is for two classes"),
        (["--data", "x", "-o", "y", "--validation", "z"], "--validation is for two classes"),
        (["--data", "x", "-o", "x/report"], "--output x/report lies in the data; give a folder outside of x"),
        (["--data", "x", "-o", "y", "--ensemble"], "--ensemble is the mean of several models"),
        (["--data", "x", "-o", "y", "-m", "resnet50", "ResNet50"], "--model names resnet50 twice"),
        (["--data", "x", "-o", "y", "-m", "resnet5O"], "did you mean 'resnet50'?"),
        (["--data", "x", "-o", "y", "-m", "resnet50", "vgg16", "--weights", "x.h5"], "is the file of one network"),
    ],
)
def test_wrong_usage_is_refused_before_anything_heavy(arguments, message, capsys):
    with pytest.raises((SystemExit, UsageError)) as raised:
        evaluate_classifier.parse(arguments)
    assert message in capsys.readouterr().err + str(raised.value)


def test_help_imports_nothing_heavy(run):
    finished = run("-X", "importtime", "evaluate_classifier.py", "--help")
    assert finished.stdout.startswith("Find out how good models are")
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in finished.stderr.splitlines()}
    assert modules.isdisjoint(HELP_IMPORTS)


def test_pictures_that_none_can_read_are_an_error(tmp_path, capsys):
    data, report = tmp_path / "data", tmp_path / "report"
    data.mkdir()
    (data / "tench_1.jpg").touch()
    with pytest.raises(UsageError, match=r"none of the 1 pictures of .* can be read"):
        evaluate_classifier.main(["--data", str(data), "-o", str(report)])
    assert len((report / "predictions.csv").read_text().splitlines()) == 2


def test_run_that_cannot_begin_leaves_nothing_in_the_way(data, tmp_path):
    with h5py.File(tmp_path / "other.weights.h5", "w") as file:
        file["layers"] = [1, 2, 3]
    arguments = ["--data", data, "--weights", tmp_path / "other.weights.h5", "-o", tmp_path / "report"]
    with pytest.raises(UsageError, match=r"other\.weights\.h5"):
        evaluate_classifier.main([*map(str, arguments)])
    assert list(tmp_path.glob("report*")) == [tmp_path / "report"]
    assert not list(tmp_path.glob("report/*"))


def test_models_side_by_side_answer_as_each_does_alone_and_the_ensemble_is_their_mean(data):
    both = [replace(load_classifier(resize=mode, batch_size=3), name=mode) for mode in ("crop", "stretch")]
    panel = Panel(both, ensemble=True)
    assert panel.names == ("crop", "stretch", "mean of crop + stretch")
    labels = read_labels()
    paths = [path for path, _index in match_classes(read_folder(data), ClassIndex("lite", labels))]
    answers = list(panel.answer(iter(paths)))
    assert [answer.frame.source for answer in answers] == paths
    alone = [list(classify(paths, resize=mode, top_k=1)) for mode in ("crop", "stretch")]
    for answer, *results in zip(answers, *alone, strict=True):
        if results[0].error:
            assert (answer.scores, answer.error) == (None, results[0].error)
            continue
        first, second, mean = answer.scores
        assert mean == pytest.approx((first + second) / 2, abs=1e-7)
        for scores, result in zip((first, second), results, strict=True):
            assert scores.max() == pytest.approx(result.predictions[0].score, abs=1e-6)
            assert labels[scores.argmax()].label == result.predictions[0].label
    assert all(seconds > 0 for seconds in panel.seconds_per_picture())


class RandomPanel:
    """Two models of two classes that give random scores; one is better, and cannot answer some pictures."""

    names = ("good", "bad")
    labels = ((ClassLabel("0", "cats"), ClassLabel("1", "dogs")),) * 2

    def answer(self, paths):
        """Yield answers as a Panel does."""
        random = np.random.default_rng(0)
        for number, path in enumerate(paths):
            if number % 50 == 49:
                yield Answer(Frame(path), None, "damaged")
                continue
            lean = 1 if "dogs" in path else -1
            yield Answer(Frame(path), tuple(self._scores(random, weight * lean) for weight in (2.0, 0.2)))

    @staticmethod
    def _scores(random: np.random.Generator, mean: float) -> np.ndarray:
        second = 1 / (1 + np.exp(-random.normal(mean)))
        return np.array([1 - second, second], np.float32)


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """Empty files of two classes."""
    folder = tmp_path_factory.mktemp("pets")
    for label in ("cats", "dogs"):
        (folder / label).mkdir()
        for number in range(150):
            (folder / label / f"{number}.jpg").touch()
    return match_classes(read_folder(folder), ClassIndex("good", RandomPanel.labels[0]))


def test_two_classes_are_judged_at_a_threshold_of_the_validation_pictures(pets):
    panel, failed = RandomPanel(), []
    outcome = answer_all(panel, pets, [None, 0.9], lambda path, error: failed.append(path) if error else None)
    assert (len(failed), len(outcome.paths), len(outcome.failures)) == (6, 294, 6)
    assert outcome.failures[0].label == "cats"
    good, bad = judge(
        panel.names, ("cats", "dogs"), outcome, [None, 0.9], TwoClassSettings(0, "f1"), validation=outcome
    )
    assert (good.two_class.positive, good.two_class.used.threshold) == (0, 0.5)
    assert good.two_class.used.accuracy == good.top1
    assert bad.two_class.used.threshold == pytest.approx(0.1)
    assert bad.two_class.used.accuracy == bad.top1
    assert good.two_class.recommended.f1 >= good.two_class.used.f1
    assert good.two_class.roc_auc > 0.9 > bad.two_class.roc_auc
    assert good.paths[0].endswith("cats/0.jpg")
    (pair,) = compare([good, bad])
    assert pair.verdict == "good is better"


def test_memory_for_a_picture_is_some_tens_of_bytes(pets):
    """However many classes a model has."""

    class ImageNetPanel:
        names = ("model",)
        labels = (read_labels(),)

        def answer(self, paths):
            scores = np.random.default_rng(0).random(1000, np.float32)
            return (Answer(Frame(path), (scores,)) for path in paths)

    many = [(f"{number}.jpg", 0) for number in range(2000)]
    tracemalloc.start()
    answer_all(ImageNetPanel(), many[:10], [None], lambda path, error: None)
    before = tracemalloc.get_traced_memory()[0]
    outcome = answer_all(ImageNetPanel(), many, [None], lambda path, error: None)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(outcome.paths) == 2000
    assert grown / 2000 < 100
