"""Fine-tuning: how deep it reaches, where networks are cut, and what is kept of it."""

import json
import os

import numpy as np
import pytest
from conftest import ROOT

import training.maps
from engines.runtime import Runtime
from models import MODELS
from networks import Network
from networks.weights import Weights
from training.best import best_row, keep_start
from training.features import FeatureSet
from training.maps import MOST_BYTES, plan_maps
from training.store import FeatureStore

#        network                 cut after                  trained layers
QUICK_STAGES = {
    "vgg16":              ("block4_pool",            5),
    "mobilenet":          ("conv_pw_11_relu",       14),
    "mobilenet_v3_small": ("expanded_conv_7_add",   49),
    "efficientnet_lite0": ("stage4_block2_add",     47),
}  # fmt: skip
OTHER_STAGES = {
    "resnet50":           ("conv4_block6_out",      33),
    "resnet50_v2":        ("conv4_block5_out",      49),
    "inception_v3":       ("mixed7",                83),
    "xception":           ("add_10",                17),
    "mobilenet_v2":       ("block_12_add",          39),
    "densenet121":        ("pool4_pool",           115),
    "nasnet_mobile":      (None,                   183),
    "efficientnet_b0":    ("block5c_add",           76),
    "efficientnet_v2_b0": ("block5e_add",          122),
    "convnext_tiny":      ("add_14",                24),
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(run, tmp_path_factory):
    """What tune_tiny.py finds out about networks and their cuts."""
    finished = run("tests/tune_tiny.py", tmp_path_factory.mktemp("tiny"), *QUICK_STAGES, PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_the_last_stage_is_trained_from_the_block_that_halves_the_map(tiny):
    assert {name: tuple(stage) for name, stage in tiny["stages"].items()} == QUICK_STAGES


@pytest.mark.slow
def test_the_last_stage_of_other_families(run, tmp_path):
    finished = run("tests/tune_tiny.py", tmp_path, *OTHER_STAGES, PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    stages = json.loads(finished.stdout)["stages"]
    assert {name: tuple(stage) for name, stage in stages.items()} == OTHER_STAGES


@pytest.mark.slow
def test_the_last_stage_of_every_network_is_a_sane_part_of_it(run, tmp_path):
    finished = run("tests/tune_tiny.py", tmp_path, PYTHONPATH=str(ROOT))
    assert finished.returncode == 0, finished.stderr
    stages = json.loads(finished.stdout)
    assert len(stages) == 41
    for name, (share, is_cut) in stages.items():
        assert 0.25 < share < 0.85, name
        assert is_cut == (not name.startswith("nasnet")), name


def test_layers_that_are_counted_are_cut_below_the_first_of_them(tiny):
    assert tiny["counted"] == {"0": None, "1": None, "30": 30, "142": None}


def test_training_what_is_above_the_cuts_trains_the_classifier(tiny):
    assert tiny["shares_weights"]
    assert tiny["answers_agree"]


def test_the_head_learns_faster_than_the_backbones(tiny):
    backbone, head = tiny["steps"]
    assert head == pytest.approx(3 * backbone, rel=1e-3)


def test_scores_are_made_as_sure_as_they_are_right(tiny):
    assert tiny["sharpness"] == pytest.approx(0.5, abs=0.05)
    assert tiny["sharpness_of_the_modest"] == pytest.approx(2, abs=0.2)


def rows(*figures: tuple[float, float]) -> list[dict[str, float]]:
    names = ("val_loss", "val_accuracy")
    return [{"epoch": epoch, **dict(zip(names, row, strict=True))} for epoch, row in enumerate(figures)]


@pytest.mark.parametrize(
    ("figures", "kept"),
    [
        ([(0.5, 0.8), (0.3, 0.9), (0.4, 0.9), (0.2, 0.85)], 2),
        ([(0.5, 0.8), (0.6, 0.9)], 0),
        ([(0.5, 0.8), (0.3, 0.75)], 0),
        ([(0.5, 0.8), (float("nan"), 0.9)], 0),
        ([(0.5, 0.8)], 0),
    ],
)
def test_the_last_of_the_most_accurate_epochs_is_kept_if_it_beats_the_start(figures, kept):
    assert best_row(rows(*figures))["epoch"] == kept


def test_a_start_that_is_kept_is_the_best_row():
    history = rows((0.5, 0.8), (0.1, 0.9))
    keep_start(history)
    assert best_row(history)["epoch"] == 0


def test_a_head_is_judged_by_its_validation_loss():
    history = rows((0.5, 0.8), (0.3, 0.9), (0.4, 1.0), (0.2995, 1.0))[1:]
    assert best_row(history)["epoch"] == 1


@pytest.mark.parametrize(
    ("numbers", "epochs", "views"),
    [(1000, 8, 5), (1000, 2, 2), (MOST_BYTES // 2 // 4000, 8, 3), (MOST_BYTES // 2 // 2500, 8, None)],
)
def test_as_many_views_are_kept_as_epochs_use_and_the_disk_takes(numbers, epochs, views, tmp_path):
    features = feature_set(tmp_path)
    maps = plan_maps(features, ("flip",), (47,), numbers, list("pabcd"), (1000, 900), epochs)
    assert (maps and len(maps.views)) == views
    if maps:
        assert maps.features.alone[0].store.name.startswith("maps-")
        assert maps.features.alone[0].dtype == "float16"


def feature_set(folder):
    network = Network((MODELS["efficientnet_lite0"],))
    return FeatureSet(network, Weights("none"), network.transform(), Runtime("openvino"), (), folder)


def test_maps_of_earlier_runs_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(training.maps, "MOST_BYTES", 100)
    for age, name in enumerate("cba"):
        path = tmp_path / f"maps-{name}.sqlite"
        path.write_bytes(bytes(40))
        os.utime(path, (1000 - age, 1000 - age))
    training.maps._make_room({tmp_path / "maps-b.sqlite"}, 40)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps-b.sqlite", "maps-c.sqlite"]


def test_halved_rows_keep_what_is_too_large_for_them(tmp_path):
    store = FeatureStore(tmp_path / "maps.sqlite", "float16")
    store.add([(("digest", "plain"), np.array([1.5, -1e6, 1e6], np.float32))])
    assert store.get(("digest", "plain")).tolist() == [1.5, -65504, 65504]
