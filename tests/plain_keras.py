"""The tutorials' way, as a reference: `python plain_keras.py FOLDER MODULE.CLASS SIZE PICTURE...`

Builds the Keras application with random weights, saves them as FOLDER/CLASS.h5, and writes the
probabilities of each picture, read with load_img(target_size=...), to FOLDER/CLASS.npy.
Give MODULE.CLASS and SIZE as often as wanted, separated by commas.
"""

import importlib
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy as np


def main(folder: str, models: str, *pictures: str) -> None:
    keras.utils.set_random_seed(0)
    for model in models.split(","):
        module_name, class_name, size = model.split(":")
        module = importlib.import_module(module_name)
        network = getattr(module, class_name)(weights=None)
        images = [keras.utils.load_img(path, target_size=(int(size), int(size))) for path in pictures]
        inputs = module.preprocess_input(np.stack([keras.utils.img_to_array(image) for image in images]))
        sharpen(network, inputs)
        network.save_weights(f"{folder}/{class_name}.weights.h5")
        np.save(f"{folder}/{class_name}.npy", network.predict(inputs, verbose=0))


def sharpen(network: keras.Model, inputs: np.ndarray) -> None:
    """Scale the last layer: to a random network all pictures are alike, which would hide differences."""
    kernel, bias = network.layers[-1].get_weights()
    features = keras.Model(network.inputs, network.layers[-1].input)(inputs).numpy()
    network.layers[-1].set_weights([kernel * 2 / (features @ kernel).std(axis=0).mean(), bias])


if __name__ == "__main__":
    main(*sys.argv[1:])
