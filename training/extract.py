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
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from console import EXIT_OK, EXIT_USAGE, bar_is_off, configure_messages
from engines import LazyEngine
from errors import ImageError, UsageError
from inference.loop import predict_frames
from sources.frames import Frame, read_ahead
from training.features import PLAIN, FeatureSet
from training.store import FeatureStore, Key
from training.views import read_view

PARENT_SECONDS = 0.1  # between two looks whether it is still there
Job = tuple[str, str, str]  # a picture's digest, its path, and the view

logger = logging.getLogger("suite")


def main() -> int:
    """Carry out the order on stdin; return the exit code."""
    tasks, level, parent = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    configure_messages(quiet=level > logging.INFO, debug=level <= logging.DEBUG)
    answer: dict[str, str | dict[str, str]]
    try:
        answer = {"unreadable": {digest: why for task in tasks for digest, why in extract(*task).items()}}
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


def extract(sets: Sequence[FeatureSet], jobs: list[Job]) -> dict[str, str]:
    """Compute and keep the features of each view; return why pictures are unreadable: {digest: reason}.

    `sets` are those of backbones that see the same squares.
    """
    features, runtime = sets[0], sets[0].runtime
    engine = SideBySide([LazyEngine(one.network, one.weights, runtime) for one in sets])
    stores = [FeatureStore(one.store, one.dtype) for one in sets]

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
    errors, rows = {}, []
    for (digest, _path, view), (frame, row) in watched:
        if row is None:
            errors[digest] = frame.error
            continue
        rows.append(((digest, view), row))
        if len(rows) == runtime.batch_size:
            _keep(stores, engine.ends, rows)
            rows = []
    _keep(stores, engine.ends, rows)
    for store in stores:
        store.close()
    return errors


class SideBySide:
    """Engines that see the same squares: what they compute of each, in one row."""

    def __init__(self, engines: Sequence[LazyEngine]) -> None:
        self._engines = engines
        self.ends: list[int] = []  # of each engine's part of a row

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Compute uint8 RGB [N, S, S, 3] -> float32 features [N, F]."""
        parts = [engine.predict(pixels) for engine in self._engines]
        self.ends = np.cumsum([part.shape[1] for part in parts]).tolist()
        return np.concatenate(parts, axis=1)


def _keep(stores: Sequence[FeatureStore], ends: Sequence[int], rows: Sequence[tuple[Key, np.ndarray]]) -> None:
    """Store the rows of a batch: each backbone's part, which ends at one of `ends`, in a store of its own."""
    for store, start, end in zip(stores, [0, *ends], ends, strict=False):
        store.add([(key, row[start:end]) for key, row in rows])


if __name__ == "__main__":
    sys.exit(main())
