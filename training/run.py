"""One training run, from the labelled pictures to the trained classifier."""

import contextlib
import gc
import importlib
import logging
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from classifiers.folder import MANIFEST_FILE
from classifiers.manifest import Picture, read_manifest, write_manifest
from console.text import printable
from engines import choose_backend, use_keras_backend
from engines.backends import BACKENDS, CPU_BACKEND, TRAINING_BACKEND
from engines.keras_engine import framework, start_keras
from engines.runtime import Runtime
from errors import UsageError
from files import written_whole
from networks import Network
from networks.own import read_backbone, told_apart, with_checksum
from networks.weights import Weights
from sources.labelled import LabelledData
from sources.listing import count_by_extension, join_names
from sources.splits import SPLITS, TRAIN, VALIDATION
from training.dataset import NO_PICTURE, add_digests, find_no_pictures, find_pictures
from training.features import PLAIN, Extraction, FeatureSet, view_names
from training.hints import uneven_classes
from training.leaks import find_leaks, report_leaks, without
from training.options import Options
from training.split import check_every_class, missing_classes, split_pictures

MOST_NAMED = 10  # pictures that are left out and named one by one

logger = logging.getLogger("suite")


class Clock:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count the time inside for `what`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0) + time.perf_counter() - started


def train(options: Options, data: LabelledData, runtime: Runtime, output: Path) -> dict | None:
    """Train a classifier of `data` and leave it in `output`; return its results on the test pictures, if there are any.

    What an earlier run has left in `output` and in the cache is used where it still fits.
    """
    clock = Clock()
    with clock.on("pictures"):
        found = find_pictures(data, options.data)
        _report_classes(sorted({picture.label for picture in found}))
        others = find_no_pictures(data, options.data)
        pictures = add_digests(options.data, found, runtime.workers)
        pictures = split_pictures(pictures, options.split, options.seed)
        check_every_class(pictures)
    with _features_folder(runtime) as folder:
        features = make_feature_set(options, runtime, folder)
        with clock.on("features"):
            pictures, scope = _extract(options, features, pictures)
        with clock.on("near-duplicates"):
            pictures = _without_leaks(options, features, pictures)
        _report(pictures, options.class_weight)
        _report_others(others)
        _keep_manifest(output / MANIFEST_FILE, pictures, others)
        with scope():
            from training.learn import learn, make_task  # they import Keras, whose backend is chosen by now

            results = learn(make_task(options, output, features, pictures), clock)
    logger.info("time: %s", ", ".join(f"{what} {seconds:.1f} s" for what, seconds in clock.seconds.items()))
    return results


@contextlib.contextmanager
def _features_folder(runtime: Runtime) -> Iterator[Path]:
    if runtime.cache_dir:
        yield runtime.cache_dir
        return
    with tempfile.TemporaryDirectory(prefix="features-") as folder:
        yield Path(folder)


def make_feature_set(options: Options, runtime: Runtime, folder: Path) -> FeatureSet:
    """Return how the run's features are made."""
    backbones = told_apart(map(read_backbone, options.model), options.preprocess)
    network = Network(tuple(map(with_checksum, backbones)))
    return FeatureSet(
        network,
        Weights(options.weights),
        network.transform(options.resize, options.max_pixels),
        replace(runtime, backend=choose_backend(runtime.backend, runtime.device)),
        tuple(options.augment or ()),
        folder.absolute(),
    )


def _extract(options: Options, features: FeatureSet, pictures: Sequence[Picture]) -> tuple[list[Picture], Callable]:
    """Compute the features that are not there yet, while Keras is imported here; leave out what is unreadable."""
    used = [picture for picture in pictures if not picture.skipped]
    paths = {picture.digest: os.path.abspath(os.path.join(options.data, picture.path)) for picture in used}
    views = view_names(features.augmentations, options.views)
    learnt_from = (TRAIN, VALIDATION) if options.head == "linear" else (TRAIN,)
    keys = [(picture.digest, view) for picture in used for view in (views if picture.split in learnt_from else [PLAIN])]
    backend = features.runtime.backend
    extraction = Extraction(features, paths, keys)
    if extraction.missing:
        logger.info("features: computing %d of %d with %s", len(extraction.missing), len(set(keys)), backend)
    else:
        logger.info("features: all %d are in the cache", len(set(keys)))
    try:
        scope = _start_keras(options, backend)
        unreadable = extraction.wait()
    finally:
        extraction.stop()
    pictures = [
        replace(picture, skipped=unreadable[picture.digest])
        if picture.digest in unreadable and not picture.skipped
        else picture
        for picture in pictures
    ]
    check_every_class(pictures)
    return pictures, scope


def _without_leaks(options: Options, features: FeatureSet, pictures: list[Picture]) -> list[Picture]:
    """Leave out the near-duplicates of what is validated and tested on, or say that there are some."""
    leaks = find_leaks(options.data, features, pictures)
    if not options.deduplicate:
        report_leaks(leaks)
        return pictures
    pictures = without(pictures, leaks)
    check_every_class(pictures)
    return pictures


def _start_keras(options: Options, backend: str) -> Callable:
    """Import Keras, on a backend that can train where that is needed; return what makes it use the device."""
    if not options.keras_trains:
        use_keras_backend(CPU_BACKEND)
        gc.disable()  # nothing of what is imported is garbage, and to look for it takes a tenth of the time
        importlib.import_module("keras")
        gc.freeze()
        gc.enable()
        return contextlib.nullcontext
    device = options.device
    if not BACKENDS[backend].trains:
        backend, device = TRAINING_BACKEND, "cpu" if device == "cpu" else "auto"
    use_keras_backend(backend)
    if options.deterministic:
        framework(backend).make_deterministic()
    is_mixed = options.fine_tune and device != "cpu" and framework(backend).gpus()  # on a CPU it trains slower
    return start_keras(device, options.precision if is_mixed else "float32")


def _report_classes(names: Sequence[str]) -> None:
    rest = len(names) - MOST_NAMED
    shown = [*names[: MOST_NAMED - 1], f"... {names[-1]} ({rest + 1} more)"] if rest > 0 else names
    logger.info("%d classes: %s", len(names), ", ".join(map(printable, shown)))


def _report(pictures: Sequence[Picture], class_weight: str) -> None:
    """Say what there is, and what is left out and why."""
    skipped = [picture for picture in pictures if picture.skipped]
    for picture in skipped[:MOST_NAMED]:
        logger.warning("left out: %s: %s", printable(picture.path), picture.skipped)
    if len(skipped) > MOST_NAMED:
        logger.warning("left out: %d more; %s lists them", len(skipped) - MOST_NAMED, MANIFEST_FILE)
    used = [picture for picture in pictures if not picture.skipped]
    counts = Counter(picture.split for picture in used)
    copies = len(used) - len({picture.digest for picture in used})
    logger.info(
        "pictures: %s; %d classes%s", ", ".join(f"{counts[split]} {split}" for split in SPLITS),
        len({picture.label for picture in used}),
        f"; {copies} are copies of others and stay in the same split" if copies else "",
    )  # fmt: skip
    for split, labels in missing_classes(pictures).items():
        logger.info("note: %s has no pictures of %s", split, printable(join_names(labels)))

    trained = Counter(picture.label for picture in used if picture.split == TRAIN)
    for hint in uneven_classes(trained, class_weight):
        logger.warning("hint: %s", hint)


def _report_others(files: Sequence[Picture]) -> None:
    if files:
        logger.warning(
            "left out: %d files in class folders that are no pictures by their extension: %s; %s lists them",
            len(files), count_by_extension(file.path for file in files), MANIFEST_FILE,
        )  # fmt: skip


def _keep_manifest(path: Path, pictures: Sequence[Picture], others: Sequence[Picture]) -> None:
    """Save the manifest; raises UsageError when the run that is gone on with had other pictures."""
    if path.exists() and [row for row in read_manifest(path) if row.skipped != NO_PICTURE] != list(pictures):
        raise UsageError(
            f"the pictures are not those that the run began with ({path} names them); --force starts it anew"
        )
    with written_whole(path) as unfinished:
        write_manifest(unfinished, sorted([*pictures, *others], key=lambda row: row.path))
