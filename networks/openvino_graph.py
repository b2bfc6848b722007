"""A network as an OpenVINO graph, built by Keras on its OpenVINO backend, so that TensorFlow is not imported."""

import keras
import numpy as np
import openvino
from openvino import opset16 as opset

from networks import Network
from networks.applications import keras_configured
from networks.own import OwnModel
from networks.own_channels import ChannelsLastOnly
from networks.saved_model_graph import translate
from networks.trained import build
from networks.weights import Weights

CHANNELS_LAST_ONLY = ("convnext", "densenet", "nasnet")  # modules that raise ValueError for channels_first


def build_graph(network: Network, weights: Weights, batch: int = 1) -> openvino.Model:
    """Return the network as an OpenVINO graph: uint8 [1, S, S, 3] -> float32 [1, classes]; of a part, what it takes.

    A `batch` of -1 stands for any number of pictures.

    OpenVINO convolves channels-first. A channels-last network reaches it with two transpositions
    around each convolution, which keep it from fusing what follows: 1.3 to 4 times slower. So
    the network is built channels-first where its Keras class can be (of several, where all can).
    (Not with `model.export(format="openvino")`, which fixes a batch of 1 inside VGG's Flatten.)
    """
    spec = network.backbones[0]
    if isinstance(spec, OwnModel) and spec.is_saved_model:
        graph = translate(spec, weights.source)
        graph.reshape([batch, spec.input_size, spec.input_size, 3])
        return graph
    is_last = any(spec.module.endswith(CHANNELS_LAST_ONLY) for spec in network.backbones)
    data_format = "channels_last" if is_last else "channels_first"
    try:
        model = build(network, weights, data_format)
    except ChannelsLastOnly:
        data_format = "channels_last"
        model = build(network, weights, data_format)
    shape = model.input_shape[1:]
    inputs = opset.parameter([-1, *shape], np.dtype(model.input.dtype), name="inputs")
    with keras_configured(data_format):  # Rescaling asks for it again when it is called
        outputs = model(keras.ops.convert_to_tensor(inputs.output(0)), training=False)
    graph = openvino.Model([opset.result(outputs.output)], [inputs], network.name)
    graph.reshape([batch, *shape])
    return graph
