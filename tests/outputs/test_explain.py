"""`--explain`: copies with what the model looked at laid over them; and `Classifier.explain`."""

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image, ImageFilter

from classifiers import load_classifier
from errors import ImageError, UsageError
from inference.explain import spread
from transforms import Transform

COFFEE = IMAGES / "coffee.png"


def opened(path):
    with Image.open(path) as image:
        return image.convert("RGB")


@pytest.fixture(scope="module")
def classifier():
    return load_classifier(backend="openvino")


def test_explanation_has_the_label_its_score_and_a_map_of_the_picture(classifier):
    found = classifier.explain(str(COFFEE))
    best = next(classifier.classify(str(COFFEE))).predictions[0]
    assert (found.label, found.score) == (best.label, pytest.approx(best.score, abs=1e-6))
    assert found.map.shape == opened(COFFEE).size[::-1]
    assert found.map.dtype == np.float32
    assert found.map.min() == 0
    assert 0.9 < found.map.max() <= 1


def test_another_label_can_be_asked_about(classifier):
    found = classifier.explain(str(IMAGES / "cat.png"), "Tabby")
    assert found.label == "tabby"
    assert found.score < classifier.explain(str(IMAGES / "cat.png")).score
    with pytest.raises(UsageError, match="did you mean 'tabby'"):
        classifier.explain(str(COFFEE), "taby")


@pytest.mark.parametrize("method", ["cam", "occlusion"])
@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_map_points_at_the_thing(classifier, method, corner):
    canvas = Image.new("RGB", (400, 400), (124, 116, 104))
    canvas.paste(opened(COFFEE).resize((240, 160)), (30 + 100 * corner[0], 30 + 180 * corner[1]))
    heat = classifier.explain(canvas, "espresso", method=method).map
    quarters = {(x, y): heat[200 * y :, 200 * x :][:200, :200].mean() for x in (0, 1) for y in (0, 1)}
    assert max(quarters, key=quarters.get) == corner


def test_blurring_what_is_hot_costs_more_than_blurring_what_is_not(classifier):
    """On the shipped pictures; of a large set, see docs/explain.md."""
    image = opened(COFFEE)
    found = classifier.explain(image)
    hot, cold = found.map >= np.quantile(found.map, 0.75), found.map <= np.quantile(found.map, 0.25)
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(30)))
    pictures = [np.where(mask[..., None], blurred, image).astype(np.uint8) for mask in (hot, cold)]
    lost = [found.score - classifier.explain(picture, found.label).score for picture in pictures]
    assert lost[0] > 2 * lost[1]


@pytest.mark.parametrize(
    ("transform", "size", "seen"),
    [
        (Transform(8, crop_fraction=0.5), (40, 20), (15, 5, 25, 15)),
        (Transform(8, crop_fraction=None), (40, 20), (0, 0, 40, 20)),
        (Transform(8, "stretch"), (40, 20), (0, 0, 40, 20)),
        (Transform(8, "pad"), (40, 20), (0, 0, 40, 20)),
    ],
)
def test_crop_and_padding_are_undone(transform, size, seen):
    whole = spread(np.ones((7, 7), np.float32), transform, *size)
    left, top, right, bottom = seen
    assert whole.shape == size[::-1]
    assert whole[top:bottom, left:right].min() > 0.99
    assert whole.sum() == pytest.approx((right - left) * (bottom - top), rel=1e-3)


def test_padded_square_s_heat_is_in_its_place():
    heat = np.zeros((4, 4), np.float32)
    heat[1, 3] = 1  # just above the middle, at the right
    whole = spread(heat, Transform(8, "pad"), 40, 20)
    assert np.unravel_index(whole.argmax(), whole.shape)[1] > 30
    assert whole[:10].sum() > whole[10:].sum()


def test_method_that_the_network_has_not():
    with pytest.raises(UsageError, match="cam is for networks that end in pooling"):
        load_classifier("vgg16", weights="none").explainer("cam")
    with pytest.raises(UsageError, match="explain_method 'gradcam' is not one of"):
        load_classifier().explainer("gradcam")


def test_what_is_no_picture(classifier):
    with pytest.raises(ImageError, match="no such file"):
        classifier.explain("nowhere.png")


def test_copies_are_saved(classify, tmp_path):
    finished = classify("--image", IMAGES, "--explain", tmp_path / "seen", "--format", "csv")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == classify("--image", IMAGES, "--format", "csv").stdout
    for path in (COFFEE, IMAGES / "rocket.jpg"):
        copy = opened(tmp_path / "seen" / path.name)
        assert copy.size == opened(path).size
        assert np.abs(np.asarray(copy, int) - np.asarray(opened(path), int)).mean() > 5


def test_strip_of_the_best_three(classify, tmp_path):
    classify("--image", COFFEE, "--explain", tmp_path, "--top-k", 3)
    width, height = opened(COFFEE).size
    assert opened(tmp_path / "coffee.png").size == (3 * width + 2 * 8, height)


def test_label_and_method_of_the_command_line(classify, tmp_path):
    for name, options in {"a": [], "b": ["--explain-label", "tabby"], "c": ["--explain-method", "occlusion"]}.items():
        assert classify("--image", COFFEE, "--explain", tmp_path / name, *options).returncode == 0
    assert len({(tmp_path / name / "coffee.png").read_bytes() for name in "abc"}) == 3
    finished = classify("--image", COFFEE, "--explain", tmp_path, "--explain-label", "coffe_mug")
    assert (finished.returncode, "did you mean 'coffee_mug'" in finished.stderr) == (2, True)


def test_explain_label_without_explain(classify):
    finished = classify("--image", COFFEE, "--explain-label", "tabby")
    assert finished.returncode == 2
    assert "--explain DIR" in finished.stderr
