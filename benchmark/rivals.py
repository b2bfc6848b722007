"""The linear head of the suite, and what else people train on features: each with its strength chosen as it should be.

What is chosen is chosen by cross-validation in the same turns for all, and then fitted on all pictures. A rival takes a
Task and features [M, F], and returns probabilities [M, classes], or class numbers [M] where it has no probabilities.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import LinearSVC

from benchmark.cases import Case, Samples
from training.linear import fit_linear
from training.split import split_pictures
from training.turns import held_out_turns

SHARES = (70, 20, 0)  # of training, validation and test
LOGISTIC_STRENGTHS = 10.0 ** np.arange(-5, 2.1, 0.5)  # scikit-learn's C: the smaller, the stronger the penalty
SVM_STRENGTHS = 10.0 ** np.arange(-3, 4)
NEIGHBOURS = (1, 3, 5, 7, 10, 20)
BATCH_SIZE = 32  # Keras's own


@dataclass(frozen=True)
class Task:
    """What is to be learnt."""

    features: np.ndarray  # float32 [N, F]
    labels: np.ndarray  # class numbers [N]
    turns: np.ndarray  # [N], in which turn each picture is held out; -1: in none
    blocks: Sequence[int]  # numbers of features of each backbone
    seed: int


def make_task(samples: Samples, case: Case, seed: int) -> Task:
    """Return the task of a case, whose pictures are held out as train_classifier.py does it."""
    pictures = [
        replace(samples.pictures[number], label=str(label))
        for number, label in zip(case.training, case.labels, strict=True)
    ]
    turns = np.array(held_out_turns(split_pictures(pictures, SHARES, seed)))
    return Task(samples.features[case.training], case.labels, turns, samples.blocks, seed)


def linear_head(task: Task, features: np.ndarray) -> np.ndarray:
    """The linear head of train_classifier.py."""
    return fit_linear(task.features[None], task.labels, task.turns, task.blocks).predict(features)


def logistic_regression(task: Task, features: np.ndarray, class_weight: str | None = None) -> np.ndarray:
    """scikit-learn's, of standardised features; its strength has the least log loss."""
    regression = LogisticRegression(max_iter=500, class_weight=class_weight)
    grid = {"logisticregression__C": LOGISTIC_STRENGTHS}
    return _search(task, make_pipeline(StandardScaler(), regression), grid, "neg_log_loss").predict_proba(features)


def balanced_regression(task: Task, features: np.ndarray) -> np.ndarray:
    """The same, in which all classes count alike."""
    return logistic_regression(task, features, "balanced")


def support_vectors(task: Task, features: np.ndarray) -> np.ndarray:
    """A linear support vector machine, of features of length 1."""
    machine = make_pipeline(Normalizer(), LinearSVC(random_state=task.seed))
    return _search(task, machine, {"linearsvc__C": SVM_STRENGTHS}, "accuracy").predict(features)


def nearest_neighbours(task: Task, features: np.ndarray) -> np.ndarray:
    """The vote of the nearest pictures, by the cosine of their features."""
    fewest = min(np.count_nonzero(task.turns != turn) for turn in range(task.turns.max() + 1))
    neighbours = [count for count in NEIGHBOURS if count <= fewest]
    voters = KNeighborsClassifier(metric="cosine", weights="distance")
    return _search(task, voters, {"n_neighbors": neighbours}, "accuracy").predict(features)


def nearest_mean(task: Task, features: np.ndarray) -> np.ndarray:
    """The class whose mean is nearest, of features of length 1; there is nothing to choose."""
    return make_pipeline(Normalizer(), NearestCentroid()).fit(task.features, task.labels).predict(features)


def _search(task: Task, estimator: Any, grid: dict[str, Any], scoring: str) -> GridSearchCV:
    return GridSearchCV(estimator, grid, scoring=scoring, cv=PredefinedSplit(task.turns)).fit(
        task.features, task.labels
    )


def keras_guide(task: Task, features: np.ndarray) -> np.ndarray:
    """A dense layer as in Keras's guide to transfer learning: Dropout and 10 epochs of Adam, on all pictures.

    https://keras.io/guides/transfer_learning
    """
    model = _keras_model(task)
    model.fit(task.features, task.labels, batch_size=BATCH_SIZE, epochs=10, verbose=0)
    return model.predict(features, verbose=0)


def keras_early_stopping(task: Task, features: np.ndarray) -> np.ndarray:
    """The same of standardised features, for at most 60 epochs, to the best one on the pictures of the first turn."""
    import keras

    scaler = StandardScaler().fit(task.features)
    scaled, held_out = scaler.transform(task.features), task.turns == 0
    model = _keras_model(task)
    model.fit(
        scaled[~held_out], task.labels[~held_out], batch_size=BATCH_SIZE, epochs=60, verbose=0,
        validation_data=(scaled[held_out], task.labels[held_out]),
        callbacks=[keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)],
    )  # fmt: skip
    return model.predict(scaler.transform(features), verbose=0)


def _keras_model(task: Task) -> Any:
    import keras

    keras.utils.set_random_seed(task.seed)
    layers = keras.layers
    model = keras.Sequential([layers.Dropout(0.2), layers.Dense(int(task.labels.max()) + 1, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


Rival = Callable[[Task, np.ndarray], np.ndarray]

#   heading in two lines          what answers
RIVALS: dict[tuple[str, str], Rival] = {
    ("linear",   "head"):         linear_head,
    ("logistic", "regression"):   logistic_regression,
    ("the same", "balanced"):     balanced_regression,
    ("linear",   "SVM"):          support_vectors,
    ("nearest",  "neighbours"):   nearest_neighbours,
    ("nearest",  "mean"):         nearest_mean,
}  # fmt: skip
KERAS_RIVALS: dict[tuple[str, str], Rival] = {
    ("Keras,",   "10 epochs"):    keras_guide,
    ("Keras,",   "60 epochs"):    keras_early_stopping,
}  # fmt: skip
