"""TensorFlow's SavedModel, which TensorFlow Serving and the C++ and Java APIs load."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from classifiers.folder import LABELS_FILE
from exporting.order import Order


def write(order: Order) -> None:
    """Write the folder, with the labels among its assets."""
    from exporting.graph import Served  # imports Keras

    served = Served(order, is_halved=order.precision == "float16")
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder, LABELS_FILE)
        labels.write_text(order.metadata["labels"], encoding="utf-8", newline="\n")
        served.labels = tf.saved_model.Asset(str(labels))
        tf.saved_model.save(served, str(order.path), signatures={"serving_default": served.serve})


def load(order: Order) -> Callable[[np.ndarray], np.ndarray]:
    """Return what runs it as a server does, by its signature."""
    loaded = tf.saved_model.load(str(order.path))
    serve = loaded.signatures["serving_default"]
    serve.model = loaded  # or its variables would be gone
    return lambda squares: serve(pixels=tf.constant(squares))["probabilities"].numpy()
