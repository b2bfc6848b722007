"""The part of a run that Keras does: the head, fine-tuning, saving, and the test pictures."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import keras
import numpy as np

from classifiers.folder import MODEL_FILE, TrainedFolder, write_trained
from classifiers.manifest import Picture
from networks import Head, Network
from networks.trained import build, build_trained, join_head, save_classifier
from settings import VERSION
from sources.splits import SPLITS
from training.features import PLAIN, FeatureSet, load_features, view_names
from training.finetune import PictureReader, fine_tune, unfreeze
from training.fit import Plan, Row, best_row
from training.head import Examples, train_head
from training.options import AUGMENTATIONS, Options
from training.output import CHECKPOINTS, TENSORBOARD, remove_checkpoints
from training.report import History, plot_history, write_history, write_test

PATHS = ("data", "labels_csv")  # options that say where a run found its pictures, which is nobody else's business

logger = logging.getLogger("suite")


class Clock(Protocol):
    """What `training.run.Clock` is."""

    def on(self, what: str) -> AbstractContextManager[None]:
        """Count the time inside for `what`."""


@dataclass(frozen=True)
class Task:
    """What is to be learnt, from what, into which folder."""

    options: Options
    output: Path
    features: FeatureSet
    parts: dict[str, list[Picture]]  # pictures of each split
    classes: list[str]

    @property
    def head(self) -> Head:
        """What is put on the backbones."""
        return Head(self.options.head, self.options.hidden_units, self.options.dropout)

    @property
    def network(self) -> Network:
        """What is trained, whole."""
        return Network(self.features.network.backbones, len(self.classes), self.head)


def make_task(options: Options, output: Path, features: FeatureSet, pictures: Sequence[Picture]) -> Task:
    """Return everything that `learn` needs."""
    used = [picture for picture in pictures if not picture.skipped]
    parts = {split: [picture for picture in used if picture.split == split] for split in SPLITS}
    return Task(options, output, features, parts, classes=sorted({picture.label for picture in used}))


def learn(task: Task, clock: Clock) -> dict | None:
    """Train, save and test a classifier; return its results on the test pictures, if there are any."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # of the head, which is small, and of what is saved
    history: History = {}
    with clock.on("head"):
        head, history["head"] = _train_head(task)
    test = task.parts["test"]
    scores = head.predict(load_features(task.features, test, [PLAIN]), verbose=0) if test else None
    with clock.on("building"):
        keras.config.set_dtype_policy(policy)
        classifier = join_head(build(task.features.network, task.features.weights), head)
    if task.options.fine_tune:
        with clock.on("fine-tuning"):
            history["fine-tune"] = _fine_tune(task, classifier)
    with clock.on("saving"):
        trained = _save(task, classifier, history)
    if task.options.fine_tune and test:
        with clock.on("testing"):
            keras.config.set_dtype_policy("float32")
            scores = build_trained(trained.network, trained.weights).predict(
                _reader(task).batches(test, task.classes), verbose=0
            )
    results = None
    if scores is not None:
        with clock.on("report"):
            results = write_test(task.output, task.options, task.network.name, test, scores, task.classes)
    remove_checkpoints(task.output)
    return results


def _train_head(task: Task) -> tuple[keras.Model, list[Row]]:
    options = task.options
    views = view_names(task.features.augmentations, options.views)
    plan = _plan(task, "head", options.epochs, options.learning_rate)
    head, rows = train_head(
        task.head, len(task.classes), _examples(task, "train", views), _examples(task, "validation", [PLAIN]),
        options.batch_size, plan, task.output / CHECKPOINTS / "head", _callbacks(task, "head"),
    )  # fmt: skip
    _report(rows, "head")
    return head, rows


def _fine_tune(task: Task, classifier: keras.Model) -> list[Row]:
    options = task.options
    augmentations = AUGMENTATIONS if options.augment is None else options.augment
    count = unfreeze(classifier, options.fine_tune)
    logger.info("fine-tuning the last %d layers: %s weights of the backbones", options.fine_tune, f"{count:,}")
    if not count:
        logger.warning(
            "the last %d layers have no weights to train; give --fine-tune a larger number", options.fine_tune
        )
    plan = _plan(task, "fine-tune", options.fine_tune_epochs, options.fine_tune_learning_rate)
    reader = _reader(task)
    rows = fine_tune(
        classifier,
        reader.batches(task.parts["train"], task.classes, augmentations, options.seed),
        reader.batches(task.parts["validation"], task.classes),
        plan, task.output / CHECKPOINTS / "fine-tune", _callbacks(task, "fine-tune"),
    )  # fmt: skip
    _report(rows, "fine-tuning")
    return rows


def _examples(task: Task, split: str, views: Sequence[str]) -> Examples:
    pictures = task.parts[split]
    return load_features(task.features, pictures, views), np.tile(_numbers(task, pictures), len(views))


def _numbers(task: Task, pictures: Sequence[Picture]) -> np.ndarray:
    return np.array([task.classes.index(picture.label) for picture in pictures])


def _plan(task: Task, name: str, epochs: int, learning_rate: float) -> Plan:
    weights = None
    if task.options.class_weight == "balanced":
        counts = np.bincount(_numbers(task, task.parts["train"]))
        weights = {index: counts.sum() / (len(counts) * count) for index, count in enumerate(counts)}
    return Plan(name, epochs, learning_rate, task.options.patience, task.options.seed, weights)


def _reader(task: Task) -> PictureReader:
    runtime = task.features.runtime
    return PictureReader(Path(task.options.data), task.features.transform, runtime.batch_size, runtime.workers)


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


def _save(task: Task, classifier: keras.Model, history: History) -> TrainedFolder:
    """Leave a folder that --model takes, and its history."""
    save_classifier(classifier, task.network, task.output / MODEL_FILE)
    training = {
        "options": {name: value for name, value in asdict(task.options).items() if name not in PATHS},
        "pictures": {split: len(pictures) for split, pictures in task.parts.items()},
        "kept": {phase: best_row(rows) for phase, rows in history.items()},
    }
    write_history(task.output, history)
    plot_history(task.output, history)
    return write_trained(task.output, task.network, task.classes, task.features.transform, VERSION, training)
