"""export_model.py from the command line: files that are proved, their folder, and what leaves nothing."""

import hashlib
import inspect
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import IMAGES

import exporting.run
from classifiers import load_classifier, use_with_keras
from classifiers.folder import write_trained
from errors import UsageError
from exporting.formats import FORMATS
from exporting.proof import judge, largest_difference
from exporting.run import Plan, export
from models import find_model
from networks import Head, Network
from networks.trained import build_features, build_head, join_head, save_classifier
from preprocess import read_square
from usage import use_exported

NETWORK = Network((find_model("efficientnet_lite0"),), 2, Head("linear"))
DOG = "Haus\N{NO-BREAK SPACE}hund"
PICTURES = sorted(IMAGES.iterdir())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trained folder of two classes, one of which is the answer from a threshold on."""
    folder = tmp_path_factory.mktemp("trained")
    features, top = build_features(NETWORK, "imagenet"), build_head(1280, 2, NETWORK.head)
    top.set_weights([np.random.default_rng(0).standard_normal((1280, 2)) / 9, np.zeros(2)])
    save_classifier(join_head(features, top), NETWORK, folder / "model.keras")
    write_trained(
        folder,
        NETWORK,
        ["tabby cat", DOG],
        NETWORK.transform("pad"),
        "0.0.0",
        decision_threshold=0.3,
    )
    return folder


@pytest.fixture(scope="module")
def exported(run, trained, tmp_path_factory):
    """An export, and what the script printed."""
    folder = tmp_path_factory.mktemp("exported")
    finished = run(
        "export_model.py", "--model", os.path.relpath(trained), "--format", "openvino", "--precision", "float16",
        "--output", folder,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return folder, finished.stdout


def test_folder_has_what_was_ordered_and_nothing_else(exported):
    folder, stdout = exported
    files = {"model_float16.xml", "model_float16.bin", "labels.txt", "model.json", "use_exported.py"}
    assert {*os.listdir(folder)} == files
    rows = [line.split()[:2] for line in stdout.splitlines()[1:-1]]
    assert rows == [["model.xml", "float32"], ["model_float16.xml", "float16"]]


def test_card_says_what_must_be_known(exported):
    folder, _stdout = exported
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert (card["input"]["name"], card["input"]["shape"]) == ("pixels", [None, 224, 224, 3])
    assert card["preprocessing"]["resize"] == "pad"
    assert (card["threshold"], card["labels"], card["accuracy"]) == (
        0.3,
        ["tabby cat", DOG],
        None,
    )
    assert (folder / "labels.txt").read_text(encoding="utf-8") == f"tabby cat\n{DOG}\n"
    for proof in card["exports"]:
        assert proof["largest_difference"] < 0.02 == proof["tolerance"]
        assert (proof["pictures"], proof["same_answer"]) == (4, 1.0)
        for name, file in proof["files"].items():
            assert file["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_openvino_file_has_what_model_api_reads(exported):
    import openvino

    folder, _stdout = exported
    graph = openvino.Core().read_model(folder / "model_float16.xml")
    assert graph.get_rt_info(["model_info", "labels"]).value == "tabby_cat Haus_hund"
    assert graph.get_rt_info(["model_info", "model_type"]).value == "Classification"
    assert str(graph.input("pixels").partial_shape) == "[?,224,224,3]"


def test_script_beside_it_gives_the_suites_answers(exported, trained, tmp_path):
    folder, _stdout = exported
    command = [sys.executable, folder / "use_exported.py", folder / "model_float16.xml", *PICTURES]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert finished.returncode == 0, finished.stderr
    results = load_classifier(trained, backend="openvino").classify(map(str, PICTURES))
    for result, block in zip(results, finished.stdout.strip().split("\n\n"), strict=True):
        path, *lines = block.split("\n")
        found = [re.fullmatch(r"\d\. (.*): ([\d.]+)%", line).groups() for line in lines]
        assert (path, [label for label, _ in found]) == (result.source, [one.label for one in result.predictions])
        expected = [100 * one.score for one in result.predictions]
        assert [float(score) for _, score in found] == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("name", ["read_rgb", "find_conversion", "resized", "read_square"])
def test_pixels_are_those_of_a_trained_folders_script(name):
    """Whose tests compare them with the suite's; both scripts are copied, and can import nothing."""
    assert inspect.getsource(getattr(use_exported, name)) == inspect.getsource(getattr(use_with_keras, name))


def plan_for(trained, folder, **changes):
    classifier = load_classifier(trained, backend="openvino")
    squares = np.stack([read_square(path, classifier.transform) for path in PICTURES])
    options = {"tolerance": None} | changes
    return Plan(classifier, (FORMATS["openvino"],), ("float32",), folder, squares, squares[:0], **options)


def test_difference_beyond_the_tolerance_leaves_nothing(trained, tmp_path, monkeypatch):
    def wrong(task, order):
        (order.path.with_suffix(".bin")).touch()
        order.path.touch()
        scores = np.full((len(order.squares), 2), 0.5, np.float32)
        return {"alone": scores, "together": scores, "seconds": 1.0, "version": "1"}

    monkeypatch.setattr(exporting.run, "carry_out", wrong)
    with pytest.raises(UsageError, match=r"scores differ from the suite's by up to .*nothing was exported"):
        export(plan_for(trained, tmp_path / "out"), print)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("wrong", [np.nan, 0.6])
def test_one_wrong_score_among_many_is_found(wrong):
    scores = np.full((3, 2), 0.5, np.float32)
    other = scores.copy()
    other[2, 1] = wrong
    judge("right", scores, {"alone": scores, "together": scores}, 1e-4)
    for found in ({"alone": scores, "together": other}, {"alone": other, "together": scores}):
        with pytest.raises(UsageError, match="differ"):
            judge("wrong", scores, found, 1e-4)
    assert largest_difference(scores, [scores[:2]]) == np.inf


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        (["notes.txt"], ["--force"], "holds other files, such as notes.txt"),
        (["model.onnx"], ["--force"], "holds other files, such as model.onnx"),
        (["model.json", "model.onnx"], [], "holds an export; --force replaces it"),
        ([], ["--precision", "int8"], "--precision int8 needs --calibrate"),
        ([], ["--calibrate", "images/"], "--precision int8 needs --calibrate"),
        ([], ["--weights", "none"], "random weights are others each time"),
        ([], ["--images", "nothing.jpg"], "no picture can be read in nothing.jpg"),
        ([], ["--labels", "LICENSE"], "empty; every line names one class"),
    ],
)
def test_what_cannot_be_exported_is_said_at_once(files, arguments, message, make, run):
    folder = make(*files)
    finished = run("export_model.py", "--format", "openvino", *arguments, "--output", folder)
    assert finished.returncode == 2
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr
    assert sorted(os.listdir(folder)) == sorted(files)


def test_force_replaces_an_export(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting.run, "_export_one", lambda *_: None)
    monkeypatch.setattr(exporting.run, "describe", lambda *_: {"new": True})
    for name in ("model.json", "model.onnx"):
        (tmp_path / name).touch()
    export(plan_for(trained, tmp_path), lambda _: None)
    assert sorted(os.listdir(tmp_path)) == ["labels.txt", "model.json", "use_exported.py"]
