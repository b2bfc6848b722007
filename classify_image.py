"""Name what is in pictures.

    python classify_image.py --image images/coffee.png
    python classify_image.py --image x.jpg --model resnet50
    python classify_image.py --image a.jpg b.png photos/ --model xception --top-k 3 --annotate annotated/
    python classify_image.py --list-models

Exit codes: 0 all fine, 1 some pictures failed, 2 wrong usage or something missing, 130 interrupted.
"""

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence

import defaults
from arguments import (
    EXIT_FAILED_INPUTS,
    EXIT_OK,
    ArgumentParser,
    add_input_options,
    add_message_options,
    add_model_options,
    cache_folder,
    check_model_options,
    configure_messages,
    positive_int,
    run_script,
)
from engines import check_classes
from errors import ImageError
from labels import ClassLabel, read_labels
from outputs.text import TextOutput, printable
from results import Result

logger = logging.getLogger("suite")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read and check the command line, in a fraction of a second."""
    parser = ArgumentParser(__doc__)
    add_input_options(parser)
    add_model_options(parser)
    group = parser.add_argument_group("output")
    group.add_argument(
        "-k", "--top-k", type=positive_int, default=defaults.TOP_K, metavar="N",
        help="labels for each picture (default: %(default)s)",
    )  # fmt: skip
    group.add_argument("--annotate", metavar="DIR", help="save copies with the best label drawn on them")
    group.add_argument("--force", action="store_true", help="overwrite annotated copies that exist")
    group.add_argument("--show", action="store_true", help="show each picture with its best label in a window")
    add_message_options(parser)
    args = parser.parse_args(argv)
    if not args.image:
        parser.error("no picture given; use --image PATH")
    check_model_options(parser, args)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = parse(argv)
    configure_messages(args.quiet, args.debug)
    labels = read_labels(args.labels) if args.labels else read_labels()
    check_classes(args.weights, len(labels))
    outputs = open_outputs(args)
    failed = 0
    for result in classify_paths(args, labels):
        errors = [result.error] if result.error else write_all(outputs, result)
        for error in errors:
            logger.error("error: %s: %s", printable(result.source), error)
        failed += bool(errors)
    return EXIT_FAILED_INPUTS if failed else EXIT_OK


def classify_paths(args: argparse.Namespace, labels: Sequence[ClassLabel]) -> Iterator[Result]:
    """Classify all that --image names; the engine is loaded once a picture is there to classify."""
    from engines import LazyEngine, load_engine
    from pipeline import classify_frames
    from sources import find_images, read_frames

    engine = LazyEngine(
        lambda: load_engine(
            args.model, args.weights, len(labels), args.backend, args.device, args.precision, cache_folder(args)
        )
    )
    paths = find_images(args.image)
    frames = read_frames(paths, args.model, args.resize, args.max_pixels, args.workers, 2 * args.batch_size)
    return classify_frames(frames, engine, labels, args.top_k, args.batch_size)


def open_outputs(args: argparse.Namespace) -> list:
    """Return an object with `write(result)` for each way out that was asked for."""
    several = len(args.image) > 1 or os.path.isdir(args.image[0])
    outputs: list = [TextOutput(sys.stdout, headed=several)]
    if args.annotate:
        from outputs.annotate import AnnotatedOutput

        outputs.append(AnnotatedOutput(args.annotate, args.image, args.max_pixels, args.force))
    if args.show:
        from outputs.window import WindowOutput, why_no_window

        if reason := why_no_window():
            logger.warning("--show cannot open a window: %s; --annotate DIR saves the pictures instead", reason)
        else:
            outputs.append(WindowOutput(args.max_pixels))
    return outputs


def write_all(outputs: list, result: Result) -> list[str]:
    """Hand a result to every output; return what went wrong, which keeps no other from its share."""
    errors = []
    for output in outputs:
        try:
            output.write(result)
        except ImageError as error:
            errors.append(str(error))
    return errors


if __name__ == "__main__":
    sys.exit(run_script(main))
