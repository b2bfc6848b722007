"""What heads are compared on: a folder's pictures as features, and the cases that are drawn from them."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from classifiers.manifest import Picture
from console.text import printable
from engines import choose_backend
from engines.runtime import Runtime
from errors import UsageError
from models import ModelSpec
from networks import Network
from networks.weights import Weights
from sources.labelled import read_folder
from training.dataset import add_digests, find_pictures
from training.features import PLAIN, Extraction, FeatureSet, load_features
from training.split import check_every_class, split_pictures

ALL = "all"  # of a class's pictures, but for those that are kept to judge on
KEPT = 5  # of so many pictures of a class, one is kept to judge on
FEW = 5  # pictures of each class but one, where classes are uneven
WRONG = 0.2  # share of the labels, where some are wrong
COMMON = 0.99  # share of the common class, where rare pictures are judged to be rare
LEAST = 2  # pictures of a class to learn from

logger = logging.getLogger("suite")


@dataclass(frozen=True)
class Samples:
    """The pictures of a folder, each content once."""

    pictures: list[Picture]
    features: np.ndarray  # float32 [N, F]
    labels: np.ndarray  # class numbers [N]
    classes: list[str]
    blocks: list[int]  # numbers of features of each backbone


@dataclass(frozen=True)
class Draw:
    """How pictures are drawn for one case."""

    name: str
    counts: dict[int, int]  # {class number: pictures to learn from}
    wrong: float = 0  # share of the labels
    common: int | None = None  # the class that is common, where classes are uneven


@dataclass(frozen=True)
class Case:
    """Pictures to learn from, others to be judged on, and how much each of those counts. Classes count from 0."""

    training: np.ndarray  # numbers of pictures
    labels: np.ndarray  # what is said of them
    test: np.ndarray  # numbers of pictures
    answers: np.ndarray  # what they are
    shares: dict[str, np.ndarray]  # {row of the table: float64 [test pictures], with sum 1}


def read_samples(folder: str, models: Sequence[ModelSpec], cache: Path | None) -> Samples:
    """Return the features of a folder's pictures; raises UsageError as training does."""
    found = [replace(picture, split="") for picture in find_pictures(read_folder(folder), folder)]
    pictures = split_pictures(add_digests(folder, found), (1, 0, 0), seed=0)  # skips what is in several classes
    with contextlib.ExitStack() as stack:
        kept = cache or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="features-")))
        features = _feature_set(models, Runtime(choose_backend("auto", "auto"), cache_dir=cache), kept)
        used = _extract(features, folder, pictures)
        blocks = [block[0] for block in load_features(features, used, [PLAIN])]
    classes = sorted({picture.label for picture in used})
    labels = np.array([classes.index(picture.label) for picture in used])
    return Samples(used, np.concatenate(blocks, axis=1), labels, classes, [block.shape[1] for block in blocks])


def _feature_set(models: Sequence[ModelSpec], runtime: Runtime, folder: Path) -> FeatureSet:
    network = Network(tuple(models))
    return FeatureSet(network, Weights("imagenet"), network.transform(), runtime, (), folder.absolute())


def _extract(features: FeatureSet, folder: str, pictures: Sequence[Picture]) -> list[Picture]:
    """Compute the features that are not there yet; return the pictures that have some, each content once."""
    used = {picture.digest: picture for picture in pictures if not picture.skipped}
    paths = {digest: os.path.abspath(os.path.join(folder, picture.path)) for digest, picture in used.items()}
    extraction = Extraction(features, paths, [(digest, PLAIN) for digest in used])
    try:
        unreadable = extraction.wait()
    finally:
        extraction.stop()
    pictures = [replace(one, skipped=one.skipped or unreadable.get(one.digest, "")) for one in pictures]
    check_every_class(pictures)
    if skipped := [picture for picture in pictures if picture.skipped]:
        first = skipped[0]
        logger.warning(
            "left out: %d of %d pictures, such as %s: %s",
            len(skipped), len(pictures), printable(first.path), first.skipped,
        )  # fmt: skip
    return [picture for digest, picture in used.items() if digest not in unreadable]


def plan_draws(totals: Sequence[int], per_class: Sequence[int | str]) -> list[Draw]:
    """Return the cases for classes of so many pictures each; what is left out is logged.

    Raises UsageError when no case can be drawn.
    """
    most = {number: total - max(1, round(total / KEPT)) for number, total in enumerate(totals)}
    draws = [Draw(_name(count), _counts(most, totals, count)) for count in per_class]
    last = max((count for count in per_class if isinstance(count, int)), default=ALL)
    draws.append(Draw(f"{_name(last)}, {WRONG:.0%} wrong", _counts(most, totals, last), wrong=WRONG))
    draws.append(_uneven(most, totals))
    possible = [draw for draw in draws if len(draw.counts) > 1]
    if not possible:
        raise UsageError(
            f"the classes have too few pictures to compare heads on: at most {max(totals)}, and at least 3 are needed"
        )
    for draw in draws:
        if few := len(totals) - len(draw.counts):
            what = f"{few} of {len(totals)} classes have too few pictures" if draw in possible else "too few pictures"
            logger.warning("left out: %s: %s", draw.name, what)
    return possible


def _uneven(most: dict[int, int], totals: Sequence[int]) -> Draw:
    common = int(np.argmax(totals))
    few = {number: FEW for number, total in enumerate(totals) if total > FEW and most[common] > FEW}
    return Draw(f"uneven ({most[common]} + {FEW})", few | {common: most[common]}, common=common)


def _name(count: int | str) -> str:
    return f"{count} a class"


def _counts(most: dict[int, int], totals: Sequence[int], count: int | str) -> dict[int, int]:
    """Return how many pictures of each class are drawn; a class that has too few is not among them."""
    if isinstance(count, str):
        return {number: enough for number, enough in most.items() if enough >= LEAST}
    return {number: count for number, total in enumerate(totals) if total > count}


def draw_case(draw: Draw, labels: np.ndarray, rng: np.random.Generator) -> Case:
    """Draw pictures; all others of the same classes are there to be judged on."""
    numbers = np.array(sorted(draw.counts))
    training, test, said = [], [], []
    for place, number in enumerate(numbers):
        count = draw.counts[number]
        order = rng.permutation(np.flatnonzero(labels == number))
        training.append(order[:count])
        test.append(order[count:])
        is_wrong = np.arange(count) < round(draw.wrong * count)
        said.append((place + is_wrong * rng.integers(1, len(numbers), count)) % len(numbers))
    others = np.concatenate(test)
    answers = np.searchsorted(numbers, labels[others])
    common = None if draw.common is None else int(np.searchsorted(numbers, draw.common))
    shares = dict(_shares(draw.name, answers, common))
    return Case(np.concatenate(training), np.concatenate(said), others, answers, shares)


def _shares(name: str, answers: np.ndarray, common: int | None) -> Iterator[tuple[str, np.ndarray]]:
    counts = np.bincount(answers)
    if common is None:
        yield name, np.full(len(answers), 1 / len(answers))
        return
    yield f"{name}, classes alike", (1 / len(counts) / counts)[answers]
    rare = (1 - COMMON) / (len(answers) - counts[common])
    yield f"{name}, {COMMON:.0%} common", np.where(answers == common, COMMON / counts[common], rare)
