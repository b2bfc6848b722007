"""Measure exports: how far scores are from the suite's, and what writing and running them costs.

    python -m benchmark.exports photos/
    python -m benchmark.exports photos/ --model vgg16 resnet50 runs/pets --weights none
    python -m benchmark.exports photos/ --model vgg16 --weights none --format onnx litert --precision float16

Each model is exported in each format by export_model.py, which compares scores on the pictures in FOLDER. `--weights
none` gives models of the registry random weights that answer differently to each picture, made for these pictures:
the proof does not ask what an answer means. Memory is the peak of the largest of the processes.

Exit codes: 0 all measured, 1 exports that failed, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import argparse
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from arguments.options import add_message_options, add_option, add_several_models
from arguments.parser import ArgumentParser
from benchmark.processes import MeasurementError, run_python
from console import EXIT_FAILED_INPUTS, EXIT_OK, configure_messages, logger, run_script
from console.text import printable
from exporting.formats import FLOAT32, FORMATS, PRECISIONS, check_format
from exporting.output import CARD_FILE
from models import MODELS

HEADING = (
    f"{'model':20} {'format':12} {'MiB':>7} {'difference':>10} {'same answer':>11} {'ms/picture':>10} "
    f"{'written, s':>10} {'memory, GiB':>11}"
)  # fmt: skip


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog, parser.usage = "python -m benchmark.exports", "%(prog)s [options] FOLDER"
    parser.add_argument("folder", metavar="FOLDER", help="pictures that scores are compared on")
    add_several_models(parser)
    add_option(parser, "--weights", choices=("imagenet", "none"), metavar="NAME", help="imagenet (default) or none")
    parser.add_argument(
        "--format", nargs="+", choices=tuple(FORMATS), default=tuple(FORMATS), metavar="NAME",
        help=f"formats to write (default: {' '.join(FORMATS)})",
    )  # fmt: skip
    parser.add_argument("--precision", choices=PRECISIONS[:2], default=FLOAT32, help="of the exports")
    add_message_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(args.quiet, args.debug)
    for name in args.format:
        check_format(FORMATS[name], (args.precision,))
    print(HEADING, flush=True)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for model, name in itertools.product(args.model, args.format):
            try:
                print(measure(args, model.name, name, Path(folder)), flush=True)
            except MeasurementError as error:
                logger.error("error: %s: %s: %s", printable(model.name), name, error)
                failed += 1
    return EXIT_FAILED_INPUTS if failed else EXIT_OK


def measure(args: argparse.Namespace, model: str, name: str, folder: Path) -> str:
    """Return the line of a model in a format; raises MeasurementError."""
    weights = folder / f"{model}.weights.h5"
    if model not in MODELS:
        options = ["--model", os.path.abspath(model)]
    elif args.weights == "none":
        if not weights.exists():
            run_python("-m", "benchmark.lively", model, str(weights), os.path.abspath(args.folder))
        options = ["--model", model, "--weights", str(weights)]
    else:
        options = ["--model", model]
    finished = run_python(
        "export_model.py", *options, "--format", name, "--precision", args.precision, "--cache-dir", str(folder),
        "--images", os.path.abspath(args.folder), "--output", str(folder / "exported"), "--force",
    )  # fmt: skip
    (proof,) = json.loads((folder / "exported" / CARD_FILE).read_bytes())["exports"]
    memory = "" if finished.peak_mib is None else f"{finished.peak_mib / 1024:.1f}"
    return (
        f"{printable(Path(model).name):20} {name:12} {proof['size'] / 2**20:7.1f} {proof['largest_difference']:10.1e} "
        f"{proof['same_answer']:11.1%} {proof['ms_per_picture']:10.1f} {proof['write_seconds']:10.1f} {memory:>11}"
    )


if __name__ == "__main__":
    sys.exit(run_script(main))
