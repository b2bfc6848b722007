"""Ask several models about the same pictures, side by side.

    python compare_models.py --image images/ --model efficientnet_lite0 efficientnet_lite2
    python compare_models.py --image photos/ --model resnet50 xception vgg16 --ensemble --figure compare.html
    python compare_models.py --image photos/*.jpg --model resnet50 runs/pets --format csv --output compare.csv

For each picture the best label and score of each model, and whether they differ; at the end the
computing time per picture, and how often each two models agree. --figure shows each picture beside
the models' best labels as bars. Every model gives the answers that it gives in classify_image.py.

Exit codes: 0 all fine, 1 some pictures failed, 2 wrong usage or something missing, 130 interrupted.
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
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import settings
from arguments.options import add_input_options, add_message_options, add_models_options, add_option
from arguments.parser import ArgumentParser
from arguments.values import STDIN, classifiers_from, count_of, named_images, no_picture, search_of
from classifiers import Classifier
from console import EXIT_FAILED_INPUTS, EXIT_OK, configure_messages, logger, run_script
from console.progress import Progress
from console.text import printable
from errors import UsageError
from outputs.formats import FORMATS, format_of
from outputs.overwrite import check_is_no_picture

if TYPE_CHECKING:
    from comparison.agreement import Tally
    from comparison.outputs import Output
    from pipeline.panel import Panel


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    add_input_options(parser)
    add_models_options(parser)
    group = parser.add_argument_group("output")
    top_k_help = "labels for each picture and model, in CSV, JSON Lines and the figure (default: %(default)s)"
    add_option(group, "--top-k", help=top_k_help)
    add_option(group, "--output", help="write the table to a file (default: to stdout)")
    add_option(group, "--format", choices=FORMATS, help="format of the table (default: what FILE ends in, or text)")
    group.add_argument(
        "--figure",
        type=figure_file,
        metavar="FILE",
        help="draw each picture beside the models' labels as bars, in a file that ends in .png, .svg or .html",
    )  # fmt: skip
    add_option(group, "--force", help="overwrite FILE and the figure if they exist")
    add_message_options(parser)
    return parser


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, list[Classifier]]:
    """Read and check the command line, in a fraction of a second."""
    parser = make_parser()
    args = parser.parse_intermixed_args(argv)
    if not args.image:
        parser.error(no_picture(args))
    if args.output == STDIN:
        args.output = None
    args.format = args.format or (format_of(args.output) if args.output else "text")
    return args, classifiers_from(args)


def figure_file(path: str) -> str:
    """Argument type: a file whose name says what kind of figure it is."""
    if os.path.splitext(path)[1].lower() not in settings.FIGURE_PICTURES:
        raise argparse.ArgumentTypeError(f"'{path}' must end in {', '.join(settings.FIGURE_PICTURES)}")
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args, classifiers = parse(argv)
    configure_messages(args.quiet, args.debug)
    check_files(args)
    from comparison.agreement import Tally
    from pipeline.panel import Panel

    panel = Panel(classifiers, args.ensemble, is_timed=True)
    tally = Tally(panel.names, panel.labels, panel.decision_thresholds[: len(classifiers)])
    outputs = open_outputs(args, panel)
    reason = ""
    try:
        compare_all(args, panel, tally, outputs)
    except KeyboardInterrupt:
        reason = f"what is written is of the first {tally.pictures:,} pictures"
    for output in outputs:
        output.finish(tally, panel.seconds_per_picture())
    if reason:
        raise KeyboardInterrupt(reason)
    return EXIT_FAILED_INPUTS if tally.failed else EXIT_OK


def compare_all(args: argparse.Namespace, panel: "Panel", tally: "Tally", outputs: Sequence["Output"]) -> None:
    """Hand each picture's row to the outputs as soon as all models have answered."""
    from inference.loop import PATIENCE
    from sources.pictures import find_pictures

    images, search = named_images(args), search_of(args)
    on_terminal = not args.output and sys.stdout.isatty()
    with Progress(
        is_shown=sys.stderr.isatty() and not on_terminal and not args.quiet,
        count=count_of(args, search),
    ) as progress:
        for answer in panel.answer(find_pictures(images, search), PATIENCE, keep=args.figure is not None):
            row = tally.add(answer, args.top_k)
            for output in outputs:
                output.write(answer.frame, row, panel.seconds_per_picture())
            progress.add(failed=bool(row.error))
            if row.error and not (on_terminal and args.format == "text"):
                logger.error("error: %s: %s", printable(row.path), row.error)


def open_outputs(args: argparse.Namespace, panel: "Panel") -> list["Output"]:
    """Return the ways out; none touches its file before the first row is there."""
    from comparison.outputs import TableOutput
    from comparison.tables import TABLES

    outputs: list[Output] = [TableOutput(args.output, TABLES[args.format](panel.names, args.top_k))]
    if args.figure:
        from comparison.figure import CompareFigure

        outputs.append(CompareFigure(args.figure, args.top_k, args.max_pixels))
    return outputs


def check_files(args: argparse.Namespace) -> None:
    """Raise UsageError before anything is computed when a file exists, or cannot be written."""
    for option, path in (("--output", args.output), ("--figure", args.figure)):
        if not path:
            continue
        if os.path.isdir(path):
            raise UsageError(f"{option} {path} is a folder; name a file in it")
        if os.path.isfile(path) and not args.force:
            raise UsageError(f"{option} {path} exists; --force overwrites it")
        check_is_no_picture(option, path, is_figure=option == "--figure")
        folder = os.path.dirname(path) or os.curdir
        if not os.access(folder, os.W_OK):
            raise UsageError(f"{option} {path}: the folder {folder} is missing, or may not be written to")


if __name__ == "__main__":
    sys.exit(run_script(main))
