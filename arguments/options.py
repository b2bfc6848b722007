"""Every option that scripts share, declared once; a script adds those that it needs, in groups.

`add_option(group, "--output", metavar="DIR", help=...)` adds an option as it is declared here, but for what the
script changes of it.
"""

import argparse
import os
from typing import Any

import settings
from arguments.kinds import backbone, device, model, positive, positive_int, preprocess, registry_model, sampling
from arguments.registry import ListModels
from engines.runtime import AUTO, BACKEND_CHOICES
from models import find_model
from networks.own import RANGES

#   option          short  what argparse is told
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "--image":      ("-i", {"nargs": "+", "action": "extend", "metavar": "PATH",
                            "help": "pictures, folders of them, patterns such as 'photos/**/*.jpg', archives, videos, "
                                    "URLs, s3://bucket/photos/, camera:0; - reads such names from stdin, one a line"}),
    "--exclude":    ("",   {"nargs": "+", "action": "extend", "default": [], "metavar": "PATTERN",
                            "help": "leave out files and folders that match, such as '*.gif', raw/ or "
                                    "'photos/**/old'"}),
    "--no-ignore":  ("",   {"action": "store_true",
                            "help": "search folders that hold a .nomedia file, and those of systems such as @eaDir, "
                                    "too"}),
    "--null":       ("-0", {"action": "store_true",
                            "help": "paths on stdin end with a NUL character instead of a line end"}),
    "--every":      ("",   {"type": sampling, "metavar": "1s|30|scene",
                            "help": "which frames of a video: one every so many seconds or frames, or one of each "
                                    f"scene (default: {settings.EVERY}; of a camera, as many as can be answered)"}),
    "--video":      ("",   {"action": "store_true", "help": "take the videos in folders, too"}),
    "--timeout":    ("",   {"type": positive, "default": settings.TIMEOUT, "metavar": "SECONDS",
                            "help": "how long a server or a camera may take for a picture (default: %(default)g)"}),
    "--max-bytes":  ("",   {"type": positive_int, "default": settings.MAX_BYTES, "metavar": "N",
                            "help": "refuse larger downloads, and larger pictures in archives (default: "
                                    "%(default)s)"}),
    "--resize":     ("",   {"choices": settings.RESIZE_MODES,
                            "help": "how pictures are made square: crop as in the model's published evaluation, "
                                    "stretch as in the tutorials, pad to keep everything (default: crop, or what a "
                                    "trained model was trained with)"}),
    "--max-pixels": ("",   {"type": positive_int, "default": settings.MAX_PIXELS, "metavar": "N",
                            "help": "refuse pictures with more pixels (default: %(default)s)"}),
    "--workers":    ("-j", {"type": positive_int, "default": settings.WORKERS, "metavar": "N",
                            "help": "threads that decode pictures (default: the number of cores, at most 4)"}),
    "--model":      ("-m", {"type": model, "default": find_model(settings.MODEL), "metavar": "NAME",
                            "help": "a model of the registry, the folder of a trained classifier, or a Keras model: "
                                    "a .keras or .h5 file, or a folder with a SavedModel "
                                    f"(default: {settings.MODEL}, whose weights are installed already)"}),
    "--list-models": ("",  {"nargs": "?", "const": "*", "action": ListModels, "metavar": "PATTERN",
                            "help": "print all models, or those that match PATTERN, and exit"}),
    "--weights":    ("",   {"metavar": "FILE",
                            "help": "a .h5, .weights.h5 or .keras file, imagenet, or none for random weights "
                                    "(default: imagenet)"}),
    "--labels":     ("",   {"metavar": "FILE",
                            "help": "file of class names, one on each line (default: ImageNet's 1,000)"}),
    "--preprocess": ("",   {"type": preprocess, "metavar": "NAME|RANGE",
                            "help": "what a Keras model of one's own takes, as it was trained: that of a model, such "
                                    f"as resnet50, or {', '.join(RANGES)}"}),
    "--ensemble":   ("",   {"action": "store_true", "help": "add the mean of the models' probabilities as a model"}),
    "--backend":    ("",   {"choices": BACKEND_CHOICES,
                            "help": "the framework that computes (default: $KERAS_BACKEND, else auto: TensorFlow on "
                                    "a GPU that it sees, or OpenVINO)"}),
    "--device":     ("",   {"type": device, "default": "auto", "metavar": "auto|cpu|gpu|gpu:N",
                            "help": "where to compute (default: auto)"}),
    "--precision":  ("",   {"choices": settings.PRECISIONS, "default": "float32",
                            "help": "number format to compute in, if the device has it (default: float32)"}),
    "--batch-size": ("-b", {"type": positive_int, "default": settings.BATCH_SIZE, "metavar": "N",
                            "help": f"number of pictures that are computed at once (default: {settings.BATCH_SIZE})"}),
    "--cache-dir":  ("",   {"metavar": "DIR", "help": "where compiled models are kept (default: the user's cache)"}),
    "--no-cache":   ("",   {"action": "store_true", "help": "neither use nor keep compiled models"}),
    "--top-k":      ("-k", {"type": positive_int, "default": settings.TOP_K, "metavar": "N",
                            "help": "labels for each picture (default: %(default)s)"}),
    "--output":     ("-o", {"metavar": "FILE", "help": "write the results to a file (default: to stdout)"}),
    "--format":     ("",   {"help": "format of the results (default: what FILE ends in, or text)"}),
    "--resume":     ("",   {"action": "store_true", "help": "continue FILE where an interrupted run ended"}),
    "--force":      ("",   {"action": "store_true"}),
    "--data":       ("",   {"metavar": "DIR"}),
    "--labels-csv": ("",   {"metavar": "FILE",
                            "help": "a CSV file with the columns path, label and, where wanted, split; paths are "
                                    "relative to --data, or to the file's folder"}),
    "--cluster":    ("",   {"metavar": "local|auto|ADDRESS",
                            "help": "have Ray do the work: on all cores of this machine (local), on the cluster that "
                                    "this machine is part of (auto), or at HOST:PORT or ray://HOST:PORT"}),
    "--quiet":      ("-q", {"action": "store_true", "help": "print only results, warnings and errors"}),
    "--debug":      ("",   {"action": "store_true", "help": "show tracebacks and what the libraries say"}),
    "--version":    ("",   {"action": "version", "version": f"%(prog)s {settings.VERSION}",
                            "help": "print the version and exit"}),
}  # fmt: skip

Group = argparse._ActionsContainer


def add_option(group: Group, name: str, **changes: Any) -> None:
    """Add a shared option, with what this script changes of its declaration."""
    short, declared = OPTIONS[name]
    group.add_argument(*filter(None, (short, name)), **(declared | changes))


def add_options(group: Group, *names: str) -> None:
    """Add shared options as they are declared."""
    for name in names:
        add_option(group, name)


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Which pictures, all in `image`, whether named with --image or without; and how they are made to fit the model."""
    parser.usage = "%(prog)s [options] [PATH ...]"
    group = parser.add_argument_group("input")
    group.add_argument("image", nargs="*", action="extend", metavar="PATH", help="what to look at, as with --image")
    add_options(group, "--image", "--null")
    add_search_options(group)
    add_options(group, "--every", "--video", "--timeout", "--max-bytes")
    add_reading_options(group)


def add_search_options(group: Group) -> None:
    """What is left out where folders are searched."""
    add_options(group, "--exclude", "--no-ignore")


def add_reading_options(group: Group) -> None:
    """How pictures are read and made squares."""
    add_options(group, "--resize", "--max-pixels", "--workers")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model, with which weights and labels, computed where."""
    group = parser.add_argument_group("model")
    add_options(group, "--model", "--list-models", "--weights", "--labels", "--preprocess")
    add_engine_options(group)
    add_options(group, "--cache-dir", "--no-cache", "--cluster")


def add_models_options(parser: argparse.ArgumentParser) -> None:
    """Which models, with which weights and labels, computed where."""
    group = parser.add_argument_group("models")
    add_several_models(group)
    add_options(group, "--weights", "--labels", "--preprocess", "--ensemble")
    add_engine_options(group)
    add_options(group, "--cache-dir", "--no-cache")


def add_several_models(group: Group) -> None:
    """Which models: of the registry, and folders of trained ones."""
    add_option(group, "--model", **_several(find_model(settings.MODEL)))
    add_option(group, "--list-models")


def add_backbones(group: Group, **changes: Any) -> None:
    """Which models of the registry."""
    declared = {
        "type": registry_model,
        "help": f"a model of the registry (default: {settings.MODEL}, whose weights are installed already)",
    }
    add_option(group, "--model", **declared | changes, **_several(find_model(settings.MODEL)))
    add_option(group, "--list-models")


def add_own_backbones(group: Group) -> None:
    """Which models of the registry, and which of one's own."""
    text = (
        "a model of the registry, or the .keras or .h5 file of a Keras model (default: "
        f"{settings.MODEL}, whose weights are installed already)"
    )
    add_backbones(group, type=backbone, help=text)
    add_option(group, "--preprocess")


def add_engine_options(group: Group, several: bool = False) -> None:
    """What computes, where, in what precision and how much at once; with `several`, all but where are lists."""
    backend = os.environ.get("KERAS_BACKEND") or AUTO
    add_option(group, "--backend", **(_several(backend) if several else {"default": backend}))
    add_option(group, "--device")
    add_option(group, "--precision", **(_several("float32") if several else {}))
    add_option(group, "--batch-size", **(_several(settings.BATCH_SIZE) if several else {}))


def add_message_options(parser: argparse.ArgumentParser) -> None:
    """How much the script says besides its results."""
    add_options(parser.add_argument_group("messages"), "--quiet", "--debug", "--version")


def _several(default: object) -> dict[str, Any]:
    return {"nargs": "+", "default": [default]}
