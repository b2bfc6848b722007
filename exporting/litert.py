"""LiteRT, which was TensorFlow Lite: model.tflite for phones, boards and browsers."""

from collections.abc import Callable, Iterator

import numpy as np

from exporting.order import Order


def write(order: Order) -> None:
    """Write the file, with the labels in its metadata as Android's and MediaPipe's tasks read them."""
    from exporting.litert_metadata import with_metadata

    order.path.write_bytes(with_metadata(_converted(order), order.metadata))


def _converted(order: Order) -> bytes:
    import tensorflow as tf

    from exporting.graph import Served

    served = Served(order)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([served.serve.get_concrete_function()], served)
    if order.precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if order.precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if order.precision == "int8":
        converter.representative_dataset = lambda: _one_by_one(order.squares)
    return converter.convert()


def _one_by_one(squares: np.ndarray) -> Iterator[list[np.ndarray]]:
    return ([square[None]] for square in squares)


def load(order: Order) -> Callable[[np.ndarray], np.ndarray]:
    """Return what runs it on the CPU, with as many threads as there are cores."""
    import os

    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(order.path), num_threads=os.cpu_count())
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(squares: np.ndarray) -> np.ndarray:
        if tuple(interpreter.get_input_details()[0]["shape"]) != squares.shape:
            interpreter.resize_tensor_input(source, squares.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(source, squares)
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return run
