"""Random networks in every form that Keras saves: `python save_networks.py FOLDER PICTURE`.

mobilenet_1_0_224_tf.h5   MobileNet as Keras's own downloads are, and under their name; it finds class 7 in all pictures
own.*                     MobileNetV2 for 3 classes in all forms of a weights file
own_scores.npy            its probabilities for the picture, float32 [1, 3]
hostile.keras             the same with a Lambda layer that writes hostile.txt when it is built
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import h5py
import keras
import numpy as np

from models import find_model
from networks import Network
from preprocess import read_square


def main(folder: Path, picture: str) -> None:
    network = keras.applications.MobileNet(weights=None)
    network.get_layer("conv_preds").bias.assign(20 * np.eye(1000)[7])
    save_legacy_weights(network, folder / "mobilenet_1_0_224_tf.h5")
    network = keras.applications.MobileNetV2(weights=None, classes=3)
    spec = find_model("mobilenet_v2")
    inputs = spec.preprocess_input(read_square(picture, Network((spec,)).transform())[None].astype("float32"))
    sharpen(network, inputs)
    np.save(folder / "own_scores.npy", network.predict(inputs, verbose=0))
    save_legacy_weights(network, folder / "own.h5")
    network.save(folder / "own.whole.h5")
    network.save_weights(folder / "own.weights.h5")
    network.save(folder / "own.keras")
    save_hostile(network, folder)


def sharpen(network: keras.Model, inputs: np.ndarray) -> None:
    """Scale the last layer, which finds all classes alike when its weights are random."""
    kernel, bias = network.layers[-1].get_weights()
    logits = keras.Model(network.input, network.layers[-1].input).predict(inputs, verbose=0) @ kernel
    network.layers[-1].set_weights([kernel / logits.std(), bias])


def save_legacy_weights(network: keras.Model, path: Path) -> None:
    """Keras 2's save_weights("x.h5"): the part of a whole-model file that holds the weights."""
    network.save(path)
    with h5py.File(path, "a") as file:
        weights = file["model_weights"]
        for name in list(weights):
            file.move(f"model_weights/{name}", name)
        file.attrs.update(weights.attrs)
        del file["model_weights"], file.attrs["model_config"]


def save_hostile(network: keras.Model, folder: Path) -> None:
    marker = folder / "hostile.txt"
    trap = keras.layers.Lambda(lambda x, path: [open(path, "w").close(), x][1], arguments={"path": str(marker)})
    keras.Model(network.input, trap(network.output)).save(folder / "hostile.keras")
    marker.unlink()
    keras.models.load_model(folder / "hostile.keras", safe_mode=False)
    marker.unlink()  # or the file is harmless and the test of it worthless


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
