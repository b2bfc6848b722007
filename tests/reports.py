"""A small report for the tests: real pictures in plain colours, names that are hostile, scores that are made up."""

import io
from array import array
from pathlib import Path

import numpy as np
from PIL import Image

from evaluation.answers import AnswerStore
from evaluation.findings import Failure, Findings
from evaluation.metrics import Evaluation, evaluate
from evaluation.significance import compare_all
from evaluation.thresholds import judge_two_class

NAMES = (
    "<img src=x onerror=alert(1)>",
    "$x_{1",
    "数字の猫",
    "ٱلْعَرَبِيَّة",
    'dog\'s "bed" & co',
    "a name that is far too long for its place",
)
COLORS = ((220, 40, 30), (40, 160, 60), (30, 60, 200), (240, 220, 40), (120, 40, 140), (240, 140, 30))
PLANTED = 7  # the picture that is labelled wrong, and that every model is surest about


def pixels_of(data: bytes) -> np.ndarray:
    """Return a picture's pixels, int [H, W, 3]."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def make_pictures(folder: Path, count: int) -> list[str]:
    """Save wide pictures, each in the colour of its class, and return their paths."""
    paths = []
    for index in range(count):
        paths.append(str(folder / f"picture <{index}>.png"))
        Image.new("RGB", (120, 80), COLORS[index % len(COLORS)]).save(paths[-1])
    return paths


def judge(model: str, names: tuple[str, ...], paths: list[str], seed: int) -> Evaluation:
    """Return figures of made-up scores; the picture PLANTED is sure to be called something else."""
    random = np.random.default_rng(seed)
    store = AnswerStore(len(names))
    true = [index % len(names) for index in range(len(paths))]
    for index, label in enumerate(true):
        scores = random.random(len(names)) ** 3 + 0.001
        scores[label] += 0.4
        if index == PLANTED:
            scores[(label + 1) % len(names)] = 1e4
        store.add(label, (scores / scores.sum()).astype(np.float32))
    answers = store.answers(array("i", true))
    two = None
    if len(names) == 2:
        scores, positive = answers.score_of(1), answers.true == 1
        two = judge_two_class(1, scores, positive, (0.5, answers.predicted == 1), "f1", (scores[::2], positive[::2]))
    return evaluate(model, names, paths, answers, two)


def make_findings(folder: Path, names: tuple[str, ...] = NAMES, models: int = 1, pictures: int = 48) -> Findings:
    """Return findings of models on pictures that are made in a folder."""
    paths = make_pictures(folder, pictures)
    evaluations = tuple(judge(f"runs/\udcff <{seed}>", names, paths, seed) for seed in range(models))
    comparisons = compare_all([one.model for one in evaluations], [one.answers.right for one in evaluations])
    failures = (Failure(f"{folder}/\udcff</td><script>alert(2)</script>.jpg", names[0], "the file is empty"),)
    options = {"--data": str(folder), "--model": "<b>"}
    return Findings(str(folder), pictures + 1, evaluations, comparisons, failures, ("<i>a note</i>",), options, 10**6)
