"""Where a network can be cut in two: at the layers whose output is all that the layers behind them see.

What lies below a cut is computed once for each picture, when only what lies above it is trained.
A cut is counted in operations from the network's end, which is the same whatever its beginning is built for.
"""

import math

import keras


def find_cuts(network: keras.Model) -> list[int]:
    """Return all cuts at one output, the lowest first: how many operations lie above each."""
    operations = network.operations
    place = {id(operation): index for index, operation in enumerate(operations)}
    last_use = list(range(len(operations)))
    for index, operation in enumerate(operations):
        for source in _sources(operation):
            last_use[place[id(source)]] = index
    cuts, seen_until = [], 0  # the last operation that sees anything of those before
    for index, used in enumerate(last_use):
        if seen_until <= index and isinstance(operations[index].output, keras.KerasTensor):
            cuts.append(len(operations) - 1 - index)
        seen_until = max(seen_until, used)
    return cuts


def _sources(operation: keras.Operation) -> list[keras.Operation]:
    """Return the operations whose outputs this one takes."""
    if isinstance(operation, keras.layers.InputLayer):
        return []
    return [tensor._keras_history.operation for tensor in keras.tree.flatten(operation.input)]


def output_at(network: keras.Model, cut: int) -> keras.KerasTensor:
    """Return what goes through a cut."""
    return network.operations[-1 - cut].output


def below(network: keras.Model, cut: int) -> keras.Model:
    """Return what lies below a cut, with its output as a row: -> [N, H * W * C], channels last in any data format."""
    return keras.Model(network.inputs, keras.layers.Flatten(name="cut")(output_at(network, cut)), name=network.name)


def above(network: keras.Model, cut: int) -> keras.Model:
    """Return what lies above a cut; its layers go on being those of the network."""
    return keras.Model(output_at(network, cut), network.output, name=network.name)


def size_at(network: keras.Model, cut: int) -> int:
    """Return how many numbers go through a cut."""
    return math.prod(output_at(network, cut).shape[1:])
