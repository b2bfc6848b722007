"""A process that measures the suite itself: `python -m benchmark.measure ORDER`.

Prints one JSON object. Start-up, loading and a first batch are done before the clock starts.
"""

import json
import sys
from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np

from benchmark.clock import timed
from benchmark.plan import TRAINED, Setting, Task, from_json
from classifiers import Classifier, load_classifier
from console import EXIT_OK, run_script
from engines.backends import CPU_BACKEND
from engines.nvidia import has_nvidia_gpu
from errors import UsageError
from results import Result
from sources.frames import Frame, read_frames
from sources.paths import find_images


def files(task: Task, setting: Setting) -> dict[str, float | list[str]]:
    """Measure the whole pipeline from JPEG files to results, as classify_image.py runs it."""
    classifier = _load(task, setting)
    results: list[Result] = []

    def work() -> int:
        results.extend(classifier.classify(setting.pictures, top_k=1))
        return _all_good([result.error for result in results])

    return timed(work) | {"answers": [result.predictions[0].class_id for result in results]}


def arrays(task: Task, setting: Setting) -> dict[str, float]:
    """Measure the bare engine on pictures that are decoded already, in whole batches."""
    classifier = _load(task, setting)
    count = sum(1 for _ in find_images(setting.pictures))
    some = islice(_frames(classifier, setting), task.batch_size)
    squares = [frame.square for frame in some if frame.square is not None]
    batch = np.stack(list(islice(cycle(squares), task.batch_size)))
    batches = -(-count // task.batch_size)

    def work() -> int:
        for _ in range(batches):
            classifier.predictor.predict(batch)
        return batches * task.batch_size

    return timed(work) | {"on_gpu": _is_on_gpu(task.backend, setting.device)}


def decode(task: Task, setting: Setting) -> dict[str, float]:
    """Measure reading, decoding and resizing alone."""
    classifier = load_classifier(
        task.model, weights=_weights(task), workers=setting.workers, preprocess=setting.preprocess
    )
    next(_frames(classifier, setting))
    return timed(lambda: _all_good([frame.error for frame in _frames(classifier, setting)]))


def _load(task: Task, setting: Setting) -> Classifier:
    """Return a classifier that has computed a first batch."""
    classifier = load_classifier(
        task.model, weights=_weights(task), backend=task.backend, device=setting.device, precision=task.precision,
        batch_size=task.batch_size, workers=setting.workers, cache_dir=setting.cache_dir,
        preprocess=setting.preprocess,
    )  # fmt: skip
    size = classifier.transform.size
    classifier.predictor.predict(np.zeros((task.batch_size, size, size, 3), np.uint8))
    return classifier


def _weights(task: Task) -> str | None:
    return None if task.weights in ("", TRAINED) else task.weights


def _frames(classifier: Classifier, setting: Setting) -> Iterator[Frame]:
    ahead = 2 * classifier.runtime.batch_size
    frames = read_frames(find_images(setting.pictures), classifier.transform, setting.workers, ahead)
    return (frame for frame in frames if frame is not None)


def _all_good(errors: list[str]) -> int:
    """Return how many pictures there were; raises UsageError when any of them failed."""
    if failed := [error for error in errors if error]:
        raise UsageError(f"{len(failed)} of {len(errors)} pictures failed, the first: {failed[0]}")
    return len(errors)


def _is_on_gpu(backend: str, device: str) -> bool:
    return device.startswith("gpu") or (device == "auto" and backend != CPU_BACKEND and has_nvidia_gpu())


MEASURES = {measure.__name__: measure for measure in (files, arrays, decode)}


def main() -> int:
    """Carry out the order on the command line and print the figures."""
    task, setting = from_json(sys.argv[1])
    print(json.dumps(MEASURES[task.kind](task, setting)))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_script(main))
