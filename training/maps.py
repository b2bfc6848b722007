"""What goes through the cuts of the backbones: computed once for each view, and trained on."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from classifiers.manifest import Picture
from errors import UsageError
from training.batches import Batches
from training.features import PLAIN, Extraction, FeatureSet
from training.store import FeatureStore, Key

MOST_BYTES = 8 * 2**30  # on disk. A constant, so that a run does not depend on how full a disk is
BYTES = 2  # of a float16

logger = logging.getLogger("suite")


@dataclass(frozen=True)
class Maps:
    """Rows of numbers for pictures' views, and where they are kept."""

    features: FeatureSet  # whose network has cuts
    size: int  # numbers that go through the cuts
    views: list[str]  # of a training picture

    @property
    def cuts(self) -> tuple[int, ...]:
        """One for each backbone."""
        return self.features.network.cuts

    def compute(self, folder: str, training: Sequence[Picture], validation: Sequence[Picture]) -> None:
        """Compute what is not there yet, in a process of its own; raises UsageError."""
        keys = [(picture.digest, view) for view in self.views for picture in training]
        keys = list(dict.fromkeys([*keys, *((picture.digest, PLAIN) for picture in validation)]))
        _make_room({one.store for one in self.features.alone}, len(keys) * BYTES * self.size)
        paths = {picture.digest: os.path.join(folder, picture.path) for picture in (*training, *validation)}
        extraction = Extraction(self.features, paths, keys)
        done = len(keys) - len(extraction.missing)
        logger.info(
            "feature maps below the trained layers: %d of each training picture, %.2f GB in %s; %s",
            len(self.views), len(keys) * BYTES * self.size / 1e9, self.features.folder,
            f"computing {len(extraction.missing)} of {len(keys)} with {self.features.runtime.backend}"
            if done < len(keys) else "all are there",
        )  # fmt: skip
        try:
            unreadable = extraction.wait()
        finally:
            extraction.stop()
        for digest, reason in unreadable.items():
            raise UsageError(f"{paths[digest]} can no longer be read: {reason}; run again")

    def batches(
        self, pictures: Sequence[Picture], classes: Sequence[str], batch_size: int, seed: int | None = None
    ) -> Batches:
        """Return rows and class numbers for Keras; with a `seed`, shuffled, and another view in each epoch."""
        stores = [FeatureStore(one.store, one.dtype) for one in self.features.alone]

        def key(row: int, epoch: int) -> Key:
            return pictures[row].digest, PLAIN if seed is None else self.views[(epoch + row) % len(self.views)]

        def load(rows: np.ndarray, epoch: int) -> np.ndarray:
            return np.stack([_read(stores, key(row, epoch)) for row in rows])

        labels = np.array([classes.index(picture.label) for picture in pictures])
        return Batches(load, labels, batch_size, seed)


def plan_maps(
    features: FeatureSet,
    augmentations: tuple[str, ...],
    cuts: tuple[int, ...],
    size: int,
    views: list[str],
    counts: tuple[int, int],
    epochs: int,
) -> Maps | None:
    """Return which maps are worth keeping, or None where they are too many; `counts` is of training and validation.

    There is a view for each epoch at most, and where not all fit on the disk, fewer.
    """
    training, validation = counts
    fitting = (MOST_BYTES // (BYTES * size) - validation) // training
    kept = views[: max(0, min(fitting, epochs))]
    if len(kept) < min(2, len(views), epochs):
        return None
    network = replace(features.network, cuts=cuts)
    return Maps(replace(features, network=network, augmentations=augmentations), size, kept)


def _read(stores: Sequence[FeatureStore], key: Key) -> np.ndarray:
    """Return what goes through the cuts of all backbones, float32 [size]."""
    parts = [store.get(key) for store in stores]
    there = [part for part in parts if part is not None]
    if len(there) < len(parts):
        raise UsageError("feature maps have gone from the cache while they were used; run again with --resume")
    return np.concatenate(there).astype(np.float32)


def _make_room(own: set[Path], needed: int) -> None:
    """Remove the maps of earlier runs, those not used for longest first, until MOST_BYTES are enough for all."""
    folder = next(iter(own)).parent
    found = {file: file.stat() for file in folder.glob("maps-*.sqlite")}
    there = sum(found[file].st_size for file in own & found.keys())
    for file in own & found.keys():
        if there > MOST_BYTES:
            file.unlink()
        else:
            os.utime(file)
    others = {file: status for file, status in found.items() if file not in own}
    for file in sorted(others, key=lambda file: others[file].st_mtime):
        if sum(status.st_size for status in others.values()) + max(there, needed) > MOST_BYTES:
            del others[file]
            file.unlink(missing_ok=True)
