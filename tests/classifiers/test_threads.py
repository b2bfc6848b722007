"""Classifiers in one process: side by side, and shared by threads."""

import os
import sys
import threading
import types
from dataclasses import replace

import pytest
from test_load_classifier import PICTURES, Brightest, best, scores_of

import engines
from classifiers import load_classifier
from engines.backends import BACKENDS
from errors import UsageError


def test_two_classifiers_live_side_by_side():
    """And their pictures may take turns."""
    two = [load_classifier(name) for name in ("efficientnet_lite0", "efficientnet_lite1")]
    alone = [best(one) for one in two]
    assert alone[0] != alone[1]
    turns = zip(*(one.classify(PICTURES, top_k=1) for one in two), strict=True)
    for results, expected in zip(zip(*turns, strict=True), alone, strict=True):
        assert scores_of(results) == pytest.approx(expected, abs=1e-5)


def test_threads_share_a_classifier_that_is_loaded_once(monkeypatch):
    loads, load_engine = [], engines.load_engine
    monkeypatch.setattr(engines, "load_engine", lambda *what: loads.append(what) or load_engine(*what))
    classifier = load_classifier(batch_size=2)
    answers: dict[str, set] = {path: set() for path in PICTURES}
    begin = threading.Barrier(len(PICTURES))

    def ask(path):
        begin.wait()
        answers[path].update(one.predictions[0].label for one in classifier.classify([path] * 9, top_k=1))

    run_together([threading.Thread(target=ask, args=[path]) for path in PICTURES])
    assert len(loads) == 1
    assert answers == {path: {label} for path, label in best(classifier)}


def run_together(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_load_their_classifiers_one_after_the_other(monkeypatch):
    """Keras's settings, and where stderr goes while libraries start, are the whole process's."""
    together = threading.Barrier(2)
    met = []

    def load(*_what):
        try:
            together.wait(timeout=0.2)
            met.append(True)
        except threading.BrokenBarrierError:
            together.reset()
        return Brightest()

    monkeypatch.setitem(sys.modules, "slow_engine", types.SimpleNamespace(load=load))
    monkeypatch.setitem(BACKENDS, "openvino", replace(BACKENDS["openvino"], engine="slow_engine"))
    two = [load_classifier(name, weights="none", backend="openvino") for name in ("resnet50", "vgg16")]
    run_together([threading.Thread(target=best, args=[one]) for one in two])
    assert met == []


def test_second_keras_backend_is_refused_and_changes_nothing():
    import keras

    assert keras.backend.backend() == "openvino"  # as conftest.py says
    first = load_classifier()
    expected = best(first)
    with pytest.raises(UsageError, match="Keras already runs on openvino in this process; tensorflow needs a process"):
        best(load_classifier(backend="tensorflow"))
    assert os.environ["KERAS_BACKEND"] == "openvino"
    assert best(first) == expected
