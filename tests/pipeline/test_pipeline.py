"""`pipeline.classify`, as one's own script calls it, and the loop behind it."""

import subprocess
import sys
import threading
import types
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import IMAGES, ROOT
from PIL import Image

from errors import UsageError
from inference.loop import MOST_KEPT_BYTES, predict_frames
from inference.scores import decide, to_result
from labels import read_labels
from pipeline import classify
from results import Result
from sources.frames import Frame

LABELS = read_labels()
CAT, ROCKET = str(IMAGES / "cat.png"), str(IMAGES / "rocket.jpg")


class Plain:
    """Sees a class in the brightness of the first pixel; keeps the sizes of its batches."""

    def __init__(self):
        self.sizes = []

    def predict(self, pixels):
        self.sizes.append(len(pixels))
        return np.eye(1000, dtype=np.float32)[pixels[:, 0, 0, 0]]


def frame(number):
    return Frame(str(number), np.full((2, 2, 3), number, np.uint8))


def bad(name):
    return Frame(name, error="damaged")


def test_real_model_names_what_is_there():
    results = classify([IMAGES, "nowhere.png"], top_k=1)
    assert isinstance(results, types.GeneratorType)
    answers = {Path(result.source).name: result for result in results}
    assert answers["coffee.png"].predictions[0].label == "espresso"
    assert answers["coffee.png"].predictions[0].score > 0.9
    assert list(answers) == ["camera.png", "cat.png", "coffee.png", "rocket.jpg", "nowhere.png"]
    assert answers["nowhere.png"] == Result("nowhere.png", error="no such file")


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (CAT, [CAT]),
        (Path(CAT), [CAT]),
        ([CAT, Path(ROCKET)], [CAT, ROCKET]),
        ((path for path in (CAT, ROCKET)), [CAT, ROCKET]),
        (f"{IMAGES}/c*.png", [f"{IMAGES}/{name}.png" for name in ("camera", "cat", "coffee")]),
        ([CAT, iter([ROCKET, Path(CAT)])], [CAT, ROCKET, CAT]),
        ([], []),
    ],
    ids=["str", "Path", "list", "generator", "pattern", "nested", "nothing"],
)
def test_images_are_named_in_many_ways(images, expected):
    assert [result.source for result in classify(images, engine=Plain())] == expected


def test_skip_is_asked_of_each_path_in_order_and_exclude_names_folders(tmp_path):
    for name in ("a.png", "b.png", "out/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    asked = []
    skip = lambda path: asked.append(Path(path).name) or path.endswith("a.png")  # noqa: E731
    results = list(classify(tmp_path, skip=skip, exclude=[tmp_path / "out"], engine=Plain()))
    assert asked == ["a.png", "b.png"]
    assert [Path(result.source).name for result in results] == ["b.png"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnett50"}, "did you mean 'resnet50'"),
        ({"labels": "nowhere.txt"}, "cannot read the labels file nowhere.txt"),
        ({"labels": LABELS[:10]}, "the ImageNet weights have 1000 classes, but the labels name 10"),
        ({"weights": Path("nowhere.h5")}, r"no such weights file: nowhere\.h5"),
        ({"resize": "squash"}, "resize 'squash' is not one of crop, stretch, pad"),
        ({"backend": "theano"}, "backend 'theano' is not one of auto, openvino"),
        ({"precision": "int1"}, "precision 'int1' is not one of float32"),
        ({"threshold": 50}, "threshold 50 is not a number from 0 to 1"),
        ({"threshold": float("nan")}, "threshold nan is not a number from 0 to 1"),
        ({"top_k": 0}, "top_k 0 is not a whole number from 1"),
        ({"batch_size": 0}, "batch_size 0 is not"),
        ({"workers": -1}, "workers -1 is not"),
        ({"max_pixels": 0}, "max_pixels 0 is not"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(options, message):
    with pytest.raises(UsageError, match=message):
        classify(CAT, **options)


def test_weights_of_another_network_are_refused_with_the_first_picture(tmp_path):
    with h5py.File(tmp_path / "other.weights.h5", "w") as file:
        file["layers"] = [1, 2, 3]
    results = classify(["nowhere.png", CAT], weights=tmp_path / "other.weights.h5", batch_size=1)
    with pytest.raises(UsageError, match=r"other\.weights\.h5 does not fit efficientnet_lite0"):
        list(results)


def test_nothing_is_read_before_the_first_result_is_asked_for():
    asked, before = [], set(threading.enumerate())
    results = classify((asked.append(path) or path for path in [CAT]), engine=Plain())
    assert asked == []
    assert set(threading.enumerate()) <= before
    assert [result.source for result in results] == asked == [CAT]


def test_closing_early_ends_the_threads_and_asks_for_no_more():
    asked = 0

    def forever():
        nonlocal asked
        while True:
            asked += 1
            yield CAT

    before = set(threading.enumerate())
    results = classify(forever(), batch_size=2, workers=2, engine=Plain())
    assert next(results).predictions
    results.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert asked <= 2 + 2 * 2 + 1  # a batch, what is read ahead, and the one on its way


def test_script_that_stops_in_the_middle_ends():
    script = "from itertools import repeat; from pipeline import *; r = classify(repeat('nowhere.png')); print(next(r))"
    finished = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "no such file" in finished.stdout


def test_error_among_the_paths_is_raised_after_what_came_before():
    def paths():
        yield CAT
        raise LookupError("the database has gone")

    results = classify(paths(), batch_size=1, engine=Plain())
    assert next(results).source == CAT
    with pytest.raises(LookupError, match="the database has gone"):
        next(results)


def test_threshold_leaves_out_labels_below_it():
    scores = np.zeros(1000, np.float32)
    scores[[3, 5, 7]] = 0.5, 0.25, 0.125
    kept = [[best.score for best in to_result("x", scores, LABELS, 5, at).predictions] for at in (0, 0.25, 0.3, 1)]
    assert kept == [[0.5, 0.25, 0.125, 0, 0], [0.5, 0.25], [0.5], []]
    assert to_result("x", scores, LABELS, 5, 1) == Result("x")


def test_more_labels_than_there_are_classes_are_all_of_them():
    assert len(to_result("x", np.ones(3, np.float32), LABELS[:3], top_k=50).predictions) == 3


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_scores_that_are_not_numbers_are_an_error(score):
    scores = np.full(1000, score, np.float32)
    assert to_result("x", scores, LABELS).error.startswith("the model's scores are not numbers")


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_every_frame_has_its_own_scores_whatever_the_batches(batch_size):
    frames = [
        bad("x"),
        frame(1),
        frame(2),
        bad("y"),
        None,
        None,
        bad("z"),
        frame(3),
        frame(4),
        None,
        frame(5),
        bad("q"),
    ]
    engine = Plain()
    answers = [(frame.source, scores) for frame, scores in predict_frames(iter(frames), engine, batch_size)]
    assert [source for source, _scores in answers] == ["x", "1", "2", "y", "z", "3", "4", "5", "q"]
    for source, scores in answers:
        assert (None if scores is None else str(scores.argmax())) == (source if source.isdigit() else None)
    assert max(engine.sizes) <= batch_size
    assert sum(engine.sizes) == 5


def test_what_is_there_need_not_wait_for_a_slow_source():
    taken = []

    def frames():
        for item in (frame(1), bad("x"), None, frame(2)):
            taken.append(item)
            yield item

    results = predict_frames(frames(), Plain(), batch_size=32)
    assert [next(results)[0].source, next(results)[0].source] == ["1", "x"]
    assert len(taken) == 3


def test_unreadable_frames_wait_for_a_batch_within_a_bound():
    frames = (bad(str(number)) for number in range(100_000))
    assert next(predict_frames(frames, Plain()))[0].source == "0"
    assert int(next(frames).source) < 2000


def test_frames_that_hold_much_do_not_wait_for_a_full_batch():
    taken, large = [], Image.new("RGB", (8000, MOST_KEPT_BYTES // 24_000 // 4 + 1))

    def frames():
        for number in range(20):
            taken.append(number)
            yield Frame(str(number), np.zeros((2, 2, 3), np.uint8), picture=large)

    next(predict_frames(frames(), Plain(), batch_size=32))
    assert len(taken) == 4


def test_second_of_two_classes_is_the_answer_from_its_threshold_on():
    assert [decide(np.float32([1 - score, score]), 0.75) for score in (0.7, 0.75, 0.8)] == [0, 1, 1]
    assert [decide(np.float32([1 - score, score])) for score in (0.4, 0.6)] == [0, 1]
