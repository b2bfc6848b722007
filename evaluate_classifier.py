"""Find out how good models are on labelled pictures, and where they fail.

    python evaluate_classifier.py --data pets/test --model runs/pets --output report/
    python evaluate_classifier.py --data imagenet-val/ --model resnet50 xception --ensemble --output report/
    python evaluate_classifier.py --labels-csv truth.csv --model efficientnet_lite0 --output report/
    python evaluate_classifier.py --data pets/test --validation pets/val --model runs/pets \\
        --criterion recall=0.95 --save-threshold --output report/

The data is a folder for each class, pictures whose names begin with their class (n01440764_1.jpg), or
a CSV file. The output is report.html, metrics.json, predictions.csv and plots.

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
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arguments.options import (
    add_message_options,
    add_models_options,
    add_option,
    add_options,
    add_reading_options,
    add_search_options,
)
from arguments.parser import ArgumentParser
from arguments.values import classifiers_from, search_of
from classifiers import Classifier
from console import EXIT_FAILED_INPUTS, EXIT_OK, configure_messages, run_script
from console.progress import Progress
from console.text import printable
from errors import UsageError

if TYPE_CHECKING:
    from evaluation.data import Data
    from evaluation.findings import Findings

CRITERIA = ("equal-error", "f1", "recall=R")

logger = logging.getLogger("suite")


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    add_data_options(parser)
    add_models_options(parser)
    add_threshold_options(parser)
    group = parser.add_argument_group("output")
    add_option(group, "--output", metavar="DIR", help="folder to write the report to")
    add_option(group, "--force", help="replace the report that is in DIR")
    add_message_options(parser)
    return parser


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, list[Classifier]]:
    """Read and check the command line, in a fraction of a second."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if not args.data and not args.labels_csv:
        parser.error("no pictures given; use --data DIR, or --labels-csv FILE")
    if not args.output:
        parser.error("no folder for the report given; use --output DIR")
    if args.data and Path(args.output).resolve().is_relative_to(Path(args.data).resolve()):
        parser.error(f"--output {args.output} lies in the data; give a folder outside of {args.data}")
    classifiers = classifiers_from(args)
    check_classes_agree(parser, args, classifiers)
    return args, classifiers


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Which labelled pictures, and how they are made to fit the models."""
    group = parser.add_argument_group("data")
    add_option(
        group, "--data",
        help="a folder, or a .zip or .tar, with a folder of pictures for each class, or with pictures whose names "
        "begin with their class; of train/, validation/ and test/ the last is evaluated",
    )  # fmt: skip
    add_option(group, "--labels-csv")
    group.add_argument(
        "--validation", metavar="DIR",
        help="other labelled pictures, to choose a threshold on: a folder as --data, or a CSV file "
        "(default: validation/ in --data, or what a trained model was validated on)",
    )  # fmt: skip
    add_search_options(group)
    add_options(group, "--timeout", "--max-bytes")
    add_reading_options(group)


def add_threshold_options(parser: argparse.ArgumentParser) -> None:
    """Between two classes: which score makes a picture one of them."""
    group = parser.add_argument_group("two classes")
    group.add_argument(
        "--positive",
        metavar="LABEL",
        help="the class that recall and the curves are computed for (default: the second)",
    )
    group.add_argument(
        "--criterion", type=criterion, default=CRITERIA[0], metavar="|".join(CRITERIA),
        help="which threshold to recommend: the one with equal error rates in both classes, the one with the best F1, "
        "or the highest with a recall of R, as in recall=0.95 (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--save-threshold", action="store_true",
        help="store the recommended threshold in the trained model's folder; classify_image.py then uses it",
    )  # fmt: skip


def criterion(text: str) -> str:
    """Argument type: equal-error, f1, or recall=R with R above 0, up to 1."""
    name, _equals, number = text.partition("=")
    try:
        is_right = text in CRITERIA[:2] or (name == "recall" and 0 < float(number) <= 1)
    except ValueError:
        is_right = False
    if not is_right:
        raise argparse.ArgumentTypeError(f"'{text}' is not equal-error, f1 or recall=R, with R above 0 and up to 1")
    return text


def check_classes_agree(
    parser: argparse.ArgumentParser, args: argparse.Namespace, classifiers: Sequence[Classifier]
) -> None:
    """Refuse models of different classes together, and options for two classes with models that have more."""
    first = classifiers[0]
    for other in classifiers[1:]:
        if other.labels != first.labels:
            parser.error(f"{first.name} and {other.name} have different classes; evaluate them one at a time")
    for option in ("--positive", "--validation", "--save-threshold"):
        if vars(args)[option[2:].replace("-", "_")] and len(first.labels) != 2:
            parser.error(f"{option} is for two classes, and {first.name} has {len(first.labels):,}")
    if args.save_threshold and not all(one.folder for one in classifiers):
        parser.error("--save-threshold stores the threshold in a trained model's folder; give one with --model FOLDER")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args, classifiers = parse(argv)
    configure_messages(args.quiet, args.debug)
    data, positive = find_pictures(args, classifiers)
    from evaluation.findings import write_metrics
    from evaluation.output import METRICS_FILE, REPORT_FILES, prepare_output
    from evaluation.report import write_report
    from evaluation.summary import summarise
    from outputs.predictions import PREDICTIONS_FILE

    folder = Path(args.output)
    prepare_output(folder, (METRICS_FILE, PREDICTIONS_FILE, *REPORT_FILES), args.force)
    findings, failed = evaluate_all(args, classifiers, data, positive, folder)
    write_metrics(findings, folder)
    write_report(findings, folder, classifiers)
    if args.save_threshold:
        save_thresholds(classifiers, findings)
    print(summarise(findings, folder))
    return EXIT_FAILED_INPUTS if failed else EXIT_OK


def find_pictures(args: argparse.Namespace, classifiers: Sequence[Classifier]) -> tuple["Data", int]:
    """Return the labelled pictures, and which of two classes is the positive one."""
    from evaluation.data import find_data
    from labels.classes import ClassIndex

    first = classifiers[0]
    classes = ClassIndex(first.name, first.labels)
    positive = classes.index_of(args.positive) if args.positive else len(first.labels) - 1
    trained = [one.folder for one in classifiers if one.folder]
    data = find_data(args.data, args.labels_csv, args.validation, classes, trained, search_of(args))
    if args.save_threshold and (data.validation is None or len(data.validation.counts) < 2):
        raise UsageError(
            "--save-threshold needs pictures of both classes to choose the threshold on, other than those that it "
            "is judged on; give --validation DIR"
        )
    return data, positive


def evaluate_all(
    args: argparse.Namespace, classifiers: Sequence[Classifier], data: "Data", positive: int, folder: Path
) -> tuple["Findings", int]:
    """Let the models answer all pictures; return the findings, and how many pictures failed."""
    from evaluation.findings import Findings
    from evaluation.run import TwoClassSettings, answer_all, compare, judge, notes_on
    from labels.classes import class_names
    from outputs.predictions import PredictionsFile
    from pipeline.panel import Panel

    panel = Panel(classifiers, args.ensemble)
    names = class_names(panel.labels[0])
    decisions = panel.decision_thresholds
    two_classes = len(classifiers[0].labels) == 2
    others = data.validation if two_classes else None
    is_shown, search = sys.stderr.isatty() and not args.quiet, search_of(args)
    with Progress(is_shown, count=lambda: len(data.test) + len(others or ())) as progress:

        def on_answer(path: str, error: str) -> None:
            progress.add(failed=bool(error))
            if error:
                logger.error("error: %s: %s", printable(path), error)

        validation = answer_all(panel, others, decisions, on_answer, search=search) if others else None
        with PredictionsFile(folder, panel.names, names) as predictions:
            outcome = answer_all(panel, data.test, decisions, on_answer, predictions, search)
    if not outcome.true:
        why = "".join(f"; {note}" for note in data.notes)
        raise UsageError(f"none of the {len(outcome.failures):,} pictures of {data.test.name} can be read{why}")
    evaluations = judge(
        panel.names, names, outcome, decisions, TwoClassSettings(positive, args.criterion), validation
    )  # fmt: skip
    findings = Findings(
        data.test.name, outcome.pictures, evaluations, compare(evaluations), tuple(outcome.failures),
        notes_on(data, classifiers, validation), options_told(args, classifiers), args.max_pixels, data.left_out,
    )  # fmt: skip
    return findings, progress.failed


def options_told(args: argparse.Namespace, classifiers: Sequence[Classifier]) -> dict[str, str]:
    """Return the options that decide the figures, by their names."""
    told = {
        "--data": args.data,
        "--labels-csv": args.labels_csv,
        "--validation": args.validation,
        "--exclude": " ".join(args.exclude) or None,
        "--no-ignore": args.no_ignore or None,
        "--model": ", ".join(one.name for one in classifiers),
        "--weights": args.weights,
        "--labels": args.labels,
        "--preprocess": args.preprocess,
        "--resize": args.resize or ", ".join(dict.fromkeys(one.transform.resize for one in classifiers)),
        "--max-pixels": args.max_pixels,
        "--backend": args.backend,
        "--device": args.device,
        "--precision": args.precision,
        "--criterion": args.criterion if len(classifiers[0].labels) == 2 else None,
    }
    return {name: str(value) for name, value in told.items() if value is not None}


def save_thresholds(classifiers: Sequence[Classifier], findings: "Findings") -> None:
    """Store each model's recommended threshold in its folder."""
    from classifiers.folder import save_decision_threshold

    for one, found in zip(classifiers, findings.evaluations, strict=False):
        two = found.two_class
        if one.folder is None:  # of a model of the registry
            continue
        if two is None or two.recommended is None:
            raise UsageError(f"no threshold can be recommended for {one.name}: pictures of one class were unreadable")
        chosen = two.recommended.threshold
        save_decision_threshold(one.folder, chosen if two.positive == 1 else 1 - chosen)
        logger.info("the threshold %.4f is stored in %s", chosen, one.folder)


if __name__ == "__main__":
    sys.exit(run_script(main))
