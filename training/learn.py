"""The part of a run that Keras does: the head, fine-tuning, saving, and the test pictures."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from classifiers import Classifier
from classifiers.folder import MODEL_FILE, write_trained
from classifiers.manifest import Picture
from drawing.plot import Plot
from files import sha256_of
from labels import ClassLabel
from networks import Head, Network
from networks.trained import build, build_head, build_trained, join_head, save_classifier
from networks.weights import Weights
from settings import VERSION
from sources.splits import SPLITS
from training.best import Row, best_row
from training.curves import history_plots, plot_history
from training.features import PLAIN, FeatureSet, load_features, view_names
from training.fit import Plan
from training.head import Examples, train_head
from training.hints import Judged, on_results
from training.linear import fit_linear
from training.options import Options
from training.output import CHECKPOINTS, TENSORBOARD, remove_checkpoints
from training.progress import hint_at_more_epochs
from training.report import Answered, Extras, write_history, write_test
from training.tuning import HEAD_FACTOR, choose_epochs, picture_reader, tune
from training.turns import held_out_turns

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
        if self.options.head == "linear":
            return Head("linear")
        assert self.options.hidden_units is not None
        assert self.options.dropout is not None
        return Head("mlp", self.options.hidden_units, self.options.dropout)

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
    with clock.on("head"):
        head = _solve_head(task) if task.head.kind == "linear" else _train_head(task)
    history, kept = {"head": head.rows}, {"head": head.kept}
    with clock.on("building"):
        keras.config.set_dtype_policy(policy)
        classifier = join_head(build(task.features.network, task.features.weights), head.model)
    if task.options.fine_tune:
        with clock.on("fine-tuning"):
            history["fine-tune"] = _fine_tune(task, classifier, head)
            kept["fine-tune"] = best_row(history["fine-tune"])
    with clock.on("saving"):
        save_classifier(classifier, task.network, task.output / MODEL_FILE)
        write_history(task.output, history)
        plot_history(task.output, history, kept)
    tested = _test(task, head, clock) if task.parts["test"] else None
    _hint(task, head, tested)
    with clock.on("report"):
        results = _report_test(task, tested[1], head, history_plots(history, kept)) if tested else None
    _finish(task, kept)
    return results


@dataclass(frozen=True)
class FoundHead:
    """A head for features that are frozen, and how it was found."""

    model: keras.Model  # float32 features [N, F] -> probabilities
    predict: Callable[[np.ndarray], np.ndarray]  # the same
    rows: list[Row]
    kept: Row  # the best of them
    validation: Judged  # what it says of pictures that it was not fitted to
    held_out: list[Picture]  # those


def _solve_head(task: Task) -> FoundHead:
    """Solve a linear head on the pictures of training and validation together."""
    head, judged = _solve_head_of(task, task.parts["train"] + task.parts["validation"])
    logger.info(
        "head: accuracy %.2f %%, loss %.4f on %s", 100 * head.kept["val_accuracy"], head.kept["val_loss"], judged
    )
    return head


def _solve_head_of(task: Task, pictures: Sequence[Picture]) -> tuple[FoundHead, str]:
    """Return the linear head of these pictures, and what it was judged on."""
    views = view_names(task.features.augmentations, task.options.views)
    blocks = load_features(task.features, pictures, views)
    labels, turns = _numbers(task, pictures), np.array(held_out_turns(pictures))
    widths = [block.shape[2] for block in blocks]
    solved = fit_linear(np.concatenate(blocks, axis=2), labels, turns, widths, task.options.class_weight)
    model = build_head(sum(widths), len(task.classes), task.head)
    model.get_layer("probabilities").set_weights([solved.kernel, solved.bias])
    judged = "validation pictures" if -1 in turns else f"pictures held out in {turns.max() + 1} turns"
    validation = labels[turns >= 0], solved.held_out
    held_out = [picture for picture, turn in zip(pictures, turns, strict=True) if turn >= 0]
    return FoundHead(model, solved.predict, list(solved.rows), solved.kept, validation, held_out), judged


def _train_head(task: Task) -> FoundHead:
    """Train a head on the pictures of training, watched on those of validation."""
    options = task.options
    assert options.epochs is not None
    assert options.learning_rate is not None
    views = view_names(task.features.augmentations, options.views)
    plan = _plan(task, "head", options.epochs, options.learning_rate)
    validation = _examples(task, "validation", [PLAIN])
    model, rows = train_head(
        task.head, len(task.classes), _examples(task, "train", views), validation,
        options.batch_size, plan, task.output / CHECKPOINTS / "head", _callbacks(task, "head"),
    )  # fmt: skip
    _report(rows, "head")
    hint_at_more_epochs(rows, plan.epochs, "--epochs")

    def predict(features: np.ndarray) -> np.ndarray:
        return model.predict(features, verbose=0)

    judged = validation[1], predict(validation[0])
    return FoundHead(model, predict, rows, best_row(rows), judged, task.parts["validation"])


def _fine_tune(task: Task, classifier: keras.Model, head: FoundHead) -> list[Row]:
    """Fine-tune from a head that has not seen the validation pictures; unless that is better, leave the given one."""
    options = task.options
    final = head.model.get_weights()
    if task.head.kind == "linear":
        head.model.set_weights(_solve_head_of(task, task.parts["train"])[0].model.get_weights())
    epochs = choose_epochs(options.fine_tune_epochs, len(task.parts["train"]))
    plan = replace(_plan(task, "fine-tune", epochs, options.fine_tune_learning_rate), head_factor=HEAD_FACTOR)
    rows = tune(task, classifier, plan, _callbacks(task, "fine-tune"))
    if not best_row(rows)["epoch"]:
        head.model.set_weights(final)
    _report(rows, "fine-tuning")
    hint_at_more_epochs(rows, epochs, "--fine-tune-epochs")
    return rows


def _examples(task: Task, split: str, views: Sequence[str]) -> Examples:
    pictures = task.parts[split]
    features = np.concatenate(load_features(task.features, pictures, views), axis=2)
    return features.reshape(-1, features.shape[2]), np.tile(_numbers(task, pictures), len(views))


def _numbers(task: Task, pictures: Sequence[Picture]) -> np.ndarray:
    return np.array([task.classes.index(picture.label) for picture in pictures])


def _plan(task: Task, name: str, epochs: int, learning_rate: float) -> Plan:
    weights = None
    if task.options.class_weight != "none":
        numbers = np.arange(len(task.classes))
        balanced = compute_class_weight("balanced", classes=numbers, y=_numbers(task, task.parts["train"]))
        weights = dict(enumerate(balanced.tolist()))
    assert task.options.patience is not None
    return Plan(name, epochs, learning_rate, task.options.patience, task.options.seed, weights)


def _callbacks(task: Task, phase: str) -> list[keras.callbacks.Callback]:
    if not task.options.tensorboard:
        return []
    return [keras.callbacks.TensorBoard(task.output / TENSORBOARD / phase, write_graph=False)]


def _report(rows: Sequence[Row], phase: str) -> None:
    best = best_row(rows)
    if not best["epoch"]:
        logger.info("%s: no epoch was better on the validation pictures by more than chance; nothing is changed", phase)
        return
    logger.info(
        "%s: best after epoch %d of %d, validation accuracy %.2f %%, loss %.4f",
        phase, best["epoch"], rows[-1]["epoch"], 100 * best["val_accuracy"], best["val_loss"],
    )  # fmt: skip


def _test(task: Task, head: FoundHead, clock: Clock) -> Judged:
    """Return what the classifier says of the test pictures."""
    test = task.parts["test"]
    keras.config.set_dtype_policy("float32")
    with clock.on("testing"):
        if task.options.fine_tune:
            path = task.output / MODEL_FILE
            saved = build_trained(task.network, Weights(str(path), sha256_of(path)))
            scores = saved.predict(picture_reader(task).batches(test, task.classes), verbose=0)
        else:
            scores = head.predict(np.concatenate(load_features(task.features, test, [PLAIN]), axis=2)[0])
    return _numbers(task, test), scores


def _hint(task: Task, head: FoundHead, tested: Judged | None) -> None:
    unseen = [] if task.options.fine_tune else [head.validation]
    unseen += [tested] if tested else []
    for hint in on_results(task.classes, *unseen) if unseen else ():
        logger.warning("hint: %s", hint)


def _report_test(task: Task, scores: np.ndarray, head: FoundHead, curves: Sequence[Plot]) -> dict:
    """Leave a report of what the classifier says of the test pictures; return its results."""
    path = task.output / MODEL_FILE
    labels = tuple(ClassLabel(str(index), name) for index, name in enumerate(task.classes))
    saved = Weights(str(path), sha256_of(path))
    transform, runtime = task.features.transform, task.features.runtime
    if task.options.keras_trains:  # then another backend may be running in this process
        runtime = replace(runtime, backend=keras.config.backend())
    extras = Extras(
        Answered(head.held_out, head.validation[1]), curves,
        Classifier(task.network.name, task.network, saved, labels, transform, runtime=runtime),
    )  # fmt: skip
    tested = Answered(task.parts["test"], scores)
    return write_test(task.output, task.options, task.network.name, tested, task.classes, extras)


def _finish(task: Task, kept: dict[str, Row]) -> None:
    """Make the folder one that --model takes."""
    options = {name: value for name, value in asdict(task.options).items() if name not in PATHS}
    training = {
        "options": options | {"model": [spec.name for spec in task.network.backbones]},
        "pictures": {split: len(pictures) for split, pictures in task.parts.items()},
        "kept": kept,
    }
    write_trained(task.output, task.network, task.classes, task.features.transform, VERSION, training)
    remove_checkpoints(task.output)
