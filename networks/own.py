"""A Keras model of one's own: what its file says of it, as a row like those of the registry. Imports no framework."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from errors import UsageError
from models import ModelSpec, find_model
from networks.own_file import read_config
from networks.own_layers import Outline, outline_of

INSIDE = "inside"
RANGES = ("0..1", "-1..1", "none", INSIDE)  # ways to preprocess that are no network's; "none" leaves 0 to 255


@dataclass(frozen=True)
class OwnModel(ModelSpec):
    """A model in a file: its input and its end, and what its pixels have to be."""

    outline: Outline = field(default_factory=Outline)
    preprocess: str = ""  # the name of a model whose way it is, or one of RANGES; "": nobody has said it yet

    @property
    def preprocess_input(self) -> Callable:
        """Float RGB 0..255 -> what the network was trained on; importing it imports Keras."""
        from networks.own_graph import preprocess

        return partial(preprocess, self)

    @property
    def note(self) -> str:
        """What was decided for the user, or ""."""
        notes = []
        if self.outline.is_logits:
            notes.append(f"its last layer gives logits, so that a {self.outline.activation} is added")
        if self.outline.units == 1:
            notes.append("its one output is the probability of the second of two classes")
        elif self.outline.activation == "sigmoid":
            notes.append("its scores are of each class by itself, and do not add up to 1")
        if self.outline.is_preprocessed and self.preprocess not in (INSIDE, "none"):
            notes.append(f"its first layers ({self.outline.first}) seem to preprocess, and so does {self.preprocess}")
        return f"{self.name}: {'; '.join(notes)}" if notes else ""


def read_own(name: str) -> OwnModel:
    """Return the model in a file as far as its description tells; nothing is built. Raises UsageError."""
    outline = outline_of(name, read_config(name))
    return OwnModel(
        name, module="", class_name="", input_size=outline.size, crop_fraction=None, interpolation="bilinear",
        top1=0, top5=None, parameters=0, download_mb=0, outline=outline,
    )  # fmt: skip


def with_preprocess(model: OwnModel, preprocess: str | None) -> OwnModel:
    """Return the model fed as `preprocess` says, or as itself says; raises UsageError when nobody says it."""
    if preprocess is not None:
        return replace(model, preprocess=check_preprocess(preprocess))
    if model.outline.is_preprocessed:
        return replace(model, preprocess=INSIDE)
    like = model.outline.like
    hint = f"; by its layers it is like {like}, so --preprocess {like} may be right" if like else ""
    raise UsageError(
        f"{model.name} does not say which numbers it takes: its first layers ({model.outline.first}) scale nothing. "
        f"Say it with --preprocess, as it was trained: the name of a model (see --list-models), {', '.join(RANGES)}"
        f"{hint}"
    )


def check_preprocess(name: str) -> str:
    """Return a way to preprocess as it is spelt in the registry; raises UsageError for one that is not known."""
    if name in RANGES:
        return name
    try:
        return find_model(name).name
    except UsageError as error:
        hint = str(error).partition("; ")[2].partition(" (see")[0]
        raise UsageError(
            f"preprocess {name!r} is neither a model of the registry nor one of {', '.join(RANGES)}"
            f"{f'; {hint}' if hint else ''}"
        ) from error
