"""From arguments to the values that everything below takes: a Classifier, a Runtime, pictures."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from classifiers import Classifier
from classifiers.folder import TrainedFolder
from classifiers.load import make_classifier
from engines.runtime import BACKEND_CHOICES, Runtime
from errors import UsageError
from files import cache_folder
from models import ModelSpec
from networks.own import OwnModel
from networks.weights import BUILT_IN_WEIGHTS
from sources.named import Kind, kind_of
from sources.paths import Search, find_images, split_paths
from sources.spool import no_picture_first

STDIN = "-"  # among the paths of --image


def named_images(args: argparse.Namespace) -> list[str | Iterator[str]]:
    """Return what --image names, with the stream of paths on stdin in the place of "-"."""
    return [_stdin_paths(args.null) if path == STDIN else path for path in args.image]


def _stdin_paths(null: bool) -> Iterator[str]:
    if sys.stdin is None:
        raise UsageError("--image - reads paths from stdin, which is closed")
    return no_picture_first(split_paths(partial(os.read, sys.stdin.fileno()), b"\0" if null else b"\n"))


def count_of(args: argparse.Namespace, search: Search) -> Callable[[], int] | None:
    """Return what counts the pictures that --image names, or None when that cannot be told before the end."""
    if args.video or any(path == STDIN or kind_of(path) not in (Kind.PATH, Kind.URL) for path in args.image):
        return None
    return lambda: sum(1 for _ in find_images(args.image, search))


def no_picture(args: argparse.Namespace) -> str:
    """Return what is wrong when nothing is named to look at."""
    hint = "; --exclude takes all that follows it, so name pictures before it" if args.exclude else ""
    return f"no picture given; name files or folders, as in 'photos/ x.jpg', or use --image PATH{hint}"


def search_of(args: argparse.Namespace, folders: Sequence[str] = ()) -> Search:
    """Return how pictures are found in what is named; copies go to `folders`, which are left out."""
    ways = {name: getattr(args, name) for name in ("video", "every", "timeout", "max_bytes") if name in args}
    return Search(tuple(dict.fromkeys(args.exclude)), tuple(folders), args.no_ignore, **ways)


def classifier_from(args: argparse.Namespace, model: ModelSpec | TrainedFolder, runtime: Runtime) -> Classifier:
    """Return one of the models of --model with all that the other options say of it; raises UsageError."""
    preprocess = args.preprocess if isinstance(model, OwnModel) else None
    return make_classifier(
        model, runtime, args.weights, args.labels, args.resize, args.max_pixels, preprocess=preprocess
    )


def classifiers_from(args: argparse.Namespace) -> list[Classifier]:
    """Return all models of --model, each with what it brings or is given, on one Runtime; raises UsageError."""
    runtime = runtime_from(args)
    names = [model.name for model in args.model]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"--model names {', '.join(twice)} twice")
    if args.ensemble and len(names) < 2:
        raise UsageError(f"--ensemble is the mean of several models, but --model names only {names[0]}")
    if args.weights not in (None, *BUILT_IN_WEIGHTS) and len(names) > 1:
        raise UsageError(f"--weights {args.weights} is the file of one network, but --model names {len(names)}")
    check_preprocess_is_used(args.model, args.preprocess)
    classifiers = [classifier_from(args, model, runtime) for model in args.model]
    if args.ensemble:
        check_same_labels(classifiers)
    return classifiers


def check_preprocess_is_used(models: Sequence[ModelSpec | TrainedFolder], preprocess: str | None) -> None:
    """Raise UsageError for --preprocess when no model is one's own."""
    if preprocess is not None and not any(isinstance(model, OwnModel) for model in models):
        names = ", ".join(model.name for model in models)
        raise UsageError(
            f"--preprocess is for a Keras model of one's own, in a file; {names} has its own way to preprocess"
        )


def check_same_labels(classifiers: Sequence[Classifier]) -> None:
    """Raise UsageError unless an ensemble of classifiers can be made."""
    first = classifiers[0]
    for other in classifiers[1:]:
        if other.labels != first.labels:
            raise UsageError(
                f"--ensemble needs models of the same classes, which {first.name} and {other.name} are not"
            )


def runtime_from(args: argparse.Namespace) -> Runtime:
    """Return what is to compute; raises UsageError for a backend that is not there."""
    check_backend_name(args.backend)
    cache = cache_folder(args.cache_dir, not args.no_cache)
    return Runtime(args.backend, args.device, args.precision, args.batch_size, args.workers, cache)


def check_backend_name(backend: str) -> None:
    """Raise UsageError for an unknown backend, which argparse lets pass when it comes from the environment."""
    if backend not in BACKEND_CHOICES:
        raise UsageError(f"KERAS_BACKEND={backend} is not one of {', '.join(BACKEND_CHOICES)}")
