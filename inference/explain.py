"""Where in a picture a classifier sees a class."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from engines import LazyEngine
from engines.runtime import Runtime
from errors import UsageError
from networks import Network
from networks.own import OwnModel
from networks.weights import Weights
from settings import EXPLAIN_METHODS, check_choice
from transforms import Transform

OCCLUDED = 7  # places that are covered, in each direction, with the mean colour
NOT_POOLED_ALONE = ("vgg16", "vgg19", "convnext")  # Keras modules whose networks end in more than pooling
NOT_POOLED = (
    *NOT_POOLED_ALONE,
    "mobilenet_v3",
)  # with their own last layers


class Explainer:
    """Computes a classifier's probabilities and, of any picture that it has seen, the heat of a class.

    With "cam" and "grad-cam" (see `networks.heat`) a picture is computed once, with "occlusion" (Zeiler 2014) once
    more for each place that is covered. Nothing is loaded before the first picture. Raises UsageError for a
    method that the network does not allow.
    """

    def __init__(self, network: Network, weights: Weights, runtime: Runtime, method: str = "auto") -> None:
        self.method = choose_method(network, method)
        self._classes = network.classes or 0
        part = "whole" if self.method == "occlusion" else "maps"
        self.engine = LazyEngine(replace(network, part=part), weights, runtime)
        self._is_single = len(network.backbones) == 1
        self._heat = LazyEngine(replace(network, part="channels" if self._is_single else "heat"), weights, runtime)
        self._channels: dict[int, np.ndarray] = {}  # of pooled networks, whose weights are those of any picture

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probabilities, float32 [classes], among what `engine` says of one picture."""
        return outputs[: self._classes]

    def heat(self, square: np.ndarray, outputs: np.ndarray, classes: Sequence[int]) -> np.ndarray:
        """Return where each class is seen in a square, uint8 RGB [S, S, 3]: float32 [len(classes), G, G], 0 to 1.

        `outputs` is what `engine` says of that square. A class that is seen nowhere gives zeros.
        """
        if self.method == "occlusion":
            heat = self._occlude(square, outputs, classes)
        else:
            heat = np.stack([self._weigh(outputs[self._classes :], index) for index in classes])
        grid = round(heat.shape[1] ** 0.5)
        heat = heat.reshape(-1, grid, grid).astype(np.float32)
        largest = heat.max(axis=(1, 2), keepdims=True)
        return np.divide(heat, largest, out=np.zeros_like(heat), where=largest > 0)

    def _weigh(self, maps: np.ndarray, index: int) -> np.ndarray:
        """Return a class's heat, float32 [places], unscaled, from the feature maps of a picture."""
        if index in self._channels:
            channels = self._channels[index]
        else:
            channels = self._heat.predict(np.append(maps, np.float32(index))[None])[0]
            if not self._is_single:
                return channels
            if self.method == "cam":
                self._channels[index] = channels
        return np.maximum(maps.reshape(-1, len(channels)) @ channels, 0)

    def _occlude(self, square: np.ndarray, outputs: np.ndarray, classes: Sequence[int]) -> np.ndarray:
        """Return how much of each class's probability is lost when a place is covered, [len(classes), places]."""
        edges = np.linspace(0, len(square), OCCLUDED + 1).round().astype(int)
        margin = len(square) // (2 * OCCLUDED)
        covered = np.repeat(square[None], OCCLUDED**2, axis=0)
        for place in range(OCCLUDED**2):
            row, column = divmod(place, OCCLUDED)
            top, left = max(0, edges[row] - margin), max(0, edges[column] - margin)
            covered[place, top : edges[row + 1] + margin, left : edges[column + 1] + margin] = square.mean(
                axis=(0, 1)
            ).round()
        lost = outputs[list(classes)] - self.engine.predict(covered)[:, list(classes)]
        return np.maximum(lost.T, 0)


def choose_method(network: Network, method: str) -> str:
    """Return "cam", "grad-cam" or "occlusion"; raises UsageError for a method that the network does not allow."""
    check_choice("explain_method", method, EXPLAIN_METHODS)
    for own in network.backbones:
        if isinstance(own, OwnModel) and own.outline.explained == "occlusion":
            if method not in ("auto", "occlusion"):
                raise UsageError(f"{method} has no gradient of the last layers of {own.name}; use occlusion")
            return "occlusion"
    if method == "auto":
        return "cam" if is_pooled(network) else "grad-cam"
    if method == "cam" and not is_pooled(network):
        raise UsageError(
            f"cam is for networks that end in pooling and one dense layer, and {network.name} does not; use grad-cam"
        )
    return method


def is_pooled(network: Network) -> bool:
    """Return whether a network ends in global average pooling and one dense layer."""
    not_pooled = NOT_POOLED if network.head is None else NOT_POOLED_ALONE
    is_linear = network.head is None or network.head.kind == "linear"
    return is_linear and all(
        spec.outline.explained == "cam" if isinstance(spec, OwnModel) else not spec.module.endswith(not_pooled)
        for spec in network.backbones
    )


def spread(heat: np.ndarray, transform: Transform, width: int, height: int) -> np.ndarray:
    """Lay a square's heat, float32 [G, G], over the upright picture: float32 [height, width], 0 where not seen."""
    left, top, right, bottom = transform.box(width, height)
    across, down = heat.shape[1] / (right - left), heat.shape[0] / (bottom - top)
    edged = Image.fromarray(np.pad(heat, 1, mode="edge"))  # else there is nothing to interpolate with at the edge
    places = (across, 0, 1 - left * across, 0, down, 1 - top * down)
    whole = np.array(edged.transform((width, height), Image.Transform.AFFINE, places, Image.Resampling.BILINEAR))
    columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
    is_seen = np.outer((rows >= top) & (rows <= bottom), (columns >= left) & (columns <= right))
    return np.where(is_seen, whole, np.float32(0))
