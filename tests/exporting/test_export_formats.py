"""The files of an export: what runs them gives the model's answers, and finds the labels in them."""

import json
import re
import zipfile
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT
from tiny_labels import LABELS

from classifiers import load_classifier
from errors import UsageError
from exporting.__main__ import _why
from exporting.formats import FORMATS, TOLERANCES, check_format, check_size
from exporting.order import Order
from models import MODELS

TEXT = "".join(f"{label}\n" for label in LABELS)
WRITTEN = [
    (row.file_name(precision), row.file_name("float32"), precision)
    for row in FORMATS.values() if row.name != "openvino" for precision in row.precisions
]  # fmt: skip

PACKAGES = ("onnx", "tf2onnx", "onnxruntime", "ai_edge_litert")
pytestmark = pytest.mark.skipif(not all(map(find_spec, PACKAGES)), reason="requirements-export.txt is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tiny")


@pytest.fixture(scope="module")
def found(run, folder):
    """{file: [largest difference, bytes]}."""
    finished = run("tests/export_tiny.py", folder, PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.parametrize(("name", "_whole", "precision"), WRITTEN)
def test_file_gives_the_answers_of_the_model(name, _whole, precision, found):
    difference, _bytes = found[name]
    assert difference < (1e-5 if precision == "float32" else TOLERANCES[precision])
    assert (difference > 0) >= (precision != "float32")


@pytest.mark.parametrize(("name", "whole", "precision"), [row for row in WRITTEN if row[2] != "float32"])
def test_file_of_few_bits_is_small(name, whole, precision, found):
    assert found[name][1] < (0.6 if precision == "float16" else 0.4) * found[whole][1]


def test_onnx_file_names_its_ends_and_labels(found, folder):
    import onnx

    model = onnx.load(folder / "model.onnx")
    (pixels,), (probabilities,) = model.graph.input, model.graph.output
    assert (pixels.name, probabilities.name) == ("pixels", "probabilities")
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert pixels.type.tensor_type.shape.dim[0].dim_param == "N"
    kept = {entry.key: entry.value for entry in model.metadata_props}
    assert kept["labels"] == TEXT
    assert json.loads(kept["preprocessing"])["crop_fraction"] == 224 / 256


@pytest.mark.parametrize("name", ["model.onnx", "model_float16.onnx"])
def test_onnx_file_has_one_input_and_its_kernels_as_they_are_used(name, found, folder):
    import onnx

    graph = onnx.load(folder / name).graph
    kernels = [kept for kept in graph.initializer if len(kept.dims) > 1 and np.prod(kept.dims) >= 1000]
    assert [kept.dims for kept in kernels if len(kept.dims) == 4] == [[64, 3, 3, 3]]
    assert len(kernels) == 2
    assert [each.name for each in graph.input] == ["pixels"]
    turned = {name for node in graph.node if node.op_type == "Transpose" for name in node.input}
    assert turned.isdisjoint(kept.name for kept in graph.initializer)


def test_litert_file_has_its_labels_as_androids_tasks_read_them(found, folder):
    from ai_edge_litert import schema_py_generated as schema

    with zipfile.ZipFile(folder / "model.tflite") as archive:
        assert archive.read("labels.txt").decode() == TEXT
    model = schema.Model.GetRootAs((folder / "model.tflite").read_bytes(), 0)
    entries = {model.Metadata(place).Name(): model.Metadata(place) for place in range(model.MetadataLength())}
    described = model.Buffers(entries[b"TFLITE_METADATA"].Buffer()).DataAsNumpy().tobytes()
    assert described[4:8] == b"M001"
    assert b"labels.txt" in described


def test_saved_model_has_its_labels_as_an_asset(found, folder):
    assert (folder / "saved_model" / "assets" / "labels.txt").read_text(encoding="utf-8") == TEXT


def test_precision_that_a_format_has_not_is_refused():
    with pytest.raises(UsageError, match="not to be had of --format onnx, which has float32, float16; litert has it"):
        check_format(FORMATS["onnx"], ("float32", "int8"))


@pytest.mark.parametrize(
    ("name", "missing", "message"),
    [
        ("onnx", ("onnx", "tf2onnx"), "(onnx, tf2onnx); pip install -r requirements-export.txt"),
        ("keras", ("tensorflow",), "(tensorflow); pip install -r requirements.txt"),
        (
            "litert",
            ("tensorflow", "ai_edge_litert"),
            "ai-edge-litert); pip install -r requirements.txt -r req",
        ),
    ],
)
def test_what_is_not_installed_is_named(name, missing, message, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None if module in missing else module)
    with pytest.raises(UsageError, match=re.escape(message)):
        check_format(FORMATS[name], ("float32",))


@pytest.mark.parametrize("row", FORMATS.values())
def test_every_format_holds_every_model_of_the_registry(row):
    check_size(row, "largest", max(spec.parameters for spec in MODELS.values()))


@pytest.mark.parametrize("name", ["onnx", "litert"])
def test_model_that_a_file_cannot_hold_is_refused(name):
    with pytest.raises(
        UsageError, match=r"two has 600,000,000 parameters, .* 2 GiB; take keras, saved_model, openvino"
    ):
        check_size(FORMATS[name], "two", 600_000_000)


def test_full_disk_is_said_in_words(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=4096))
    order = Order("openvino", "float32", load_classifier(), tmp_path / "unfinished" / "model.xml", {}, np.empty(0))
    message = _why("write", order, RuntimeError("basic_ios::clear: iostream error"))
    assert message == f"efficientnet_lite0 cannot be written as openvino in float32: the disk of {tmp_path} is full"
