"""A process that measures the suite itself: `python -m benchmark.measure ORDER`.

Prints one JSON object. Start-up, loading and a first batch are done before the clock starts.
"""

import json
import sys
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from benchmark.clock import timed
from benchmark.plan import Setting, Task, from_json
from console import EXIT_OK, run_script
from engines import IMAGENET_CLASSES, Engine, has_nvidia_gpu, load_engine
from errors import UsageError
from labels import read_labels
from pipeline import classify_frames
from results import Result
from settings import BATCH_SIZE
from sources.frames import read_frames
from sources.paths import find_images
from trained import TrainedSpec, find_spec


def files(task: Task, setting: Setting) -> dict[str, float | list[str]]:
    """Measure the whole pipeline from JPEG files to results, as classify_image.py runs it."""
    spec = find_spec(task.model)
    labels = read_labels(spec.labels_file) if isinstance(spec, TrainedSpec) else read_labels()
    engine = _ready_engine(task, setting)
    results: list[Result] = []

    def work() -> int:
        frames = _frames(task, setting)
        results.extend(classify_frames(frames, engine, labels, top_k=1, batch_size=task.batch_size))
        return _all_good([result.error for result in results])

    return timed(work) | {"answers": [result.predictions[0].class_id for result in results]}


def arrays(task: Task, setting: Setting) -> dict[str, float]:
    """Measure the bare engine on pictures that are decoded already, in whole batches."""
    engine = _ready_engine(task, setting)
    count = sum(1 for _ in find_images([setting.pictures]))
    decoded = [frame.pixels for frame in islice(_frames(task, setting), task.batch_size)]
    batch = np.stack(list(islice(cycle(decoded), task.batch_size)))
    batches = -(-count // task.batch_size)

    def work() -> int:
        for _ in range(batches):
            engine.predict(batch)
        return batches * task.batch_size

    return timed(work) | {"on_gpu": _is_on_gpu(task.backend, setting.device)}


def decode(task: Task, setting: Setting) -> dict[str, float]:
    """Measure reading, decoding and resizing alone."""
    next(_frames(task, setting))
    return timed(lambda: _all_good([frame.error for frame in _frames(task, setting)]))


def _ready_engine(task: Task, setting: Setting) -> Engine:
    spec = find_spec(task.model)
    engine = load_engine(
        spec, task.weights, IMAGENET_CLASSES, task.backend, setting.device, task.precision, Path(setting.cache_dir)
    )
    engine.predict(np.zeros((task.batch_size, spec.input_size, spec.input_size, 3), np.uint8))
    return engine


def _frames(task: Task, setting: Setting):
    spec = find_spec(task.model)
    return read_frames(
        find_images([setting.pictures]),
        spec,
        resize=spec.resize if isinstance(spec, TrainedSpec) else "crop",
        workers=setting.workers,
        ahead=2 * (task.batch_size or BATCH_SIZE),
    )


def _all_good(errors: list[str]) -> int:
    """Return how many pictures there were; raises UsageError when any of them failed."""
    if failed := [error for error in errors if error]:
        raise UsageError(f"{len(failed)} of {len(errors)} pictures failed, the first: {failed[0]}")
    return len(errors)


def _is_on_gpu(backend: str, device: str) -> bool:
    return device.startswith("gpu") or (device == "auto" and backend != "openvino" and has_nvidia_gpu())


MEASURES = {measure.__name__: measure for measure in (files, arrays, decode)}


def main() -> int:
    """Carry out the order on the command line and print the figures."""
    task, setting = from_json(sys.argv[1])
    print(json.dumps(MEASURES[task.kind](task, setting)))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(run_script(main))
