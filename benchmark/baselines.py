"""A process that runs plain Keras on TensorFlow, to compare with: `python -m benchmark.baselines ORDER`.

Two ways, as their users write them. `tutorial`: load_img, img_to_array, preprocess_input and
model.predict for one picture after the other. `keras`: image_dataset_from_directory with
preprocess_input in its map and prefetching, and one model.predict for all. Neither names the
predictions, which would only make them slower. Nothing of the suite's own pipeline or engines is
used; the suite's parts that are imported (the registry) take a few milliseconds.
"""

import json
import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow

from benchmark.clock import timed
from benchmark.plan import Setting, Task, from_json
from classifiers.folder import TrainedFolder
from classifiers.load import find_named
from models import ModelSpec
from networks.own import OwnModel, with_preprocess

BATCH_SIZE = 32  # image_dataset_from_directory's own
Named = ModelSpec | TrainedFolder


def tutorial_first(task: Task, setting: Setting) -> None:
    """Answer for one picture as the tutorials do."""
    spec = named(task, setting)
    predict_one_by_one(load_model(spec, task.weights), spec, [Path(setting.one_picture)])


def tutorial_files(task: Task, setting: Setting) -> dict[str, float]:
    """Measure the tutorials' loop over a folder, after one prediction that warms it up."""
    spec = named(task, setting)
    model = load_model(spec, task.weights)
    predict_one_by_one(model, spec, [Path(setting.one_picture)])
    return timed(lambda: predict_one_by_one(model, spec, sorted(Path(setting.pictures).iterdir())))


def keras_first(task: Task, setting: Setting) -> None:
    """Answer for one picture with a dataset."""
    spec = named(task, setting)
    dataset = load_dataset(os.path.dirname(setting.one_picture), spec, BATCH_SIZE)
    load_model(spec, task.weights).predict(prepare(dataset, spec), verbose=0)


def keras_files(task: Task, setting: Setting) -> dict[str, float]:
    """Measure a batched predict over a folder, after one on each size of batch that will occur.

    A size that it has not met makes Keras compile for seconds, which is not its speed.
    """
    spec = named(task, setting)
    model = load_model(spec, task.weights)
    dataset = load_dataset(setting.pictures, spec, task.batch_size)
    last = len(dataset.file_paths) % task.batch_size
    batches = prepare(dataset, spec)
    for size in {min(task.batch_size, len(dataset.file_paths)), last} - {0}:
        model.predict(batches.unbatch().batch(size).take(1), verbose=0)
    return timed(lambda: len(model.predict(batches, verbose=0)))


def named(task: Task, setting: Setting) -> Named:
    """Return the model that is measured."""
    spec = find_named(task.model)
    return with_preprocess(spec, setting.preprocess) if isinstance(spec, OwnModel) else spec


def predict_one_by_one(model: keras.Model, spec: Named, paths: Iterable[Path]) -> int:
    """Run the loop of the tutorials; return how many pictures it did."""
    count, size = 0, input_size(spec)
    for path in paths:
        image = keras.utils.load_img(path, target_size=size)
        inputs = preprocess(np.expand_dims(keras.utils.img_to_array(image), 0), spec)
        model.predict(inputs, verbose=0)
        count += 1
    return count


def load_dataset(folder: str, spec: Named, batch_size: int) -> tensorflow.data.Dataset:
    """Return a folder's pictures as float batches, which Keras decodes on several threads."""
    return keras.utils.image_dataset_from_directory(
        folder,
        labels=None,
        image_size=input_size(spec),
        batch_size=batch_size,
        shuffle=False,
        verbose=False,
    )


def prepare(dataset: tensorflow.data.Dataset, spec: Named) -> tensorflow.data.Dataset:
    """Add the model's preprocessing and prefetching."""
    autotune = tensorflow.data.AUTOTUNE
    return dataset.map(lambda batch: preprocess(batch, spec), num_parallel_calls=autotune).prefetch(autotune)


def preprocess(pixels: np.ndarray | tensorflow.Tensor, spec: Named) -> np.ndarray | tensorflow.Tensor:
    """Return float RGB [N, S, S, 3] as the model takes it; a trained one does this itself."""
    return pixels if isinstance(spec, TrainedFolder) else spec.preprocess_input(pixels)


def input_size(spec: Named) -> tuple[int, int]:
    """Return the height and width that a model takes, pixels."""
    size = spec.transform.size if isinstance(spec, TrainedFolder) else spec.input_size
    return size, size


def load_model(spec: Named, weights: str) -> keras.Model:
    """Build the plain Keras application; random weights are the same in every process. Open a model in a file."""
    if isinstance(spec, TrainedFolder):
        return keras.saving.load_model(spec.weights.source)
    if isinstance(spec, OwnModel):
        return keras.saving.load_model(spec.name, compile=False)
    random.seed(0)
    return spec.application(weights=None if weights == "none" else weights)


def choose_device(device: str) -> None:
    """Let TensorFlow see the GPU that the suite is told to use, or none."""
    gpus = tensorflow.config.list_physical_devices("GPU")
    if device == "cpu":
        tensorflow.config.set_visible_devices([], "GPU")
    elif ":" in device:
        tensorflow.config.set_visible_devices(gpus[int(device.partition(":")[2])], "GPU")


MEASURES = {measure.__name__: measure for measure in (tutorial_first, tutorial_files, keras_first, keras_files)}


def main() -> None:
    """Carry out the order on the command line and print the figures, if it asks for any."""
    task, setting = from_json(sys.argv[1])
    choose_device(setting.device)
    print(json.dumps(MEASURES[task.kind](task, setting)))


if __name__ == "__main__":
    main()
