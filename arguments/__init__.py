"""Options that the scripts share, declared once."""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

import settings
from console import EXIT_USAGE
from engines import BACKENDS, BUILT_IN_WEIGHTS, PRECISIONS, require_backend, user_cache_folder
from engines.weights_file import check_weights_file
from errors import UsageError
from models import ModelSpec, find_model, match_models
from sources.paths import split_paths
from trained import Spec, TrainedSpec, find_spec

VERSION = "0.1.0"
MAX_INT = 2**31 - 1
STDIN = "-"  # among the paths of --image


class ArgumentParser(argparse.ArgumentParser):
    """Help that opens with the script's examples, and errors that suggest the option meant."""

    def __init__(self, description: str) -> None:
        super().__init__(usage="%(prog)s [options]", formatter_class=_HelpFormatter, allow_abbrev=False)
        self.opening = description.strip()

    def format_help(self) -> str:
        """Return the script's docstring, which shows the commands, and then the options."""
        return f"{self.opening}\n\n{super().format_help()}"

    def error(self, message: str) -> NoReturn:
        """Print one line that says what to do, and exit with 2."""
        if message.startswith("unrecognized arguments: --"):
            given = message.partition(": ")[2].split()[0].partition("=")[0]
            close = difflib.get_close_matches(given, self._option_string_actions, n=1)
            message += f"; did you mean {close[0]}?" if close else ""
        where = "" if "(see " in message else " (see --help)"
        self.exit(EXIT_USAGE, f"error: {message}{where}\n")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Which pictures, and how they are made to fit the model."""
    group = parser.add_argument_group("input")
    group.add_argument(
        "-i", "--image", nargs="+", action="extend", metavar="PATH",
        help="pictures, folders of them, patterns such as 'photos/**/*.jpg'; - reads paths from stdin, one a line",
    )  # fmt: skip
    group.add_argument(
        "-0", "--null", action="store_true", help="paths on stdin end in a NUL character, not in a line end"
    )
    add_reading_options(group)


def add_reading_options(group: argparse._ActionsContainer) -> None:
    """How pictures are read and made squares."""
    group.add_argument(
        "--resize", choices=settings.RESIZE_MODES,
        help="crop: the model's published evaluation; stretch: what the tutorials did; pad: keep everything "
        "(default: crop, or what a trained model was trained with)",
    )  # fmt: skip
    group.add_argument(
        "--max-pixels", type=positive_int, default=settings.MAX_PIXELS, metavar="N",
        help="refuse larger pictures (default: %(default)s)",
    )  # fmt: skip
    add_workers_option(group)


def named_images(args: argparse.Namespace) -> list[str | Iterator[str]]:
    """Return what --image names, with the stream of paths on stdin in the place of "-"."""
    return [_stdin_paths(args.null) if path == STDIN else path for path in args.image]


def _stdin_paths(null: bool) -> Iterator[str]:
    if sys.stdin is None:
        raise UsageError("--image - reads paths from stdin, which is closed")
    return split_paths(partial(os.read, sys.stdin.fileno()), b"\0" if null else b"\n")


def add_workers_option(group: argparse._ActionsContainer) -> None:
    """How many threads decode."""
    group.add_argument(
        "-j", "--workers", type=positive_int, default=settings.WORKERS, metavar="N",
        help="threads that decode pictures (default: the number of cores, at most 4)",
    )  # fmt: skip


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model, with which weights and labels, computed where."""
    group = parser.add_argument_group("model")
    add_network_options(group)
    group.add_argument(
        "--weights", metavar="FILE",
        help="a .h5, .weights.h5 or .keras file, imagenet, or none for random weights (default: imagenet)",
    )  # fmt: skip
    group.add_argument("--labels", metavar="FILE", help="class names, one a line (default: ImageNet's 1,000)")
    add_engine_options(group)
    group.add_argument(
        "--cache-dir", metavar="DIR", help="where OpenVINO's compiled models are kept (default: the user's cache)"
    )
    group.add_argument("--no-cache", action="store_true", help="neither use nor keep compiled models")


def add_network_options(group: argparse._ActionsContainer, several: bool = False, trained: bool = True) -> None:
    """Which model of the registry, or with `trained` of one's own; with `several`, which models."""
    or_folder = ", or the folder of a trained one" if trained else ""
    group.add_argument(
        "-m", "--model", type=model if trained else registry_model, metavar="NAME",
        **_values(find_model(settings.MODEL), several),
        help=f"a model of the registry{or_folder} (default: {settings.MODEL}, whose weights are installed already)",
    )  # fmt: skip
    group.add_argument(
        "--list-models", nargs="?", const="*", action=_ListModels, metavar="PATTERN",
        help="print the registry, or the models that match, and exit",
    )  # fmt: skip


def add_engine_options(group: argparse._ActionsContainer, several: bool = False) -> None:
    """What computes, where, in what precision and how much at once; with `several`, all but where are lists."""
    group.add_argument(
        "--backend", choices=BACKENDS, **_values(os.environ.get("KERAS_BACKEND") or "auto", several),
        help="what computes (default: $KERAS_BACKEND, else auto: TensorFlow on a GPU that it sees, or OpenVINO)",
    )  # fmt: skip
    group.add_argument(
        "--device", type=device, default="auto", metavar="auto|cpu|gpu|gpu:N", help="where (default: auto)"
    )
    group.add_argument(
        "--precision", choices=PRECISIONS, **_values("float32", several),
        help="what is computed in, where the device can (default: float32)",
    )  # fmt: skip
    group.add_argument(
        "-b", "--batch-size", type=positive_int, metavar="N", **_values(settings.BATCH_SIZE, several),
        help=f"pictures computed at once (default: {settings.BATCH_SIZE})",
    )  # fmt: skip


def _values(default: object, several: bool) -> dict:
    return {"default": [default], "nargs": "+"} if several else {"default": default}


def add_message_options(parser: argparse.ArgumentParser) -> None:
    """How much the script says besides its results."""
    group = parser.add_argument_group("messages")
    group.add_argument("-q", "--quiet", action="store_true", help="say nothing but results, warnings and errors")
    group.add_argument("--debug", action="store_true", help="show tracebacks and what the libraries say")
    group.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")


def check_model_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what argparse cannot judge by itself, before anything heavy is imported.

    Also fill in what depends on the model: a trained one brings its weights, labels and way to resize.
    """
    check_default_backend(parser, args.backend)
    if args.backend != "auto":
        require_backend(args.backend)
    if isinstance(args.model, TrainedSpec):
        for option in ("weights", "labels"):
            if given := vars(args)[option]:
                parser.error(f"--{option} {given} cannot go with --model {args.model.name}, which brings its own")
        args.weights, args.labels = str(args.model.weights_file), str(args.model.labels_file)
    args.weights = args.weights or "imagenet"
    if "resize" in args and args.resize is None:
        args.resize = args.model.resize if isinstance(args.model, TrainedSpec) else "crop"
    if args.weights not in BUILT_IN_WEIGHTS:
        check_weights_file(args.weights)


def check_default_backend(parser: argparse.ArgumentParser, backend: str) -> None:
    """Refuse a backend that argparse did not check, because it comes from the environment."""
    if backend not in BACKENDS:
        parser.error(f"KERAS_BACKEND={backend} is not one of {', '.join(BACKENDS)}")


def cache_folder(args: argparse.Namespace) -> Path | None:
    """Return where compiled models are kept: --cache-dir, or the platform's place for caches."""
    if args.no_cache:
        return None
    if args.cache_dir:
        return Path(args.cache_dir)
    return user_cache_folder()


def model(name: str) -> Spec:
    """Argument type: a registry row by its name, or a trained model by its folder."""
    try:
        return find_spec(name)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def registry_model(name: str) -> ModelSpec:
    """Argument type: a registry row by its name."""
    try:
        return find_model(name)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive_int(text: str) -> int:
    """Argument type: a whole number from 1."""
    if not text.isdecimal() or not 1 <= int(text) <= MAX_INT:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1")
    return int(text)


def probability(text: str) -> float:
    """Argument type: a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1 (0.85 is 85 %)")
    return value


def device(text: str) -> str:
    """Argument type: auto, cpu, gpu or gpu:N."""
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not auto, cpu, gpu or gpu:N")
    return text


class _ListModels(argparse.Action):
    def __call__(self, parser, namespace, pattern, option_string=None):
        specs = match_models(pattern)
        if not specs:
            parser.error(f"no model matches '{pattern}'")
        print(format_models(specs))
        parser.exit()


def format_models(specs: Sequence[ModelSpec]) -> str:
    """Lay out registry rows as a table for the terminal."""
    lines = [
        f"{'name':20} {'Keras class':18} {'input':>5} {'top-1':>6} {'top-5':>6} {'parameters':>12} {'download':>9}"
    ]
    for spec in specs:
        top5 = f"{spec.top5:.1f} %" if spec.top5 else "-"
        download = f"{spec.download_mb:,} MB" if spec.needs_download else "installed"
        lines.append(
            f"{spec.name:20} {spec.class_name:18} {spec.input_size:5} {spec.top1:4.1f} % {top5:>6} "
            f"{spec.parameters:12,} {download:>9}"
        )
    return "\n".join(lines)
