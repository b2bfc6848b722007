"""How deep fine-tuning reaches into a backbone, and where the backbone is cut for it."""

from dataclasses import dataclass

import keras

from networks.cut import find_cuts, size_at

LEAST_SHARE_BELOW = 0.3  # of a network's operations, for a cut to save more than keeping what goes through it costs

PADDED = 1.5  # a feature map that is larger by less is of the same resolution, with zeros around it


@dataclass(frozen=True)
class Depth:
    """What is trained of a backbone: its last layers."""

    layers: int
    cut: int | None  # below them, as `networks.cut` counts; None: there is none that saves anything


def last_layers(network: keras.Model, count: int) -> Depth:
    """Return the last `count` layers, as the user has counted them."""
    layers = network.layers[len(network.layers) - count :] if count < len(network.layers) else network.layers
    trained = [layer for layer in layers if _is_trained(layer)]
    return Depth(count, _cut_below(network, trained[0]) if trained else None)


def last_stage(network: keras.Model) -> Depth:
    """Return the blocks of the last resolution, beginning with the one that halves the feature map before.

    This is what the networks have in common, whatever they call their blocks: there lie a third to three quarters of
    the weights, those that are closest to ImageNet's classes, and about a third of the work. A network of one's own
    that has but one resolution, or no feature maps, is trained whole.
    """
    operations = network.operations
    sides = [_side(operation) for operation in operations if _is_trained(operation) and _side(operation)]
    larger = [index for index, operation in enumerate(operations) if sides and _side(operation) > PADDED * sides[-1]]
    trained = [operation for operation in operations[max(larger, default=-1) + 1 :] if _is_trained(operation)]
    if not trained:
        return Depth(len(network.layers), None)
    first = trained[0]
    cut = _cut_below(network, first)
    start = operations.index(first) if cut is None else len(operations) - cut
    return Depth(sum(isinstance(operation, keras.Layer) for operation in operations[start:]), cut)


def _is_trained(operation: keras.Operation) -> bool:
    is_norm = isinstance(operation, keras.layers.BatchNormalization | keras.layers.Normalization)
    return isinstance(operation, keras.Layer) and bool(operation.trainable_weights) and not is_norm


def _side(operation: keras.Operation) -> int:
    shape: tuple[int, ...] = getattr(operation.output, "shape", ())  # some operations have several outputs
    return shape[1] if len(shape) == 4 else 0


def _cut_below(network: keras.Model, first: keras.Layer) -> int | None:
    """Return the cut below a layer at the last block's end, where fewer numbers go through than inside of a block."""
    operations = network.operations
    here = operations.index(first)
    best = None
    for cut in reversed(find_cuts(network)):
        place = len(operations) - 1 - cut
        if place >= here:
            continue
        if best is None or size_at(network, cut) < size_at(network, best):
            best = cut
        elif any(map(_is_trained, operations[place + 1 : len(operations) - best])):
            break  # further away, it would only leave more to train
    if best is None or 1 - best / len(operations) < LEAST_SHARE_BELOW:
        return None
    return best
