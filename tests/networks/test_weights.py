"""Weights from files: all forms that Keras saves, and all that only looks like them."""

import os

import numpy as np
import pytest
from conftest import IMAGES, engine_for, imported
from nobody import as_nobody

from errors import UsageError
from models import find_model
from networks import Network
from networks.applications import build_network
from networks.trained import build_features
from networks.weights import check_weights_file
from preprocess import read_square

CAT = IMAGES / "cat.png"
OWN_FORMS = ("own.h5", "own.whole.h5", "own.weights.h5", "own.keras")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("imagnet", None, r"no such weights file: imagnet \(--weights takes a file, 'imagenet' or 'none'\)"),
        ("w.pth", b"PK", r"has to end in \.h5, \.weights\.h5 or \.keras"),
        ("w.h5", b"", "is empty"),
        ("w.h5", b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer.*run `git lfs pull`"),
        ("w.h5", b"<!DOCTYPE html>", "truncated or damaged.*get it again"),
        ("w.keras", b"PK\x03\x04 and no more", "truncated or damaged.*get it again"),
    ],
)
def test_file_that_holds_no_weights(name, content, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=reason):
        check_weights_file(name)


@pytest.mark.parametrize("form", OWN_FORMS)
def test_truncated_file(form, networks, tmp_path):
    path = tmp_path / form
    path.write_bytes((networks / form).read_bytes()[:-1000])
    check_weights_file(str(networks / form))
    with pytest.raises(UsageError, match="truncated or damaged"):
        check_weights_file(str(path))


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_path_that_is_no_file(make, tmp_path):
    make(tmp_path / "w.h5")
    with pytest.raises(UsageError, match=r"w\.h5 is not a file; --weights takes"):
        check_weights_file(str(tmp_path / "w.h5"))


def test_file_that_may_not_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "w.h5").touch(mode=0)
    with as_nobody(), pytest.raises(UsageError, match=r"cannot read the weights file w\.h5: Permission denied"):
        check_weights_file("w.h5")


@pytest.mark.parametrize("form", [*OWN_FORMS, "hostile.keras"])
def test_every_form_gives_the_saved_scores_and_runs_no_code_of_the_file(form, networks):
    spec = find_model("mobilenet_v2")
    square = read_square(CAT, Network((spec,)).transform())
    scores = engine_for(spec, str(networks / form), classes=3).predict(square[None])
    np.testing.assert_allclose(scores, np.load(networks / "own_scores.npy"), atol=1e-4)
    assert not (networks / "hostile.txt").exists()


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras warns before it raises
@pytest.mark.parametrize("form", ["own.h5", "own.keras"])
@pytest.mark.parametrize(
    ("name", "classes"), [("mobilenet", 3), ("efficientnet_lite0", 3), ("mobilenet_v2", 4), ("mobilenet_v2", 1000)]
)
def test_weights_of_another_network_or_number_of_classes(form, name, classes, networks):
    reason = f"does not fit {name} with {classes} classes: .*(shape|count mismatch).*\n.*--model NAME.*--labels FILE"
    with pytest.raises(UsageError, match=reason):
        engine_for(find_model(name), str(networks / form), classes)


@pytest.mark.parametrize("form", ["own.keras", "own.weights.h5"])
def test_features_from_the_weights_file_of_a_whole_network(form, networks):
    """The last layers are left out."""
    spec = find_model("mobilenet_v2")
    whole = build_network(spec, str(networks / form), classes=3).weights[:-2]
    features = build_features(Network((spec,)), str(networks / form)).weights
    for ours, theirs in zip(features, whole, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_features_from_a_file_that_does_not_fit(networks):
    network = Network((find_model("mobilenet_v2"),))
    with pytest.raises(
        UsageError, match=r"own\.h5 does not fit mobilenet_v2 without its last layers: .*\n.*include_top"
    ):
        engine_for(network, str(networks / "own.h5"))


def test_one_weights_file_does_not_do_for_two_backbones(networks):
    network = Network((find_model("mobilenet_v2"), find_model("mobilenet")))
    with pytest.raises(UsageError, match="is one file, but there are 2 backbones; use one backbone with it"):
        engine_for(network, str(networks / "own.keras"))


def test_own_labels_name_own_classes(classify, networks, tmp_path):
    labels = ["Kätzchen", "猫 (two words)", "chat"]
    (tmp_path / "labels.txt").write_text("\n".join(labels), encoding="utf-8")
    finished = classify(
        "-i", CAT, "-m", "mobilenet_v2", "--weights", networks / "own.keras", "--labels", tmp_path / "labels.txt",
        "--backend", "openvino", PYTHONIOENCODING="utf-8",
    )  # fmt: skip
    assert (finished.returncode, finished.stderr) == (0, "")
    best_first = np.argsort(-np.load(networks / "own_scores.npy")[0])
    answers = [line[3:].rpartition(": ")[0] for line in finished.stdout.splitlines()]
    assert answers == [labels[index] for index in best_first]


def test_labels_that_do_not_fit_imagenet_weights_are_refused_before_keras_is_imported(classify, tmp_path):
    (tmp_path / "labels.txt").write_text("label\n" * 999)
    finished = classify("-i", CAT, "--labels", tmp_path / "labels.txt", "--debug", PYTHONPROFILEIMPORTTIME="1")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "the ImageNet weights have 1000 classes, but the labels name 999; give your own" in finished.stderr
    assert "argparse" in imported(finished.stderr)
    assert imported(finished.stderr).isdisjoint({"keras", "openvino", "tensorflow"})


def test_random_weights_say_that_they_mean_nothing(classify):
    finished = classify("-i", CAT, "-m", "mobilenet_v2", "--weights", "none", "--backend", "openvino", "--quiet")
    assert finished.returncode == 0
    assert len(finished.stdout.splitlines()) == 5
    assert finished.stderr == "mobilenet_v2 has random weights (--weights none): its predictions mean nothing\n"
