"""The part of a run that fine-tunes: how deep, on what, and what it says about it."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from networks.cut import size_at
from networks.trained import backbone_networks, join_above
from training.batches import Batches
from training.best import Row
from training.depth import Depth, last_layers, last_stage
from training.features import view_names
from training.finetune import PictureReader, fine_tune, unfreeze
from training.fit import Plan
from training.maps import Maps, plan_maps
from training.options import AUGMENTATIONS, AUTO
from training.output import CHECKPOINTS

if TYPE_CHECKING:
    from training.learn import Task

HEAD_FACTOR = 3.0  # by which its learning rate is higher than that of the backbones
SHOWN = 22_000  # training pictures, of all epochs, that are enough to learn from
EPOCHS = range(4, 17)  # that this may take
ROWS, LEAST_VIEWS = 12_000, 3  # feature maps of training pictures, and of each: more of them taught no more

logger = logging.getLogger("suite")


def tune(task: "Task", classifier: keras.Model, plan: Plan, callbacks: Sequence[keras.callbacks.Callback]) -> list[Row]:
    """Train the last layers of a classifier's backbones and its head; return a row for each epoch."""
    networks = backbone_networks(classifier)
    depths = _depths(networks, task.options.fine_tune)
    weights = unfreeze(classifier, [depth.layers for depth in depths])
    logger.info(
        "fine-tuning the last %s layers: %s weights of the backbones, %d epochs",
        " and ".join(str(depth.layers) for depth in depths), f"{weights:,}", plan.epochs,
    )  # fmt: skip
    if not weights:
        logger.warning(
            "the last %d layers have no weights to train; give --fine-tune a larger number", depths[0].layers
        )
    maps = _maps(task, networks, depths, plan.epochs)
    if maps is None:
        model, training, validation = classifier, *_picture_batches(task)
    else:
        maps.compute(task.options.data, task.parts["train"], task.parts["validation"])
        model, training, validation = join_above(classifier, maps.cuts), *_map_batches(task, maps)
    return fine_tune(model, training, validation, plan, task.output / CHECKPOINTS / "fine-tune", callbacks)


def choose_epochs(epochs: int | None, pictures: int) -> int:
    """Return how many epochs `pictures` training pictures take, unless the user has said it."""
    return epochs or min(max(SHOWN // pictures, EPOCHS[0]), EPOCHS[-1])


def picture_reader(task: "Task") -> PictureReader:
    """Return what reads a run's pictures from their files."""
    runtime = task.features.runtime
    return PictureReader(Path(task.options.data), task.features.transform, runtime.batch_size, runtime.workers)


def _depths(networks: Sequence[keras.Model], layers: int | str) -> list[Depth]:
    return [last_stage(network) if layers == AUTO else last_layers(network, int(layers)) for network in networks]


def _augmentations(task: "Task") -> tuple[str, ...]:
    return AUGMENTATIONS if task.options.augment is None else tuple(task.options.augment)


def _maps(task: "Task", networks: Sequence[keras.Model], depths: Sequence[Depth], epochs: int) -> Maps | None:
    """Return which feature maps are worth computing, or None where it is better to read the pictures in each epoch."""
    cuts = tuple(depth.cut for depth in depths if depth.cut is not None)
    if len(cuts) < len(networks):
        logger.info("fine-tuning: reading the pictures in each epoch, because most of the network is trained")
        return None
    size = sum(size_at(*pair) for pair in zip(networks, cuts, strict=True))
    training, validation = (len({picture.digest for picture in task.parts[split]}) for split in ("train", "validation"))
    views = view_names(_augmentations(task), task.options.views)[: max(ROWS // training, LEAST_VIEWS)]
    maps = plan_maps(task.features, _augmentations(task), cuts, size, views, (training, validation), epochs)
    if maps is None:
        logger.info("fine-tuning: reading the pictures in each epoch, because their feature maps would fill the disk")
    return maps


def _picture_batches(task: "Task") -> tuple[Batches, Batches]:
    reader, parts, classes = picture_reader(task), task.parts, task.classes
    training = reader.batches(parts["train"], classes, _augmentations(task), task.options.seed)
    return training, reader.batches(parts["validation"], classes)


def _map_batches(task: "Task", maps: Maps) -> tuple[Batches, Batches]:
    options, parts, classes = task.options, task.parts, task.classes
    training = maps.batches(parts["train"], classes, options.batch_size, options.seed)
    return training, maps.batches(parts["validation"], classes, options.batch_size)
