"""Keras models of one's own: the same scores as plain Keras, and nothing but Keras's own layers."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import FRAMEWORKS, IMAGES, ROOT, imported

from classifiers import load_classifier
from errors import UsageError
from networks.own import read_backbone, read_own, with_preprocess

CAT = str(IMAGES / "cat.png")
#           how it is preprocessed, what the file says of that, and how it is explained
MODELS = {
    "functional": (None, "inside", "cam"),
    "sequential": ("mobilenet_v2", "", "grad-cam"),
    "flat": ("0..1", "", "cam"),
    "pooled": ("-1..1", "", "cam"),
    "binary": (None, "inside", "grad-cam"),
    "grey": ("0..1", "", "occlusion"),
}
QUICK = [*MODELS][1:]  # the first has a whole MobileNetV2, which takes seconds to build
ENDINGS = ("keras", "h5")


@pytest.fixture(scope="module")
def saved(run, tmp_path_factory):
    """The folder that save_own_models.py fills."""
    folder = tmp_path_factory.mktemp("own")
    preprocess = json.dumps({name: MODELS[name][0] for name in QUICK})
    finished = run("tests/save_own_models.py", folder, CAT, preprocess, PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module")
def expected(saved):
    """What plain Keras says of CAT."""
    return json.loads((saved / "scores.json").read_text())


def scores_of(classifier):
    """Probabilities of CAT, by class."""
    (result,) = classifier.classify(CAT, top_k=9)
    assert not result.error
    return [one.score for one in sorted(result.predictions, key=lambda one: int(one.class_id))]


def marked(name, ending):
    return pytest.param(name, ending, marks=[pytest.mark.slow] * (name not in QUICK and ending == "h5"))


@pytest.mark.parametrize(("name", "ending"), [marked(name, ending) for name in MODELS for ending in ENDINGS])
def test_scores_are_those_of_plain_keras(name, ending, saved, expected):
    classifier = load_classifier(saved / f"{name}.{ending}", preprocess=MODELS[name][0], use_cache=False)
    np.testing.assert_allclose(scores_of(classifier), expected[name], atol=1e-4)


@pytest.mark.parametrize("name", QUICK)
def test_scores_on_tensorflow_are_those_of_plain_keras(name, saved, expected):
    np.testing.assert_allclose(json.loads((saved / "suite.json").read_text())[name], expected[name], atol=1e-4)


@pytest.mark.slow
def test_scores_of_a_large_one_on_tensorflow(saved, classify, expected):
    finished = classify(CAT, "--model", saved / "functional.keras", "--backend", "tensorflow", "--format", "jsonl")
    assert sorted(json.loads(finished.stdout)["scores"]) == pytest.approx(sorted(expected["functional"]), abs=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_file_tells_what_it_can(name, saved):
    model = read_own(str(saved / f"{name}.keras"))
    assert model == read_own(str(saved / f"{name}.keras"))
    assert read_own(str(saved / f"{name}.h5")).outline == model.outline
    assert (model.outline.is_preprocessed, model.outline.explained) == (MODELS[name][1] == "inside", MODELS[name][2])
    assert model.outline.like == ("mobilenet_v2" if name in ("functional", "sequential", "flat", "pooled") else "")


def test_without_preprocess_the_error_lists_the_choices_and_what_the_layers_suggest(saved, classify):
    finished = classify(CAT, "--model", saved / "flat.keras")
    assert finished.returncode == 2
    assert "0..1, -1..1, none, inside; by its layers it is like mobilenet_v2, so --preprocess mobilenet_v2 may be" in (
        finished.stderr
    )


def test_model_is_judged_without_a_framework(saved):
    command = [sys.executable, "-X", "importtime", "classify_image.py", CAT, "--model", saved / "flat.h5"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "does not say which numbers it takes" in finished.stderr
    assert imported(finished.stderr).isdisjoint({*FRAMEWORKS} - {"cv2"})


def test_command_line(saved, classify, tmp_path):
    """With a range that begins like an option, and what was decided on stderr."""
    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\n")
    options = ("--labels", labels, "--preprocess", "-1..1", "--top-k", "1", "--explain", tmp_path / "seen")
    finished = classify(CAT, "--model", saved / "binary.keras", *options)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout[3:6] in labels.read_text()
    assert list((tmp_path / "seen").rglob("*.*"))
    assert "its one output is the probability of the second of two classes; its first layers (Rescaling" in (
        finished.stderr
    )


def test_what_is_added_is_said(saved):
    assert with_preprocess(read_own(str(saved / "functional.h5")), None).note.endswith(
        "functional.h5: its last layer gives logits, so that a softmax is added"
    )
    assert with_preprocess(read_own(str(saved / "flat.h5")), "0..1").note == ""


def test_compiled_model_is_kept_by_what_it_is_made_of(saved, tmp_path):
    path, cache = tmp_path / "mine.keras", tmp_path / "cache"
    path.write_bytes((saved / "flat.keras").read_bytes())
    for preprocess, entries in (("0..1", 1), ("0..1", 1), ("-1..1", 2)):
        scores_of(load_classifier(path, preprocess=preprocess, cache_dir=cache))
        assert len(list(cache.glob("model-*"))) == entries
    path.write_bytes((saved / "sequential.keras").read_bytes())
    other = scores_of(load_classifier(path, preprocess="-1..1", cache_dir=cache))
    assert other == scores_of(load_classifier(saved / "sequential.keras", preprocess="-1..1", use_cache=False))


@pytest.mark.slow
@pytest.mark.parametrize("script", ["compare_models", "evaluate_classifier"])
def test_other_scripts_take_it(script, saved, run, tmp_path):
    pictures = tmp_path / "data" / "2"
    pictures.mkdir(parents=True)
    (pictures / "cat.png").write_bytes((IMAGES / "cat.png").read_bytes())
    arguments = {
        "compare_models": ["--image", CAT],
        "evaluate_classifier": ["--data", pictures.parent, "--output", tmp_path / "report"],
    }
    models = ("--model", saved / "flat.keras", saved / "flat.h5", "--preprocess", "0..1")
    finished = run(f"{script}.py", *arguments[script], *models)
    assert finished.returncode == 0, finished.stderr
    assert "flat.h5" in finished.stdout


@pytest.mark.slow
def test_heat_is_grad_cam_by_tensorflow_s_gradient(saved, run):
    names = [name for name in MODELS if MODELS[name][2] != "occlusion"]
    finished = run("tests/grad_cam.py", CAT, *(saved / f"{name}.keras" for name in names), PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    found = [float(line.split()[1]) for line in finished.stdout.splitlines()]
    assert len(found) == len(names)
    assert max(found) < 1e-3


def test_last_layers_without_a_gradient_are_explained_by_occlusion(saved):
    classifier = load_classifier(saved / "grey.keras", preprocess="0..1")
    assert classifier.explain(CAT).map.max() > 0.9
    with pytest.raises(UsageError, match=r"cam has no gradient of the last layers of .*grey\.keras; use occlusion"):
        classifier.explainer("cam")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("name", "reason"),
    [("lambda", "Lambda 'lambda' runs code that is in the file"), ("custom", "Doubled is not Keras's own")],
)
def test_no_code_of_a_file_is_run(name, reason, ending, saved, classify):
    finished = classify(CAT, "--model", saved / f"{name}.{ending}", "--preprocess", "none")
    assert finished.returncode == 2
    assert reason in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (saved / "hostile.txt").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--weights", "none"], "flat.keras, which brings its own"),
        (["--labels", IMAGES.parent / "labels" / "imagenet.txt"], "has 5 classes, but the labels name 1000"),
        (["--preprocess", "resnett50"], "preprocess 'resnett50' is neither a model of the registry"),
    ],
)
def test_options_that_do_not_fit(options, reason, saved, classify):
    arguments = options if "--preprocess" in options else [*options, "--preprocess", "0..1"]
    finished = classify(CAT, "--model", saved / "flat.keras", *arguments)
    assert finished.returncode == 2
    assert reason in finished.stderr


def test_preprocess_is_for_models_of_ones_own(classify):
    assert "efficientnet_lite0 has its own way" in classify(CAT, "--preprocess", "0..1").stderr
    with pytest.raises(UsageError, match="--preprocess is for a model of one's own"):
        load_classifier("resnet50", preprocess="0..1")


@pytest.mark.parametrize(("name", "preprocess"), [("flat", "0..1"), ("binary", "none")])
def test_saved_model_gives_the_scores_of_plain_keras(name, preprocess, saved, expected):
    classifier = load_classifier(saved / f"{name}_saved", preprocess=preprocess, use_cache=False)
    assert classifier.runtime.backend == "openvino"
    np.testing.assert_allclose(scores_of(classifier), expected[name], atol=1e-4)
    assert classifier.explain(CAT).map.max() > 0.9


def test_nothing_of_a_saved_model_is_executed(saved):
    with pytest.raises(UsageError, match="OpenVINO does not know its operations WriteFile"):
        scores_of(load_classifier(saved / "file_saved", preprocess="none"))
    assert not (saved / "hostile.txt").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "does not say which numbers it takes: it has no layers"),
        ({"preprocess": "none", "backend": "tensorflow"}, r"--backend tensorflow cannot go with .*flat_saved"),
        ({"preprocess": "none", "labels": ["a"]}, "has 5 classes, but the labels name 1"),
    ],
)
def test_options_that_do_not_fit_a_saved_model(options, reason, saved):
    with pytest.raises(UsageError, match=reason):
        load_classifier(saved / "flat_saved", **options)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: content[: len(content) // 2], "cannot be read"),
        (lambda content: b"", "has no signature serving_default"),
        (lambda content: content.replace(b"serving_default", b"serving_somehow"), r"it has: .*serving_somehow"),
    ],
)
def test_saved_model_that_is_none(change, reason, saved, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(change((saved / "flat_saved" / "saved_model.pb").read_bytes()))
    with pytest.raises(UsageError, match=reason):
        load_classifier(tmp_path)


@pytest.mark.parametrize(
    ("files", "end"),
    [
        (["saved_model.pb"], r"which cannot be trained on; where it was trained, .* model\.save\('mine\.keras'\)$"),
        (
            ["saved_model.pb", "keras_metadata.pb"],
            r"pip install tf_keras, and .*load_model\(.*\)\.save\('mine\.h5'\)\"$",
        ),
    ],
)
def test_saved_model_is_no_backbone(files, end, tmp_path):
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=end):
        read_backbone(str(tmp_path))
