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
from arguments.cluster import check_cluster, folder_of, order_from
from arguments.options import add_input_options, add_message_options, add_model_options
from arguments.outputs import add_output_options, check_format, copy_folders, open_outputs, open_rows
from arguments.parser import ArgumentParser
from arguments.values import (
    STDIN,
    check_preprocess_is_used,
    classifier_from,
    count_of,
    named_images,
    no_picture,
    runtime_from,
    search_of,
)
from classifiers import Classifier
from console import EXIT_FAILED_INPUTS, EXIT_OK, configure_messages, run_script
from console.progress import Progress
from console.text import printable
from errors import ImageError, UsageError
from files import sha256_of
from outputs import EnoughSeen, Output
from outputs.once_more import OnceMore
from outputs.rows import Results
from outputs.summary import Summary
from results import Result
from sources.listing import name_counts
from sources.named import Kind, is_camera, kind_of
from sources.paths import is_pattern

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
    if args.cluster is not None:
        args.output = folder_of(args.output)
    args.format = check_format(args)
    if args.explain is None and (args.explain_label is not None or args.explain_method != "auto"):
        parser.error("--explain-label and --explain-method say what --explain DIR shows; give it, too")
    if args.resume and watches(args.image):
        parser.error("--resume goes on with pictures that are still there, which a camera's are not; leave it out")
    if args.cluster is not None:
        check_cluster(args)
    check_preprocess_is_used([args.model], args.preprocess)
    return args, classifier_from(args, args.model, runtime_from(args))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args, classifier = parse(argv)
    configure_messages(args.quiet, args.debug)
    check_output(args)
    if args.cluster is not None:
        return EXIT_FAILED_INPUTS if classify_on_cluster(args, classifier) else EXIT_OK
    explainer = None if args.explain is None else classifier.explainer(args.explain_method)
    outputs = open_outputs(args, classifier, explainer)
    made_with = what_shapes_answers(args, classifier) if args.output and not watches(args.image) else None
    summary = Summary()
    with open_rows(args, classifier, made_with, names_several(args.image)) as results:
        if args.summary:
            outputs.append(summary)
            summary.add_rows(results.stored_rows())
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


def classify_on_cluster(args: argparse.Namespace, classifier: Classifier) -> int:
    """Have the workers of a cluster write the parts, and tell how far they are; return the failures."""
    from cluster.connection import connected
    from cluster.drive import follow
    from outputs.parts import Parts

    options = args.output, args.format, classifier.name, args.top_k, what_shapes_answers(args, classifier)
    is_shown = sys.stderr.isatty() and not args.quiet
    count = None if args.cluster.startswith("ray://") else count_of(args, search_of(args))  # which may see other disks
    with (
        contextlib.closing(Parts(*options, args.resume, args.force)) as parts,
        Progress(is_shown, count=count) as progress,
    ):
        try:
            with connected(args.cluster) as folder:
                follow(order_from(args, classifier, parts, folder), args.cluster, progress)
        except KeyboardInterrupt:
            advice = f"finished parts in {parts.name} are kept; the same command with --resume goes on"
            raise KeyboardInterrupt(advice) from None
    if args.summary:
        with contextlib.closing(Parts(*options, resume=True, force=False)) as parts:
            summary = Summary()
            summary.add_rows(parts.stored_rows())
        print_summary(args, summary)
    return progress.failed


def print_summary(args: argparse.Namespace, summary: Summary) -> None:
    """Print the summary after the rows, but not into data on stdout."""
    is_text = args.format == "text"
    if args.output is None and is_text:
        print()
    print(summary.text(), end="", file=sys.stdout if args.output or is_text else sys.stderr)


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
        **({} if args.preprocess is None else {"--preprocess": args.preprocess}),
        **({} if decision is None else {"the model's threshold": decision}),
    }


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
