"""A Keras model of one's own: what its file says of it, as a row like those of the registry. Imports no framework."""

import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from errors import UsageError
from files import sha256_of
from models import ModelSpec, find_model
from networks.own_backbone import backbone_outline_of
from networks.own_file import is_own, parse_kept_config, read_config
from networks.own_layers import Outline, outline_of
from networks.saved_model import saved_model_outline

INSIDE = "inside"
RANGES = ("0..1", "-1..1", "none", INSIDE)  # ways to preprocess that are no network's; "none" leaves 0 to 255


@dataclass(frozen=True)
class OwnModel(ModelSpec):
    """A model in a file: its input and its end, and what its pixels have to be."""

    outline: Outline = field(default_factory=Outline)
    preprocess: str = ""  # the name of a model whose way it is, or one of RANGES; "": nobody has said it yet
    description: str = field(default="", repr=False)  # what it is built from, as JSON; "" of a SavedModel
    sha256: str = ""  # of a backbone: of `weights_file`, or, in a trained folder, of the description

    @property
    def is_saved_model(self) -> bool:
        """Whether it is a TensorFlow graph in a folder, whose layers are gone."""
        return not self.description

    @property
    def preprocess_input(self) -> Callable:
        """Float RGB 0..255 -> what the network was trained on; importing it imports Keras."""
        from networks.own_graph import preprocess

        return partial(preprocess, self)

    @property
    def note(self) -> str:
        """What was decided for the user, or ""."""
        notes = []
        if self.outline.features:
            notes.append(f"as a backbone it ends with what {self.outline.features} gives")
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
    if os.path.isdir(name):
        return _own(name, saved_model_outline(name), "")
    config = read_config(name)
    return _own(name, outline_of(name, config), json.dumps(config))


def read_backbone(name: str) -> ModelSpec:
    """Return the backbone of that name: a model of the registry, or the one in a file, as far as it tells.

    Raises UsageError.
    """
    if not is_own(name):
        return find_model(name)
    config = read_config(name)
    outline = backbone_outline_of(name, config)
    return _own(_as_name(name), outline, json.dumps(config), weights_file=os.path.abspath(name))


def read_kept_backbone(name: str, path: str, text: bytes, preprocess: str) -> OwnModel:
    """Return the backbone that a trained folder describes in the file `path`; raises UsageError."""
    config = parse_kept_config(path, text)
    known = {"preprocess": check_preprocess(preprocess), "sha256": hashlib.sha256(text).hexdigest()}
    return _own(name, backbone_outline_of(path, config), json.dumps(config), **known)


def _own(name: str, outline: Outline, description: str, **fields: Any) -> OwnModel:
    return OwnModel(
        name, module="", class_name="", input_size=outline.size, crop_fraction=None, interpolation="bilinear",
        top1=0, top5=None, parameters=0, download_mb=0, outline=outline, description=description, **fields,
    )  # fmt: skip


def _as_name(path: str) -> str:
    """Return a file's name as layers and networks can have it."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", os.path.basename(path)).lstrip("_-.") or "own"


def told_apart(backbones: Iterable[ModelSpec], preprocess: str | None) -> tuple[ModelSpec, ...]:
    """Return backbones with all that is known of them: of those in files of one name, each has a name of its own.

    Raises UsageError when nobody says what goes into one.
    """
    found: list[ModelSpec] = []
    for spec in backbones:
        if isinstance(spec, OwnModel):
            others = {other.name for other in found if other.weights_file != spec.weights_file}
            names = (f"{spec.name}_{number}" if number > 1 else spec.name for number in itertools.count(1))
            free = next(name for name in names if name not in others)
            spec = replace(with_preprocess(spec, preprocess), name=free)
        found.append(spec)
    return tuple(found)


def with_checksum(spec: ModelSpec) -> ModelSpec:
    """Return a backbone that is known by the content of its file, if it is in one."""
    return replace(spec, sha256=sha256_of(spec.weights_file)) if isinstance(spec, OwnModel) else spec


def with_preprocess(model: OwnModel, preprocess: str | None) -> OwnModel:
    """Return the model fed as `preprocess` says, or as itself says; raises UsageError when nobody says it."""
    if preprocess is not None:
        return replace(model, preprocess=check_preprocess(preprocess))
    if model.outline.is_preprocessed:
        return replace(model, preprocess=INSIDE)
    like = model.outline.like
    hint = f"; by its layers it is like {like}, so --preprocess {like} may be right" if like else ""
    first = f"its first layers ({model.outline.first}) scale nothing" if model.outline.first else "it has no layers"
    raise UsageError(
        f"{model.name} does not say which numbers it takes: {first}. "
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
