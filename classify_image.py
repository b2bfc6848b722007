"""Name what is in pictures.

    python classify_image.py --image images/coffee.png
    python classify_image.py --image x.jpg --model resnet50
    python classify_image.py --image photos/ --model xception --top-k 3 --output results.csv
    python classify_image.py --image 'photos/**/*.jpg' --format jsonl | jq .
    find photos -name '*.jpg' | python classify_image.py --image - --output results.jsonl --resume
    python classify_image.py --image photos/ --threshold 0.5 --copy-to sorted/ --annotate annotated/
    python classify_image.py --image camera:0 --show
    python classify_image.py --list-models

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
import contextlib
import hashlib
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import settings
from arguments.kinds import probability
from arguments.options import add_input_options, add_message_options, add_model_options, add_option
from arguments.parser import ArgumentParser
from arguments.values import STDIN, classifier_from, count_of, named_images, no_picture, runtime_from, search_of
from classifiers import Classifier
from console import EXIT_FAILED_INPUTS, EXIT_OK, configure_messages, run_script
from console.progress import Progress
from console.text import printable
from errors import ImageError, UsageError
from files import sha256_of
from labels.classes import ClassIndex
from outputs import EnoughSeen, Output
from outputs.formats import FORMATS, SUMMARY, format_of, make_format
from outputs.once_more import OnceMore
from outputs.rows import Results
from outputs.summary import Summary
from results import Result
from sources.listing import name_counts
from sources.named import FILES, Kind, is_camera, kind_of
from sources.paths import is_pattern, search_root

if TYPE_CHECKING:
    from inference.explain import Explainer
    from sources.frames import Frame

logger = logging.getLogger("suite")


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    add_input_options(parser)
    add_model_options(parser)
    add_output_options(parser)
    add_message_options(parser)
    return parser


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Classifier]:
    """Read and check the command line, in a fraction of a second."""
    parser = make_parser()
    args = parser.parse_intermixed_args(argv)
    if not args.image:
        parser.error(no_picture(args))
    args.strip, args.top_k = args.top_k or 1, args.top_k or settings.TOP_K
    if args.output == STDIN:
        args.output = None
    args.format = args.format or (format_of(args.output) if args.output else "text")
    if args.explain is None and (args.explain_label is not None or args.explain_method != "auto"):
        parser.error("--explain-label and --explain-method say what --explain DIR shows; give it, too")
    if args.resume and (not args.output or args.format in ("text", SUMMARY)):
        parser.error("--resume goes on with a file of rows; give --output FILE in the format csv or jsonl")
    if args.resume and watches(args.image):
        parser.error("--resume goes on with pictures that are still there, which a camera's are not; leave it out")
    return args, classifier_from(args, args.model, runtime_from(args))


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """What is printed for each picture, and where it goes."""
    group = parser.add_argument_group("output")
    add_option(group, "--top-k", default=None, help=f"labels for each picture (default: {settings.TOP_K})")
    group.add_argument(
        "-t",
        "--threshold",
        type=probability,
        default=0,
        metavar="P",
        help="leave out labels with a score below P, from 0 to 1 (default: %(default)s)",
    )
    add_option(group, "--output")
    add_option(group, "--format", choices=(*FORMATS, SUMMARY))
    group.add_argument(
        "--summary", action="store_true",
        help="say at the end how many pictures got which label, and which answers are the least certain",
    )  # fmt: skip
    add_option(group, "--resume")
    group.add_argument(
        "--annotate", metavar="DIR", help="save copies, and clips of videos, with the best label drawn on them"
    )
    group.add_argument("--explain", metavar="DIR", help="save copies with what the model looked at laid over them")
    group.add_argument(
        "--explain-label", metavar="LABEL", help="what the model would look at for this label (default: the best one)"
    )
    group.add_argument(
        "--explain-method",
        choices=settings.EXPLAIN_METHODS,
        default="auto",
        help="how that is found out (default: cam where the model allows it, else grad-cam)",
    )
    group.add_argument("--gallery", metavar="FILE", help="write the run as a page to browse, FILE.html")
    group.add_argument("--copy-to", metavar="DIR", help="copy each picture into DIR/LABEL/, or DIR/unsure/")
    group.add_argument(
        "--link-to", metavar="DIR", help="put a symbolic link to each picture into DIR/LABEL/, or DIR/unsure/"
    )
    add_option(group, "--force", help="overwrite FILE and annotated copies if they exist")
    group.add_argument("--show", action="store_true", help="show each picture with its best label in a window")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args, classifier = parse(argv)
    configure_messages(args.quiet, args.debug)
    check_output(args)
    explainer = None if args.explain is None else classifier.explainer(args.explain_method)
    outputs = open_outputs(args, classifier, explainer)
    made_with = what_shapes_answers(args, classifier) if args.output and not watches(args.image) else None
    from outputs.results_file import open_results

    row_format = make_format(args.format, classifier.name, args.top_k, names_several(args.image))
    summary = Summary()
    with open_results(args.output, row_format, made_with, args.resume, args.force) as results:
        if args.summary:
            outputs.append(summary)
            for row in results.stored_rows():
                summary.add(row.path, row.label, row.score, row.error)
        try:
            failed = classify_all(args, classifier, outputs, results, explainer)
        except KeyboardInterrupt:
            for output in outputs:
                output.break_off()
            raise KeyboardInterrupt(results.how_to_go_on()) from None
    if args.summary:
        print_summary(args, summary)
    return EXIT_FAILED_INPUTS if failed else EXIT_OK


def classify_all(
    args: argparse.Namespace,
    classifier: Classifier,
    outputs: Sequence[Output],
    results: Results,
    explainer: "Explainer | None" = None,
) -> int:
    """Hand each result to the outputs, and then to the results, whose rows record what is done; return the failures."""
    images, search = named_images(args), search_of(args, copy_folders(args))
    once_more = OnceMore(results, outputs)
    left_out: Counter[str] = Counter()
    on_terminal = not args.output and sys.stdout.isatty() and sys.stderr.isatty()
    with Progress(
        is_shown=sys.stderr.isatty() and not on_terminal and not args.quiet,
        rows=results.rows,
        failed=results.failed,
        count=count_of(args, search),
    ) as progress, contextlib.suppress(EnoughSeen):  # fmt: skip
        if watches(args.image):  # which somebody ends, with Ctrl-C or by closing the window
            progress.callback(lambda: logger.info(progress.summary(name_counts(left_out))))
        answers = classifier.classify_frames(
            images, top_k=args.top_k, threshold=args.threshold, search=search, skip=once_more.is_done,
            keep=any(output.draws for output in outputs), keep_given=any(output.copies for output in outputs),
            left_out=left_out, explainer=explainer,
        )  # fmt: skip
        for frame, result in answers:
            lacking = once_more.take(result.source)
            errors = write_all(outputs if lacking is None else lacking, frame, result)
            if lacking is None:
                results.write(frame, result)
                progress.add(failed=bool(errors or result.error))
            if result.error and not (on_terminal and results.shows_errors):
                errors.append(result.error)
            for error in errors:
                logger.error("error: %s: %s", printable(result.source), error)
    failed = sum(output.finish() for output in outputs)
    if names_several(args.image) and not watches(args.image):
        logger.info(progress.summary(name_counts(left_out)))
    return progress.failed + failed


def print_summary(args: argparse.Namespace, summary: Summary) -> None:
    """Print the summary after the rows, but not into data on stdout."""
    is_text = args.format == "text"
    if args.output is None and is_text:
        print()
    print(summary.text(), end="", file=sys.stdout if args.output or is_text else sys.stderr)


def copy_folders(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the folders that copies go to."""
    folders = [folder for folder in (args.annotate, args.explain, args.copy_to, args.link_to) if folder is not None]
    if args.gallery is not None:
        from outputs.gallery import folder_of

        folders.append(folder_of(args.gallery))
    return tuple(folders)


def names_several(inputs: Sequence[str]) -> bool:
    """Return whether --image may name more than one picture."""
    if len(inputs) > 1 or inputs[0] == STDIN:
        return True
    kind = kind_of(inputs[0])
    return kind is not Kind.URL and (kind is not Kind.PATH or os.path.isdir(inputs[0]) or is_pattern(inputs[0]))


def watches(inputs: Sequence[str]) -> bool:
    """Return whether --image names a camera."""
    return any(map(is_camera, inputs))


def check_output(args: argparse.Namespace) -> None:
    """Raise UsageError when --output or --gallery would write over an input, or over each other."""
    for option, file in (("--output", args.output), ("--gallery", args.gallery)):
        if file and os.path.isfile(file):
            for path in args.image:
                if os.path.isfile(path) and os.path.samefile(path, file):
                    raise UsageError(f"{option} {file} is the input {path}; give another file")
    if args.output and args.gallery and os.path.realpath(args.output) == os.path.realpath(args.gallery):
        raise UsageError(f"--output and --gallery are both {args.gallery}; give two files")


def what_shapes_answers(args: argparse.Namespace, classifier: Classifier) -> dict:
    """Return the options that a run must share with the one that it resumes; of files, a hash of the content."""
    weights, decision = classifier.weights, classifier.decision_threshold
    brings_labels = args.labels or classifier.folder
    labels_hash = f"sha256 {hashlib.sha256(json.dumps(classifier.labels).encode()).hexdigest()}"
    return {
        "--model": classifier.name,
        "--weights": f"sha256 {sha256_of(weights.source)}" if weights.is_file else weights.source,
        "--labels": labels_hash if brings_labels else "imagenet",
        "--top-k": args.top_k,
        "--threshold": args.threshold,
        "--resize": classifier.transform.resize,
        "--max-pixels": args.max_pixels,
        "--precision": args.precision,
        "--format": args.format,
        **({} if args.every in (None, settings.EVERY) else {"--every": args.every}),
        **({} if decision is None else {"the model's threshold": decision}),
    }


def open_outputs(
    args: argparse.Namespace, classifier: Classifier, explainer: "Explainer | None" = None
) -> list[Output]:
    """Return each way out besides the results themselves."""
    paths = [path for path in args.image if path != STDIN and kind_of(path) in FILES]
    inputs = [search_root(path) if is_pattern(path) else path for path in paths]
    outputs: list[Output] = []
    explained = None
    if args.annotate is not None:
        from outputs.annotate import AnnotatedOutput
        from outputs.clips import ClipsOutput, check_can_encode

        if args.video or any(kind_of(path) is Kind.VIDEO for path in args.image):
            check_can_encode()
        pictures = AnnotatedOutput(args.annotate, inputs, args.max_pixels, args.force)
        outputs.append(ClipsOutput(pictures, args.threshold, classifier.decision_threshold is not None))
    if explainer is not None:
        from outputs.explain import ExplainedOutput

        chosen = args.explain_label and ClassIndex(classifier.name, classifier.labels).index_of(args.explain_label)
        explained = ExplainedOutput(
            args.explain, inputs, explainer, classifier.labels, classifier.transform, args.strip, chosen, args.force
        )
        outputs.append(explained)
    if args.gallery is not None:
        from outputs.gallery import GalleryOutput

        asked = args.gallery, classifier.name, classifier.labels, args.max_pixels
        outputs.append(GalleryOutput(*asked, explained, args.force, args.resume))
    for option, folder in (("--copy-to", args.copy_to), ("--link-to", args.link_to)):
        if folder is not None:
            from outputs.sort import SortedOutput

            outputs.append(SortedOutput(option, folder, inputs, classifier.labels))
    if args.show:
        from outputs.window import WindowOutput, why_no_window

        if reason := why_no_window():
            logger.warning("--show cannot open a window: %s; --annotate DIR saves the pictures instead", reason)
        else:
            outputs.append(WindowOutput(args.max_pixels))
    return outputs


def write_all(outputs: Sequence[Output], frame: "Frame", result: Result) -> list[str]:
    """Hand a result to every output; return what went wrong. An output that fails does not stop the others."""
    errors = []
    for output in outputs:
        try:
            output.write(frame, result)
        except ImageError as error:
            errors.append(str(error))
    return errors


if __name__ == "__main__":
    sys.exit(run_script(main))
