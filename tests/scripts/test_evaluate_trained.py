"""A trained model of two classes: judged, and its threshold kept in its folder and answered with."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import IMAGES

import classify_image
import evaluate_classifier
from classifiers.folder import read_trained, write_trained
from errors import UsageError
from models import find_model
from networks import Head, Network

NETWORK = Network((find_model("mobilenet"),), 2, Head())
PICTURES = {"cats": ("cat.png", "camera.png"), "dogs": ("coffee.png", "rocket.jpg")}


@pytest.fixture
def model(tmp_path):
    """A folder as train_classifier.py leaves it, whole as far as can be seen without reading the model."""
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"PK\x03\x04 numbers")
    return write_spec(folder)


def write_spec(folder: Path) -> Path:
    """Make a folder that has a model.keras a trained model of two classes."""
    write_trained(folder, NETWORK, list(PICTURES), NETWORK.transform("pad"), "1.2.3")
    return folder


@pytest.fixture
def working_model(model):
    """The same with random weights, which tell pictures apart a little."""
    from networks.trained import build_features, build_head, join_head, save_classifier

    features = build_features(NETWORK, "none")
    classifier = join_head(features, build_head(features.output_shape[1], 2, NETWORK.head))
    (model / "model.keras").unlink()
    save_classifier(classifier, NETWORK, model / "model.keras")
    return write_spec(model)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two pictures of each class, for validation and for the test."""
    folder = tmp_path_factory.mktemp("pets")
    for split in ("validation", "test"):
        for label, names in PICTURES.items():
            (folder / split / label).mkdir(parents=True)
            for name in names:
                shutil.copy(IMAGES / name, folder / split / label)
    return folder


@pytest.mark.slow
def test_threshold_is_kept_and_answered_with(working_model, data, tmp_path, capsys):
    model = working_model
    arguments = ["--data", data, "--model", model, "--output", tmp_path / "report", "--save-threshold", "-q"]
    assert evaluate_classifier.main([*map(str, arguments)]) == 0
    output = capsys.readouterr().out
    assert f"{model}, dogs against cats: ROC AUC" in output
    assert "recommended: threshold 0." in output
    saved = json.loads((model / "spec.json").read_text())["threshold"]
    (metrics,) = json.loads((tmp_path / "report" / "metrics.json").read_text())["models"]
    assert metrics["two_classes"]["recommended"]["threshold"] == saved
    assert metrics["two_classes"]["used"]["threshold"] == 0.5
    assert read_trained(model).decision_threshold == saved

    assert classify_image.main(["--image", str(data / "test"), "--model", str(model), "--format", "jsonl"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == 4
    for answer in answers:
        score = dict(zip(answer["labels"], answer["scores"], strict=True))["dogs"]
        assert answer["labels"][0] == ("dogs" if score >= saved else "cats")


def test_threshold_needs_pictures_to_choose_it_on(model, data, tmp_path):
    arguments = ["--data", data / "test", "--model", model, "--output", tmp_path / "report", "--save-threshold"]
    with pytest.raises(UsageError, match="--save-threshold needs pictures of both classes"):
        evaluate_classifier.main([*map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "{model}", "efficientnet_lite0"], "have different classes; evaluate them one at a time"),
        (["--model", "{model}", "--labels", "x"], "--labels x cannot go with --model"),
    ],
)
def test_options_that_do_not_go_with_a_trained_model_are_refused(model, arguments, message, capsys):
    arguments = [argument.format(model=model) for argument in arguments]
    with pytest.raises((SystemExit, UsageError)) as raised:
        evaluate_classifier.parse(["--data", "x", "--output", "y", *arguments])
    assert message in capsys.readouterr().err + str(raised.value)
