"""Keras models of one's own: the same scores as plain Keras, and nothing but Keras's own layers."""

import json
import subprocess
import sys
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
from conftest import FRAMEWORKS, IMAGES, ROOT, imported
from keras import layers

from classifiers import load_classifier
from errors import UsageError
from networks.applications import tensorflow_not_imported
from networks.own import read_backbone, read_own, with_preprocess
from networks.own_file import read_config

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
ENDINGS = ("keras", "h5")


@pytest.fixture(scope="module")
def saved(run, tmp_path_factory):
    """The folder that save_own_models.py fills."""
    folder = tmp_path_factory.mktemp("own")
    finished = run("tests/save_own_models.py", folder, CAT, PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module")
def expected(saved):
    """What plain Keras says of CAT."""
    return json.loads((saved / "scores.json").read_text())


@pytest.fixture
def save(tmp_path):
    """Save the description of a model, without weights, and return the file's path."""

    def save_description(model, **changes):
        path = tmp_path / "mine.keras"
        text = model if isinstance(model, str) else json.dumps(keras.saving.serialize_keras_object(model))
        for old, new in changes.items():
            assert f'"{old}"' in text
            text = text.replace(f'"{old}"', json.dumps(new))
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", text)
        return str(path)

    return save_description


def scores_of(classifier):
    """Probabilities of CAT, by class."""
    (result,) = classifier.classify(CAT, top_k=9)
    assert not result.error
    return [one.score for one in sorted(result.predictions, key=lambda one: int(one.class_id))]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_plain_keras(name, ending, saved, expected):
    classifier = load_classifier(saved / f"{name}.{ending}", preprocess=MODELS[name][0], use_cache=False)
    np.testing.assert_allclose(scores_of(classifier), expected[name], atol=1e-4)


def test_scores_on_tensorflow_are_those_of_plain_keras(saved, expected):
    program = (
        "import sys, json; from classifiers import load_classifier\n"
        "for path, preprocess in json.loads(sys.argv[1]):\n"
        "    classifier = load_classifier(path, preprocess=preprocess, backend='tensorflow')\n"
        "    [result] = classifier.classify(sys.argv[2], top_k=9)\n"
        "    print(json.dumps([one.score for one in sorted(result.predictions, key=lambda one: one.class_id)]))"
    )
    order = json.dumps([(str(saved / f"{name}.keras"), MODELS[name][0]) for name in MODELS])
    finished = subprocess.run([sys.executable, "-c", program, order, CAT], cwd=ROOT, capture_output=True, text=True)
    found = [json.loads(line) for line in finished.stdout.splitlines()]
    assert len(found) == len(MODELS), finished.stderr
    for scores, name in zip(found, MODELS, strict=True):
        np.testing.assert_allclose(scores, expected[name], atol=1e-4)


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


def keras_2(kind, source, **config):
    """A layer as Keras 2 describes it; `source` is [name, call, tensor, options]."""
    name = config.setdefault("name", kind.lower())
    layer = {"class_name": kind, "config": {"trainable": True, "dtype": "float32"} | config, "name": name}
    return layer | {"inbound_nodes": [] if source is None else [[source]]}


def test_description_of_keras_2(tmp_path):
    """With what Keras 3 does not open: a model in a model, operations of TensorFlow, and words that are gone."""
    size = [None, 8, 8, 3]
    inside = [
        keras_2("InputLayer", None, name="in", batch_input_shape=size),
        keras_2("DepthwiseConv2D", ["in", 0, 0, {}], kernel_size=[3, 3], groups=1),
    ]
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["depthwiseconv2d", 0, 0]]}
    divide = keras_2("TFOpLambda", None, name="tf.math.truediv", function="math.truediv")
    model = [
        keras_2("InputLayer", None, name="pixels", batch_input_shape=size),
        keras_2("RandomFlip", ["pixels", 0, 0, {}], rng_type="stateful"),
        divide | {"inbound_nodes": [["randomflip", 0, 0, {"y": 127.5, "name": None}]]},
        keras_2("Functional", ["tf.math.truediv", 0, 0, {"training": False}], name="base", layers=inside, **ends),
        keras_2("GlobalAveragePooling2D", ["base", 1, 0, {}], name="pool"),
        keras_2("Dense", ["pool", 0, 0, {}], units=2, activation="softmax"),
    ]
    ends = {"input_layers": [["pixels", 0, 0]], "output_layers": [["dense", 0, 0]]}
    text = json.dumps({"class_name": "Functional", "config": {"name": "model", "layers": model, **ends}})
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file.attrs["model_config"] = text
    assert read_own(str(tmp_path / "mine.h5")).outline.first == "RandomFlip → Rescaling → DepthwiseConv2D"
    built = keras.saving.deserialize_keras_object(read_config(str(tmp_path / "mine.h5")))
    assert built.output_shape == (None, 2)
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file.attrs["model_config"] = text.replace("math.truediv", "nn.bias_add")
    with pytest.raises(UsageError, match=r"holds the TensorFlow operation nn\.bias_add, as preprocess_input leaves it"):
        read_own(str(tmp_path / "mine.h5"))


@pytest.mark.slow
def test_heat_is_grad_cam_by_tensorflow_s_gradient(saved, run):
    names = [name for name in MODELS if MODELS[name][2] != "occlusion"]
    finished = run("tests/grad_cam.py", CAT, *(saved / f"{name}.keras" for name in names), PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    found = [float(line.split()[1]) for line in finished.stdout.splitlines()]
    assert len(found) == len(names)
    assert max(found) < 1e-3


@pytest.mark.parametrize("window", [2, 3])
def test_heat_of_a_map_that_is_pooled_and_flattened(window, tmp_path):
    """As VGG16 and a Flatten layer: the parts of it that OpenVINO computes channels first fit the others."""
    model = dense(
        layers.Conv2D(4, 3, padding="same", activation="relu"), layers.MaxPooling2D(window, 2, padding="same"),
        layers.Flatten(), layers.Dense(8, activation="relu"),
    )  # fmt: skip
    with tensorflow_not_imported():
        model.save(tmp_path / "mine.keras")
    classifier = load_classifier(tmp_path / "mine.keras", preprocess="0..1", use_cache=False)
    explanations = [classifier.explain(CAT, label, method="grad-cam") for label in "012"]
    assert max(one.map.max() for one in explanations) > 0.9


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


def dense(*first, **options):
    """A model that ends in 3 classes."""
    return keras.Sequential([keras.Input(options.get("shape", (8, 8, 3))), *first, layers.Dense(3)])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Flatten": "TFSMLayer"}, "TFSMLayer 'flatten' runs a TensorFlow graph of another folder"),
        ({"Flatten": "TorchModuleWrapper"}, "unpickles PyTorch code"),
        ({"Flatten": "StringLookup"}, "reads other files"),
        ({"keras.layers": "os"}, "class InputLayer is not Keras's own"),
        ({"keras.layers": "keras.src.utils.file_utils"}, "is not Keras's own"),
        ({"keras.layers": "keras.layers.os"}, "is not Keras's own"),
        ({"linear": {"class_name": "function", "config": "system", "module": "os"}}, "function 'system' is not"),
        ({"linear": {"class_name": "__lambda__", "config": {}}}, "runs code that is in the file"),
        ({"GlorotUniform": "Mine>Init"}, "class Mine>Init is not Keras's own"),
        ({"Flatten": "NoSuchLayer"}, None),
        ({"Flatten": 5}, "does not describe a model: the class 5 is no name"),
    ],
)
def test_description_that_names_more_than_layers(changes, reason, save):
    path = save(dense(layers.Flatten(name="flatten")), **changes)
    if reason is None:  # what Keras does not know is found when it is built
        classifier = load_classifier(path, preprocess="none")
        with pytest.raises(UsageError, match=r"cannot be built: .*NoSuchLayer"):
            classifier.predict(np.zeros((1, 8, 8, 3), np.uint8))
        return
    with pytest.raises(UsageError, match=reason):
        read_own(path)


def test_what_training_needs_is_not_looked_at(save):
    model = dense(layers.Flatten())
    model.compile(loss="mse")
    config = keras.saving.serialize_keras_object(model)
    config["compile_config"] = {"class_name": "Evil", "module": "os", "config": {}}
    assert "compile_config" not in read_config(save(json.dumps(config)))


def two_inputs():
    first, second = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return keras.Model([first, second], layers.Dense(3)(layers.Flatten()(layers.Add()([first, second]))))


def two_outputs():
    first = keras.Input((8, 8, 3))
    return keras.Model(first, [layers.Dense(3)(layers.Flatten()(first)), layers.Dense(2)(layers.Flatten()(first))])


def ending_in(*last, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *last])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (two_inputs, "has 2 inputs; a classifier takes one picture"),
        (two_outputs, "has 2 outputs; a classifier takes one picture"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3), shape=(8, 6, 3)), "8 x 6 pixels; only squares"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3), shape=(3, 8, 8)), "takes channels first"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3), shape=(8, 8, 4)), "which is no picture"),
        (lambda: ending_in(layers.Dense(3), shape=(8,)), "which is no picture"),
        (
            lambda: ending_in(layers.GlobalAveragePooling2D(), layers.Dense(3), shape=(None, None, 3)),
            "takes pictures of any size",
        ),
        (
            lambda: ending_in(layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()),
            "Conv2D with relu",
        ),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3), layers.UnitNormalization()), "ends in UnitNormalization"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(3, activation="tanh")), "ends in Dense with tanh"),
        (lambda: ending_in(layers.Flatten(), layers.Dense(1, activation="softmax")), "which is always 1"),
        (lambda: ending_in(layers.Flatten()), "has no Dense layer"),
        (lambda: keras.Sequential([layers.Flatten(), layers.Dense(3)]), "has never been built"),
    ],
)
def test_model_that_is_no_classifier_of_pictures(make, reason, save):
    with pytest.raises(UsageError, match=reason):
        read_own(save(make()))


@pytest.mark.parametrize(
    "text", ["", "5", "[]", "{}", '{"class_name": "Functional"}', "[" * 100_000,
             '{"class_name": "Sequential", "config": []}',
             '{"class_name": "Functional", "config": {"layers": [], "output_layers": [["x", 0, 0]]}}',
             '{"class_name": "Functional", "config": {"layers": [{"name": "x", "inbound_nodes": [[["x", 0, 0, {}]]]}], '
             '"output_layers": [["x", 0, 0]]}}', "\x00", '{"class_name": "Sequential", "config": {"layers": [5]}}'],
)  # fmt: skip
def test_description_that_is_none(text, save):
    with pytest.raises(UsageError, match=r"mine\.keras"):
        read_own(save(text))


def test_map_of_scores_is_no_answer(save, saved):
    """What cannot be seen before it is built is said then."""
    path = save(ending_in(layers.Conv2D(3, 1)))
    with pytest.raises(UsageError, match=r"mine\.keras"):
        load_classifier(path, preprocess="none").predict(np.zeros((1, 8, 8, 3), np.uint8))


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


def test_nothing_of_a_saved_model_is_executed(saved, classify):
    finished = classify(CAT, "--model", saved / "file_saved", "--preprocess", "none")
    assert finished.returncode == 2
    assert "OpenVINO does not know its operations WriteFile" in finished.stderr
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


def test_files_of_weights(tmp_path):
    with pytest.raises(UsageError, match=r"no such file: nowhere\.keras"):
        load_classifier("nowhere.keras")
    (tmp_path / "empty.h5").touch()
    with pytest.raises(UsageError, match="is empty"):
        load_classifier(tmp_path / "empty.h5")


def test_pixels_of_8_bits_are_taken_as_they_come(save):
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    path = save(keras.Model(pixels, layers.Dense(3)(layers.Flatten()(keras.ops.cast(pixels, "float32")))))
    assert with_preprocess(read_own(path), None).preprocess == "inside"


@pytest.mark.parametrize("ending", ["keras", "h5", "hdf5"])
def test_preprocess_input_of_keras_3_inside_a_model(ending, tmp_path):
    """Of a network that takes BGR; and the input and the output have names, as in {"image": pixels}."""
    pixels = keras.Input((8, 8, 3), name="image")
    row = layers.Flatten()(keras.applications.resnet50.preprocess_input(pixels))
    model = keras.Model({"image": pixels}, {"kind": layers.Dense(3, activation="softmax", name="kind")(row / 255)})
    path = tmp_path / f"mine.{ending}"
    with tensorflow_not_imported(), warnings.catch_warnings(action="ignore"):  # that .h5 is old
        model.save(path)
    squares = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    expected = keras.ops.convert_to_numpy(model({"image": squares.astype("float32")})["kind"])
    np.testing.assert_allclose(load_classifier(path, use_cache=False).predict(squares), expected, atol=1e-4)


def test_class_of_ones_own_around_all_layers(save):
    with pytest.raises(UsageError, match="class Mine is not Keras's own"):
        read_own(save('{"class_name": "Mine", "config": {}, "registered_name": "Mine"}'))


def test_model_of_imagenets_classes_gets_its_labels(save):
    path = save(ending_in(layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1000)))
    assert load_classifier(path).labels[7].label == "cock"
    assert with_preprocess(read_own(path), None).preprocess == "inside"
