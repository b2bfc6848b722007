"""A linear head is a logistic regression on frozen features: convex, so it has one best solution, found in seconds.

How strong its penalty is, is chosen on pictures that the solver has not seen. On those its probabilities are
calibrated, too; then it is fitted once more, on all pictures.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits

Row = dict[str, float]  # of a strength of the penalty: strength, val_loss, val_accuracy

STRENGTHS = tuple(10.0 ** (1.5 - step / 2) for step in range(13))  # of the L2 penalty, the strongest first
PATIENCE = 3  # weaker strengths that are tried without being better
LEAST_GAIN = 2e-3  # of the log loss, for a weaker strength to count as better
TOLERANCE, MOST_STEPS = 1e-4, 200  # of the solver
BIAS_PENALTY = 0.01  # of the calibration: rare classes have few pictures to tell their bias from
PRIORS = (0.0, 0.25, 0.5, 0.75, 1.0)  # from classes that count alike to pictures that count alike
MOST_LOST = 0.005  # of the accuracy, for classes to count alike
LEAST_LEAD = 1e-3  # of a logit over all others, to be an answer
MOST_VARIANCE = 100  # of a feature, times what nine of ten features stay below


@dataclass(frozen=True)
class Trial:
    """What a strength of the penalty gives on pictures that the solver has not seen."""

    strength: float
    loss: float  # what calibration has left of the log loss
    logits: np.ndarray  # float64 [held out, classes], calibrated
    temperature: float
    bias: np.ndarray  # float64 [classes]

    def row(self, labels: np.ndarray) -> Row:
        """Return its figures on the held-out pictures, all of which count alike."""
        losses = -log_softmax(self.logits, axis=1)[np.arange(len(labels)), labels]
        right = self.logits.argmax(axis=1) == labels
        return {"strength": self.strength, "val_loss": float(losses.mean()), "val_accuracy": float(right.mean())}


@dataclass(frozen=True)
class LinearHead:
    """A dense layer with softmax, float32 features [N, F] -> probabilities, and how it was found."""

    kernel: np.ndarray  # float32 [F, classes]
    bias: np.ndarray  # float32 [classes]
    rows: tuple[Row, ...]  # of each strength that was tried
    kept: Row  # of the one that was chosen
    held_out: np.ndarray  # float32 [held out, classes], the probabilities of pictures that the solver had not seen

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return float32 probabilities [N, classes] of features [N, F]."""
        return softmax(features @ self.kernel + self.bias, axis=1)


def fit_linear(
    views: np.ndarray, labels: np.ndarray, turns: np.ndarray, blocks: Sequence[int], class_weight: str = "auto"
) -> LinearHead:
    """Return the linear head that does best on pictures that it has not seen.

    `views` are float32 features [V, N, F]; the first view of each picture is the picture as it is. `labels` are class
    numbers [N], `turns` [N] tells in which turn a picture is held out, with -1 for none, and `blocks` are the numbers
    of features of each backbone.
    """
    with threadpool_limits(1):  # quicker for a task of this size, and the same bits on any number of cores
        centre, scale = _scaling(views[0], blocks)
        views = (views - centre.astype(np.float32)) / scale.astype(np.float32)
        weights = compute_sample_weight(None if class_weight == "none" else "balanced", labels)
        chosen, rows = _try_strengths(views, labels, turns, weights)
        if class_weight == "auto":
            chosen = with_prior(chosen, labels[turns >= 0])
        kernel, bias = _solve(_solver(), views, labels, weights, chosen.strength)
    kernel = kernel * chosen.temperature / scale[:, None]
    bias = bias * chosen.temperature + chosen.bias - centre @ kernel
    kept = chosen.row(labels[turns >= 0])
    held_out = softmax(chosen.logits, axis=1).astype(np.float32)
    return LinearHead(kernel.astype(np.float32), bias.astype(np.float32), rows, kept, held_out)


def _scaling(features: np.ndarray, blocks: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each feature, and the scale [F] that gives a backbone's features a mean variance of 1.

    All of a backbone's features have one scale: those that vary little are mostly noise, and stay small. Only the few
    that would drown all others are made smaller.
    """
    variance = features.var(axis=0, dtype=np.float64)
    scales = []
    for part in np.split(variance, np.cumsum(blocks)[:-1]):
        most = MOST_VARIANCE * np.quantile(part, 0.9) + 1e-12
        scales.append(np.sqrt((np.minimum(part, most).mean() + 1e-12) * np.maximum(part / most, 1)))
    return features.mean(axis=0, dtype=np.float64), np.concatenate(scales)


def _try_strengths(
    views: np.ndarray, labels: np.ndarray, turns: np.ndarray, weights: np.ndarray
) -> tuple[Trial, tuple[Row, ...]]:
    """Return the best trial, and a row of each; from the strongest penalty on, until weaker ones are no better."""
    solvers = {turn: _solver() for turn in np.unique(turns[turns >= 0])}
    held_out = turns >= 0
    logits = np.zeros((len(labels), labels.max() + 1))
    best, tried, rows = None, 0, []
    for strength in STRENGTHS:
        for turn, solver in solvers.items():
            seen = turns != turn
            kernel, bias = _solve(solver, views[:, seen], labels[seen], weights[seen], strength)
            logits[~seen] = views[0, ~seen] @ kernel + bias
        trial = calibrate(strength, logits[held_out], labels[held_out], weights[held_out])
        rows.append(trial.row(labels[held_out]))
        tried += 1
        if best is None or trial.loss < best.loss * (1 - LEAST_GAIN):
            best, tried = trial, 0
        elif tried == PATIENCE:
            break
    assert best is not None
    return best, tuple(rows)


def _solver() -> LogisticRegression:
    return LogisticRegression(max_iter=MOST_STEPS, warm_start=True)


def _solve(
    solver: LogisticRegression, views: np.ndarray, labels: np.ndarray, weights: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel [F, classes] and bias [classes] of a softmax on pictures with weights [N].

    A penalty above 1 leaves a small kernel, which calibration enlarges: it is solved so much more exactly.
    """
    count = len(views)
    dtype = np.float32 if strength <= 1 else np.float64
    solver.set_params(C=1 / (strength * weights.sum()), tol=TOLERANCE / max(1, strength))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what is nearly the solution classifies as well
        solver.fit(np.concatenate(views, dtype=dtype), np.tile(labels, count), np.tile(weights / count, count))
    kernel, bias = solver.coef_.T.astype(np.float64), solver.intercept_.astype(np.float64)
    if kernel.shape[1] == 1:  # of two classes, the solver gives the second's logit alone
        kernel, bias = kernel * [-0.5, 0.5], bias * [-0.5, 0.5]
    return kernel, bias


def calibrate(strength: float, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Trial:
    """Find the temperature and the bias of each class that give held-out pictures the least log loss.

    A share of one picture is taken from the targets (Platt 1999): a few that are all right prove no certainty.
    """
    classes = logits.shape[1]
    spread = logits.std() + 1e-12
    weights = weights[:, None] / weights.sum()
    smoothing = 1 / (len(labels) + 1)
    targets = np.full(logits.shape, smoothing / classes)
    targets[np.arange(len(labels)), labels] += 1 - smoothing

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        temperature, bias = values[0] / spread, values[1:]
        log_p = log_softmax(logits * temperature + bias, axis=1)
        slopes = weights * (np.exp(log_p) - targets)
        value = BIAS_PENALTY * (bias**2).sum() - (weights * targets * log_p).sum()
        return value, np.r_[(slopes * logits).sum() / spread, slopes.sum(axis=0) + 2 * BIAS_PENALTY * bias]

    bounds = [(0, None), *[(None, None)] * classes]
    found = minimize(loss, np.r_[1.0, np.zeros(classes)], jac=True, method="L-BFGS-B", bounds=bounds)
    temperature, bias = found.x[0] / spread, found.x[1:]
    return Trial(strength, float(found.fun), logits * temperature + bias, temperature, bias)


def with_prior(trial: Trial, labels: np.ndarray) -> Trial:
    """Let classes count alike as far as that costs hardly any accuracy on pictures as they come.

    Where classes are told apart well, rare ones keep their due; where they are not, the common one is answered.
    """
    counts = np.bincount(labels, minlength=trial.logits.shape[1])
    log_prior = np.log(np.maximum(counts, 1) / counts.mean())
    right = np.array([_share_of_right(trial.logits + prior * log_prior, labels) for prior in PRIORS])
    enough = max(right.max() - MOST_LOST, min(right.max(), counts.max() / len(labels)))
    shift = PRIORS[int(np.argmax(right >= enough))] * log_prior
    return replace(trial, logits=trial.logits + shift, bias=trial.bias + shift)


def _share_of_right(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the accuracy, in which a tie is no answer: rounding would decide it."""
    is_label = labels[:, None] == np.arange(logits.shape[1])
    lead = logits[is_label] - np.where(is_label, -np.inf, logits).max(axis=1)
    return float((lead > LEAST_LEAD).mean())
