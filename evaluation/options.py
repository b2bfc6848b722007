"""The options of scripts that ask several models about the same pictures. Instant: imports nothing heavy."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arguments import add_engine_options, add_network_options, check_default_backend
from engines import BUILT_IN_WEIGHTS, check_classes, require_backend
from engines.weights_file import check_weights_file
from labels import ClassLabel, read_labels
from models import ModelSpec


@dataclass(frozen=True)
class Contender:
    """One model with all that decides its answers."""

    name: str  # what the user typed
    spec: ModelSpec  # or a trained model's spec
    weights: str
    labels: tuple[ClassLabel, ...]
    resize: str
    threshold: float | None = None  # of two classes: the least score of the second that makes it the answer
    folder: Path | None = None  # of a trained model


def add_models_options(parser: argparse.ArgumentParser) -> None:
    """Which models, with which weights and labels, computed where."""
    group = parser.add_argument_group("models")
    add_network_options(group, several=True)
    group.add_argument(
        "--weights", metavar="FILE",
        help="a .h5, .weights.h5 or .keras file, imagenet, or none for random weights (default: imagenet)",
    )  # fmt: skip
    group.add_argument("--labels", metavar="FILE", help="class names, one a line (default: ImageNet's 1,000)")
    group.add_argument("--ensemble", action="store_true", help="add the mean of the models' probabilities as a model")
    add_engine_options(group)
    group.add_argument(
        "--cache-dir", metavar="DIR", help="where OpenVINO's compiled models are kept (default: the user's cache)"
    )
    group.add_argument("--no-cache", action="store_true", help="neither use nor keep compiled models")


def check_models_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> list[Contender]:
    """Return the models that `args` name, each with what it brings or is given; raises UsageError.

    `args.resize` is None where the model decides how a picture becomes a square.
    """
    check_default_backend(parser, args.backend)
    if args.backend != "auto":
        require_backend(args.backend)
    names = [spec.name for spec in args.model]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        parser.error(f"--model names {', '.join(twice)} twice")
    if args.ensemble and len(names) < 2:
        parser.error(f"--ensemble is the mean of several models, but --model names only {names[0]}")
    if args.weights and args.weights not in BUILT_IN_WEIGHTS:
        if len(names) > 1:
            parser.error(f"--weights {args.weights} is the file of one network, but --model names {len(names)}")
        check_weights_file(args.weights)
    contenders = [_contender(parser, args, spec) for spec in args.model]
    if args.ensemble:
        _check_same_labels(parser, contenders)
    return contenders


def _contender(parser: argparse.ArgumentParser, args: argparse.Namespace, spec: ModelSpec) -> Contender:
    if isinstance(spec, ModelSpec):
        labels = read_labels(args.labels) if args.labels else read_labels()
        weights = args.weights or "imagenet"
        check_classes(weights, len(labels))
        return Contender(spec.name, spec, weights, labels, args.resize or "crop")
    for option in ("weights", "labels"):
        if given := vars(args)[option]:
            parser.error(f"--{option} {given} cannot go with --model {spec.name}, which brings its own")
    labels, resize = read_labels(spec.labels_file), args.resize or spec.resize
    return Contender(spec.name, spec, str(spec.weights_file), labels, resize, spec.threshold, spec.folder)


def _check_same_labels(parser: argparse.ArgumentParser, contenders: Sequence[Contender]) -> None:
    first = contenders[0]
    for other in contenders[1:]:
        if other.labels != first.labels:
            parser.error(f"--ensemble needs models of the same classes, which {first.name} and {other.name} are not")
