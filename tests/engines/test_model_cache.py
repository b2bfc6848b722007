"""Compiled models on disk: never trusted when damaged, never in the way."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from conftest import IMAGES, ROOT, engine_for, imported

from engines.model_cache import hash_of_code, model_key
from models import find_model
from networks import Head, Network, openvino_graph
from networks.weights import Weights
from preprocess import read_square

NETWORK = Network((find_model("efficientnet_lite0"),), 1000)
PIXELS = read_square(IMAGES / "coffee.png", NETWORK.transform())[None]


def scores(cache_dir):
    return engine_for(NETWORK, cache_dir=cache_dir).predict(PIXELS)


@pytest.fixture(scope="module")
def expected():
    return scores(None)


def entry(cache_dir):
    """Return the one entry that is there."""
    (folder,) = cache_dir.iterdir()
    return folder


def flip_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def foreign(manifest):
    content = json.loads(manifest.read_text())
    content["key"]["weights"] = "none"
    manifest.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flip_byte(folder / "model.blob"),
        lambda folder: os.truncate(folder / "model.blob", 1000),
        lambda folder: os.truncate(folder / "model.blob", 0),
        lambda folder: (folder / "model.blob").unlink(),
        lambda folder: (folder / "manifest.json").write_bytes(b"\xff not json"),
        lambda folder: (folder / "manifest.json").write_text("[1]"),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: foreign(folder / "manifest.json"),
        lambda folder: (shutil.rmtree(folder), folder.touch()),
    ],
    ids=["flipped", "truncated", "empty", "no model", "garbage", "other json", "no manifest", "foreign", "a file"],
)
def test_damaged_entry_is_built_anew(tmp_path, expected, damage, monkeypatch):
    np.testing.assert_array_equal(scores(tmp_path), expected)
    folder = entry(tmp_path)
    key = json.loads((folder / "manifest.json").read_bytes())["key"]
    damage(folder)
    np.testing.assert_array_equal(scores(tmp_path), expected)
    assert json.loads((folder / "manifest.json").read_bytes())["key"] == key
    assert sorted(os.listdir(folder)) == ["manifest.json", "model.blob"]
    monkeypatch.setattr(openvino_graph, "build_graph", None)  # what was built anew is used
    np.testing.assert_array_equal(scores(tmp_path), expected)


def test_second_process_imports_neither_keras_nor_tensorflow(tmp_path):
    command = ["-X", "importtime", "classify_image.py", "-i", "images", "--cache-dir", tmp_path, "--debug"]
    first, second = (
        subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True) for _ in range(2)
    )
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert "keras" in imported(first.stderr) - imported(second.stderr)
    assert "tensorflow" not in imported(first.stderr)


def test_processes_that_start_at_once_do_not_hurt_each_other(tmp_path):
    command = [sys.executable, "classify_image.py", "-i", "images/coffee.png", "--cache-dir", tmp_path]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    answers = [process.communicate() for process in processes]
    assert all(stdout.startswith("1. espresso") and not stderr for stdout, stderr in answers)
    assert sorted(os.listdir(entry(tmp_path))) == ["manifest.json", "model.blob"]


def test_folder_that_cannot_be_written_is_only_a_warning(classify, tmp_path):
    (tmp_path / "file").touch()
    finished = classify("-i", IMAGES / "coffee.png", "--cache-dir", tmp_path / "file")
    assert finished.returncode == 0
    assert finished.stdout.startswith("1. espresso")
    assert "the compiled model cannot be stored in" in finished.stderr


def test_no_cache_keeps_nothing(classify, tmp_path):
    assert classify("-i", IMAGES / "coffee.png", "--no-cache", XDG_CACHE_HOME=str(tmp_path)).returncode == 0
    assert not any(tmp_path.rglob("*.blob"))


def test_key_covers_what_can_change_the_answer(tmp_path, monkeypatch):
    weights = tmp_path / "w.h5"
    weights.write_bytes(b"one")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    own = Weights(str(weights))
    key = model_key(NETWORK, own)
    larger = replace(NETWORK.backbones[0], input_size=256)
    assert model_key(NETWORK, own) == key
    assert model_key(replace(NETWORK, classes=999), own) != key
    assert model_key(replace(NETWORK, head=Head()), own) != key
    assert model_key(replace(NETWORK, backbones=(larger,)), own) != key
    assert model_key(NETWORK, Weights("none")) != key
    status = weights.stat()
    weights.write_bytes(b"two")
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert model_key(NETWORK, own) != key


def test_code_that_has_moved_is_not_taken_for_the_same():
    with pytest.raises(ModuleNotFoundError, match=r"no module networks\.gone: what is kept in the cache"):
        hash_of_code(["networks", "networks.gone"])


def test_key_covers_the_weights_that_keras_downloaded(tmp_path, monkeypatch):
    network = Network((find_model("mobilenet_v2"),), 1000)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    before = model_key(network, Weights())
    (tmp_path / "models" / "resnet50_weights_tf_dim_ordering_tf_kernels.h5").touch()
    assert model_key(network, Weights()) == before
    (tmp_path / "models" / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5").touch()
    assert model_key(network, Weights()) != before


def test_models_that_nobody_used_for_long_are_removed_when_another_is_kept(tmp_path):
    for name, days in (("model-old", 91), ("model-recent", 89), ("unfinished-old", 2), ("others", 999)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, times=2 * (time.time() - days * 86_400,))
    scores(tmp_path)
    (kept,) = {path.name for path in tmp_path.iterdir()} - {"model-recent", "others"}
    assert kept.startswith("model-")
    os.utime(tmp_path / kept, times=(0, 0))
    scores(tmp_path)
    assert (tmp_path / kept).stat().st_mtime > 0
