"""Where a Keras model of one's own is cut as a backbone: below its last dense layers. Imports no framework.

Its features are what these layers take: what comes out of pooling or Flatten, as a rule. A model that ends in no scores
is a backbone as a whole.
"""

from dataclasses import replace

from errors import UsageError
from networks.own_layers import (
    PASSING,
    SCALING,
    UNITS,
    WITHOUT_EFFECT,
    Layer,
    Outline,
    explained_after,
    misdescribed,
    outline_of_beginning,
    scores_of,
)

DENSE = ("Activation", "BatchNormalization", "Dense", "ELU", "LayerNormalization", "LeakyReLU", "ReLU", "Softmax")
UNTRAINED = ("CenterCrop", "InputLayer", "Resizing", *SCALING, *PASSING)


def backbone_outline_of(path: str, model: Layer) -> Outline:
    """Read a backbone's description, as `own_file.read_config` returns it; raises UsageError for what it cannot be."""
    with misdescribed(path):
        begin, layers = outline_of_beginning(path, model)
        below, tail = _cut(path, layers)
        name = f"{below[-1]['class_name']} '{below[-1]['config'].get('name', '')}'"
        if all(_is_untrained(layer) for layer in below):
            raise UsageError(
                f"{path} cannot be a backbone: {name} is all that lies below its dense layers, and gives nothing but "
                "the pixels themselves. A backbone needs layers that were trained there, such as Conv2D"
            )
        return replace(begin, features=name, tail=tail, explained=explained_after(below))


def _cut(path: str, layers: list[Layer]) -> tuple[list[Layer], int]:
    """Return the layers up to the one that gives the features, and how many lie above it and are computed."""
    try:
        scores_of(path, layers)
    except UsageError:  # the end is no scores, so it is features
        return layers, 0
    end = max(place for place, layer in enumerate(layers) if layer["class_name"] in UNITS)
    passed = (*WITHOUT_EFFECT, "InputLayer", *(DENSE if layers[end]["class_name"] == "Dense" else ()))
    while end > 1 and layers[end - 1]["class_name"] in passed:
        end -= 1
    above = [layer for layer in layers[end:] if layer["class_name"] not in (*WITHOUT_EFFECT, "InputLayer")]
    return layers[:end], len(above)


def _is_untrained(layer: Layer) -> bool:
    return layer["class_name"] in UNTRAINED or layer["class_name"].startswith("Random")
