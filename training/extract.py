"""Compute features in a process of its own: `python -m training.extract`, told by a pickle on stdin.

Each batch is kept at once. The last line on stdout says which pictures are unreadable, or what is wrong.
"""

import json
import logging
import os
import pickle
import sys
import threading
import time
from collections.abc import Iterable

from tqdm import tqdm

from console import EXIT_OK, EXIT_USAGE, bar_is_off, configure_messages
from engines import LazyEngine
from errors import ImageError, UsageError
from inference.loop import predict_frames
from sources.frames import Frame, read_ahead
from training.features import PLAIN, FeatureSet
from training.store import FeatureStore
from training.views import read_view

PARENT_SECONDS = 0.1  # between two looks whether it is still there
Job = tuple[str, str, str]  # a picture's digest, its path, and the view

logger = logging.getLogger("suite")


def main() -> int:
    """Carry out the order on stdin; return the exit code."""
    features, jobs, level, parent = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    configure_messages(quiet=level > logging.INFO, debug=level <= logging.DEBUG)
    answer: dict[str, str | dict[str, str]]
    try:
        answer = {"unreadable": extract(features, jobs)}
    except UsageError as error:
        answer = {"error": str(error)}
    except Exception as error:
        if level <= logging.DEBUG:
            raise
        answer = {"error": f"unexpected {type(error).__name__} while computing features: {error} (--debug shows where)"}
    try:
        print(json.dumps(answer), flush=True)
    except BrokenPipeError:  # the parent has ended just now
        os._exit(EXIT_USAGE)
    return EXIT_USAGE if "error" in answer else EXIT_OK


def _end_with(parent: int) -> None:
    """End this process at once when its parent has ended, as by SIGTERM; what has been computed is kept."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(EXIT_USAGE)


def extract(features: FeatureSet, jobs: list[Job]) -> dict[str, str]:
    """Compute and keep the features of each view; return why pictures are unreadable: {digest: reason}."""
    runtime = features.runtime
    engine = LazyEngine(features.network, features.weights, runtime)

    def read(job: Job) -> Frame:
        digest, path, view = job
        augmentations = () if view == PLAIN else features.augmentations
        try:
            return Frame(path, read_view(path, features.transform, augmentations, f"{digest} {view}"))
        except ImageError as error:
            return Frame(path, error=str(error))

    frames = read_ahead(jobs, read, runtime.workers, 2 * runtime.batch_size)
    pairs = zip(jobs, predict_frames(frames, engine, runtime.batch_size), strict=True)
    watched = tqdm(pairs, "features", len(jobs), unit="picture", leave=False, disable=bar_is_off())
    return _keep(watched, FeatureStore(features.store), runtime.batch_size)


def _keep(pairs: Iterable, store: FeatureStore, batch_size: int) -> dict[str, str]:
    """Store the features batch by batch; return the errors: {digest: reason}."""
    rows, errors = [], {}
    for (digest, _path, view), (frame, features) in pairs:
        if features is None:
            errors[digest] = frame.error
            continue
        rows.append(((digest, view), features))
        if len(rows) == batch_size:
            store.add(rows)
            rows = []
    store.add(rows)
    store.close()
    return errors


if __name__ == "__main__":
    sys.exit(main())
