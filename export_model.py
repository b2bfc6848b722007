"""Take a model elsewhere: into an app, a browser, a server, another framework.

    python export_model.py --format onnx --output exported/
    python export_model.py --model runs/pets --format onnx litert --output exported/
    python export_model.py --model resnet50 --format openvino saved_model --precision float16 --output exported/
    python export_model.py --format litert --precision int8 --calibrate photos/ --output exported/

Every file takes uint8 pictures, RGB [N, S, S, 3], and gives probabilities: preprocessing is inside. labels.txt and
model.json lie beside it. Each file is run in its own runtime on pictures and compared with the suite's own
scores; if they differ by more than is allowed, nothing is left.

Exit codes: 0 all fine, 2 wrong usage, something missing or a difference that is too large, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import os
    import sys

    if sys.flags.safe_path:  # python -I and -P hide the folder of the suite
        sys.path.insert(0, os.path.dirname(__file__))
        os.environ.pop("PYTHONSAFEPATH", None)  # for the processes that it starts
    import interrupts

    interrupts.exit_at_once()

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arguments.kinds import positive
from arguments.options import add_message_options, add_option, add_options
from arguments.parser import ArgumentParser
from arguments.values import check_preprocess_is_used, classifier_from
from classifiers import Classifier
from console import EXIT_OK, configure_messages, logger, run_script
from console.text import printable
from engines.runtime import Runtime
from errors import UsageError
from exporting.formats import CALIBRATED, FLOAT32, FORMATS, PRECISIONS, TOLERANCES, check_format, check_size
from exporting.output import CARD_FILE, check_output
from files import cache_folder

if TYPE_CHECKING:
    import numpy as np

SHIPPED = Path(__file__).resolve().parent / "images"
MOST_PICTURES = 1000  # to compare on, or to calibrate with: they are all in memory


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    group = parser.add_argument_group("model")
    add_options(group, "--model", "--list-models", "--weights", "--labels", "--preprocess")
    add_options(group, "--resize", "--cache-dir", "--no-cache")
    group = parser.add_argument_group("export")
    group.add_argument(
        "--format", nargs="+", choices=tuple(FORMATS), required=True, metavar="NAME",
        help=f"formats to write: {', '.join(FORMATS)}",
    )  # fmt: skip
    group.add_argument(
        "--precision", nargs="+", choices=PRECISIONS, default=[FLOAT32], metavar="NAME",
        help=f"{', '.join(PRECISIONS)}; the last two are LiteRT's. float32 is measured beside them (default: float32)",
    )  # fmt: skip
    add_option(group, "--output", metavar="DIR", required=True, help="the folder to write to")
    add_option(group, "--force", help="replace the export that DIR holds")
    group = parser.add_argument_group("proof")
    group.add_argument(
        "-i", "--image", "--images", nargs="+", action="extend", metavar="PATH",
        help="pictures that all scores are compared on (default: those in images/)",
    )  # fmt: skip
    group.add_argument(
        "--calibrate", nargs="+", metavar="PATH",
        help="pictures like those to come, 100 or so, which int8 takes its ranges from",
    )  # fmt: skip
    allowed = ", ".join(f"{value:g} in {name}" for name, value in TOLERANCES.items())
    group.add_argument(
        "--tolerance", type=positive, metavar="X",
        help=f"the largest difference of a probability that is allowed (default: {allowed})",
    )  # fmt: skip
    add_options(group, "--max-pixels", "--workers")
    add_message_options(parser)
    return parser


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Classifier]:
    """Read and check the command line, in a fraction of a second."""
    parser = make_parser()
    args = parser.parse_args(argv)
    args.format, args.precision = tuple(dict.fromkeys(args.format)), tuple(dict.fromkeys(args.precision))
    if (args.calibrate is not None) != (CALIBRATED in args.precision):
        parser.error("--precision int8 needs --calibrate PICTURES, and nothing else does")
    if args.weights == "none":
        parser.error(
            "--weights none: random weights are others each time, so an export of them means nothing; "
            "to try a format, save some with Keras's save_weights and give their file"
        )
    for name in args.format:
        check_format(FORMATS[name], args.precision)
    check_output(Path(args.output), args.force)
    runtime = Runtime(workers=args.workers, cache_dir=cache_folder(args.cache_dir, not args.no_cache))
    check_preprocess_is_used([args.model], args.preprocess)
    classifier = classifier_from(args, args.model, runtime)
    for name in args.format:
        check_size(FORMATS[name], classifier.name, sum(spec.parameters for spec in classifier.network.backbones))
    return args, classifier


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args, classifier = parse(argv)
    configure_messages(args.quiet, args.debug)
    from exporting.run import Plan, export
    from exporting.table import HEADING, line

    squares = read_squares(args.image or [str(SHIPPED)], classifier)
    calibration = read_squares(args.calibrate, classifier) if args.calibrate else squares[:0]
    formats = tuple(FORMATS[name] for name in args.format)
    plan = Plan(classifier, formats, args.precision, Path(args.output), squares, calibration, args.tolerance)
    logger.info("pictures to compare on: %d; each format takes some seconds to a minute", len(squares))
    print(HEADING, flush=True)
    export(plan, lambda proof: print(line(proof), flush=True))
    print(f"{printable(classifier.name)} is in {printable(args.output)}; {CARD_FILE} says what it takes")
    return EXIT_OK


def read_squares(pictures: Sequence[str], classifier: Classifier) -> "np.ndarray":
    """Return pictures as the squares that a model takes, uint8 RGB [N, S, S, 3]; raises UsageError without one."""
    import itertools

    import numpy as np

    from sources.frames import read_frames
    from sources.pictures import find_pictures

    found = itertools.islice(find_pictures(list(pictures)), MOST_PICTURES)
    squares = []
    for frame in read_frames(found, classifier.transform, classifier.runtime.workers):
        if frame is None:
            continue
        if frame.square is None:
            logger.error("error: %s: %s", printable(frame.source), frame.error)
        else:
            squares.append(frame.square)
    if not squares:
        raise UsageError(f"no picture can be read in {' '.join(map(printable, pictures))}")
    return np.stack(squares)


if __name__ == "__main__":
    sys.exit(run_script(main))
