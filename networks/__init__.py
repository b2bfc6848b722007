"""What is computed: a Network as plain data, its weights, and the Keras graphs that are built from both.

`applications.py` builds a model of the registry, `trained.py` what `train_classifier.py` makes of
such models, `openvino_graph.py` either of them for OpenVINO. Importing this package imports no framework.
"""

from dataclasses import dataclass

from errors import UsageError
from models import ModelSpec
from settings import MAX_PIXELS
from transforms import Transform

HEADS = ("linear", "mlp")
PARTS = ("whole", "features", "maps", "heat", "channels")


@dataclass(frozen=True)
class Head:
    """What turns features into probabilities: one dense layer, or two with ReLU between them."""

    kind: str = "linear"  # one of HEADS
    hidden_units: int = 256  # of an mlp
    dropout: float = 0.0  # before each dense layer


@dataclass(frozen=True)
class Network:
    """Models of the registry, and what they end with.

    Network((spec,), 1000) is the model as it was published, with its own last layer for so many
    classes. Network(specs) ends with the joined, pooled features of its backbones, and
    Network(specs, classes, Head()) with a head that was trained on those. Several backbones share
    one picture, of the largest input, or of the side `square`; those that take less make it smaller themselves. With
    `cuts`, features are not the backbones' last ones, but what goes through these cuts of them (see `networks.cut`).
    """

    backbones: tuple[ModelSpec, ...]
    classes: int | None = None  # None: features come out
    head: Head | None = None  # None: the model's own last layer, or features
    cuts: tuple[int, ...] = ()  # one for each backbone, or none at all
    square: int | None = None  # pixels; None: the side of the largest input
    part: str = "whole"  # one of PARTS: "features" are what a trained head takes, the rest is of `networks.heat`

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.backbones]
        if not names:
            raise UsageError("no backbone given; name a model of the registry (see --list-models)")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"the backbone {', '.join(twice)} is given twice; name it once")

    @property
    def name(self) -> str:
        """All names, as in "resnet50+xception"."""
        return "+".join(spec.name for spec in self.backbones)

    @property
    def input_size(self) -> int:
        """Side of the square that goes in, pixels."""
        return self.square or self._largest.input_size

    @property
    def alone(self) -> tuple["Network", ...]:
        """The features of each backbone by itself, computed from the same square."""
        sizes = {spec: None if spec.input_size == self.input_size else self.input_size for spec in self.backbones}
        cuts = [self.cuts[place : place + 1] for place in range(len(sizes))]
        return tuple(
            Network((spec,), cuts=cut, square=size) for (spec, size), cut in zip(sizes.items(), cuts, strict=True)
        )

    @property
    def _largest(self) -> ModelSpec:
        return max(self.backbones, key=lambda spec: spec.input_size)

    def transform(self, resize: str = "crop", max_pixels: int = MAX_PIXELS) -> Transform:
        """Return how a picture becomes the square that goes in; of several backbones, as the largest takes it."""
        largest = self._largest
        return Transform(largest.input_size, resize, largest.crop_fraction, largest.interpolation, max_pixels)
