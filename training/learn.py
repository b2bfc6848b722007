"""The part of a run that Keras does: the head, fine-tuning, saving, and the test pictures."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from arguments import VERSION
from engines.classifier import build_features, build_trained, join_head, save_classifier
from models import MODELS
from trained import MODEL_FILE, Backbones, Head, TrainedSpec, join_backbones, write_trained
from training.dataset import SPLITS, Picture
from training.features import PLAIN, Recipe, load_features, view_names
from training.finetune import PictureReader, fine_tune, unfreeze
from training.fit import Plan, Row, best_row
from training.head import Examples, train_head
from training.options import WAYS, Options, Surroundings
from training.output import CHECKPOINTS, TENSORBOARD, complete
from training.report import History, plot_history, write_history, write_test

logger = logging.getLogger("suite")


class Clock(Protocol):
    """What `training.run.Clock` is."""

    def on(self, what: str) -> AbstractContextManager[None]:
        """Count the time inside for `what`."""


@dataclass(frozen=True)
class Task:
    """What is to be learnt, from what, into which folder."""

    options: Options
    around: Surroundings
    output: Path
    recipe: Recipe
    parts: dict[str, list[Picture]]  # pictures of each split
    classes: list[str]
    backbones: Backbones
    head: Head


def make_task(
    options: Options, around: Surroundings, output: Path, recipe: Recipe, pictures: Sequence[Picture]
) -> Task:
    """Put together what `learn` needs."""
    used = [picture for picture in pictures if not picture.skipped]
    return Task(
        options, around, output, recipe,
        parts={split: [picture for picture in used if picture.split == split] for split in SPLITS},
        classes=sorted({picture.label for picture in used}),
        backbones=join_backbones([MODELS[name] for name in options.model]),
        head=Head(options.head, options.hidden_units, options.dropout),
    )  # fmt: skip


def learn(task: Task, clock: Clock) -> dict | None:
    """Train, save and test a classifier; return its results on the test pictures, if there are any."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # of the head, which is small, and of what is saved
    history: History = {}
    with clock.on("head"):
        head, history["head"] = _train_head(task)
    test = task.parts["test"]
    scores = head.predict(load_features(task.recipe, test, [PLAIN]), verbose=0) if test else None
    with clock.on("building"):
        keras.config.set_dtype_policy(policy)
        classifier = join_head(build_features(task.backbones, task.options.weights), head)
    if task.options.fine_tune:
        with clock.on("fine-tuning"):
            history["fine-tune"] = _fine_tune(task, classifier)
    with clock.on("saving"):
        spec = _save(task, classifier, history)
    if task.options.fine_tune and test:
        with clock.on("testing"):
            keras.config.set_dtype_policy("float32")
            scores = build_trained(spec).predict(_reader(task).batches(test, task.classes), verbose=0)
    results = None
    if test:
        results = write_test(task.output, task.backbones.name, test, scores, task.classes)
    complete(task.output)
    return results


def _train_head(task: Task) -> tuple[keras.Model, list[Row]]:
    options = task.options
    views = view_names(task.recipe.ways, options.views)
    plan = _plan(task, "head", options.epochs, options.learning_rate)
    head, rows = train_head(
        task.head, len(task.classes), _examples(task, "train", views), _examples(task, "validation", [PLAIN]),
        options.batch_size, plan, task.output / CHECKPOINTS / "head", _callbacks(task, "head"),
    )  # fmt: skip
    _report(rows, "head")
    return head, rows


def _fine_tune(task: Task, classifier: keras.Model) -> list[Row]:
    options = task.options
    ways = WAYS if options.augment is None else options.augment
    count = unfreeze(classifier, options.fine_tune)
    logger.info("fine-tuning the last %d layers: %s weights of the backbones", options.fine_tune, f"{count:,}")
    if not count:
        logger.warning("the last %d layers have no weights to train; --fine-tune takes a larger N", options.fine_tune)
    plan = _plan(task, "fine-tune", options.fine_tune_epochs, options.fine_tune_learning_rate)
    reader = _reader(task)
    rows = fine_tune(
        classifier,
        reader.batches(task.parts["train"], task.classes, ways, options.seed),
        reader.batches(task.parts["validation"], task.classes),
        plan, task.output / CHECKPOINTS / "fine-tune", _callbacks(task, "fine-tune"),
    )  # fmt: skip
    _report(rows, "fine-tuning")
    return rows


def _examples(task: Task, split: str, views: Sequence[str]) -> Examples:
    pictures = task.parts[split]
    return load_features(task.recipe, pictures, views), np.tile(_numbers(task, pictures), len(views))


def _numbers(task: Task, pictures: Sequence[Picture]) -> np.ndarray:
    return np.array([task.classes.index(picture.label) for picture in pictures])


def _plan(task: Task, name: str, epochs: int, learning_rate: float) -> Plan:
    weights = None
    if task.options.class_weight == "balanced":
        counts = np.bincount(_numbers(task, task.parts["train"]))
        weights = {index: counts.sum() / (len(counts) * count) for index, count in enumerate(counts)}
    return Plan(name, epochs, learning_rate, task.options.patience, task.options.seed, weights, task.around.quiet)


def _reader(task: Task) -> PictureReader:
    options = task.options
    return PictureReader(
        Path(options.data), task.backbones, options.resize, options.max_pixels, options.batch_size, task.around.workers
    )


def _callbacks(task: Task, phase: str) -> list[keras.callbacks.Callback]:
    if not task.options.tensorboard:
        return []
    return [keras.callbacks.TensorBoard(task.output / TENSORBOARD / phase, write_graph=False)]


def _report(rows: Sequence[Row], phase: str) -> None:
    best = best_row(rows)
    logger.info(
        "%s: best after epoch %d of %d, validation accuracy %.2f %%, loss %.4f",
        phase, best["epoch"], rows[-1]["epoch"], 100 * best["val_accuracy"], best["val_loss"],
    )  # fmt: skip


def _save(task: Task, classifier: keras.Model, history: History) -> TrainedSpec:
    """Leave a folder that --model takes, and its history."""
    save_classifier(classifier, task.backbones, task.head, task.output / MODEL_FILE)
    training = {
        "options": {name: value for name, value in asdict(task.options).items() if name != "data"},
        "pictures": {split: len(pictures) for split, pictures in task.parts.items()},
        "kept": {phase: best_row(rows) for phase, rows in history.items()},
    }
    write_history(task.output, history)
    plot_history(task.output, history)
    return write_trained(
        task.output, task.backbones, task.head, task.classes, task.options.resize, VERSION, training=training
    )
