"""The registry against Keras Applications itself."""

import inspect

import pytest

from errors import UsageError
from models import MODELS, find_model, match_models

QUICK_TO_BUILD = ("vgg16", "vgg19", "resnet50", "mobilenet_v3_small", "convnext_tiny", "efficientnet_lite0")
KERAS_MODELS = [spec for spec in MODELS.values() if spec.needs_download]


def test_every_class_of_keras_applications_is_registered():
    import keras

    classes = {
        name for name, value in vars(keras.applications).items() if inspect.isfunction(value) and name[0].isupper()
    }
    assert {spec.class_name for spec in KERAS_MODELS} == classes


@pytest.mark.parametrize("spec", KERAS_MODELS, ids=lambda spec: spec.name)
def test_row_has_the_default_input_size_of_its_class(spec, monkeypatch):
    """Every application asks Keras for its input shape first, naming its default size."""
    from keras.src.applications import imagenet_utils, mobilenet_v3

    class DefaultSize(Exception):
        pass

    def tell(*_arguments, default_size, **_options):
        raise DefaultSize(default_size)

    monkeypatch.setattr(imagenet_utils, "obtain_input_shape", tell)
    if inspect.getmodule(spec.application) is mobilenet_v3:
        weights = f"{spec.name.rpartition('_')[2]}_{spec.input_size}_1.0_float"
        assert weights in mobilenet_v3.WEIGHTS_HASHES  # it takes any size; its weights are for one
        return
    with pytest.raises(DefaultSize, match=f"^{spec.input_size}$"):
        spec.application(weights=None)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(spec, marks=() if spec.name in QUICK_TO_BUILD else pytest.mark.slow, id=spec.name)
        for spec in MODELS.values()
    ],
)
def test_row_counts_the_parameters_of_its_network(spec):
    """Built without allocating a single weight."""
    import keras

    shape = (spec.input_size, spec.input_size, 3)
    with keras.StatelessScope():
        network = spec.application(weights=None, input_shape=shape)
    assert network.input_shape == (None, *shape)
    assert network.output_shape == (None, 1000)
    assert network.count_params() == spec.parameters


@pytest.mark.parametrize("spec", MODELS.values(), ids=lambda spec: spec.name)
def test_row_names_the_preprocess_function_of_its_network(spec):
    network_module = inspect.getmodule(inspect.unwrap(spec.application))
    preprocess_module = inspect.getmodule(inspect.unwrap(spec.preprocess_input))
    assert preprocess_module.preprocess_input is not None
    assert preprocess_module is network_module


@pytest.mark.parametrize("spec", MODELS.values(), ids=lambda spec: spec.name)
def test_row_is_plausible(spec):
    assert spec.crop_fraction is None or 0.8 < spec.crop_fraction <= 1
    assert spec.interpolation in ("bilinear", "bicubic")
    assert 50 < spec.top1 < (spec.top5 or 100) <= 100
    assert spec.download_mb == pytest.approx(spec.parameters * 4 / 2**20, rel=0.15, abs=1)


@pytest.mark.parametrize("name", ["resnet50_v2", "ResNet50V2", "RESNET50-V2"])
def test_models_are_found_by_keras_spelling_too(name):
    assert find_model(name).name == "resnet50_v2"


@pytest.mark.parametrize(
    ("typo", "meant"), [("resnett50", "resnet50"), ("inception", "inception_v3"), ("vg16", "vgg16")]
)
def test_unknown_model_suggests_the_closest_name(typo, meant):
    with pytest.raises(UsageError, match=f"unknown model '{typo}'; did you mean '{meant}'"):
        find_model(typo)


def test_patterns_match_parts_of_names_and_wildcards():
    assert [spec.name for spec in match_models("lite")] == [f"efficientnet_lite{n}" for n in range(3)]
    assert [spec.name for spec in match_models("vgg*")] == ["vgg16", "vgg19"]
    assert match_models("nothing") == []
