"""What classify_image.py does with each picture besides its row: the options, and the outputs that they open."""

import argparse
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import settings
from arguments.kinds import probability
from arguments.options import add_option
from arguments.values import STDIN
from classifiers import Classifier
from errors import UsageError
from labels.classes import ClassIndex
from outputs import Output
from outputs.formats import FORMATS, PARQUET, SUFFIXES, SUMMARY, check_parquet, format_of, is_folder, make_format
from outputs.rows import Results
from sources.named import FILES, Kind, kind_of
from sources.paths import is_pattern, search_root
from stores import check_can_open, is_stored

if TYPE_CHECKING:
    from inference.explain import Explainer
    from outputs.explain import ExplainedOutput

ROWS = (*FORMATS, PARQUET)
URLS = (Kind.URL, Kind.STREAM, Kind.WEB_ARCHIVE, Kind.OTHER_URL)  # where nothing can be written

logger = logging.getLogger("suite")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """What is printed for each picture, and where it goes."""
    group = parser.add_argument_group("output")
    add_option(group, "--top-k", default=None, help=f"labels for each picture (default: {settings.TOP_K})")
    group.add_argument(
        "-t", "--threshold", type=probability, default=0, metavar="P",
        help="leave out labels with a score below P, from 0 to 1 (default: %(default)s)",
    )  # fmt: skip
    text = (
        "write the results to a file, or to a folder of parts: results/, or s3://bucket/results/ (default: to stdout)"
    )
    add_option(group, "--output", metavar="FILE|DIR/", help=text)
    text = "format of the results (default: what FILE ends in, csv for parts, or text)"
    add_option(group, "--format", choices=(*ROWS, SUMMARY), help=text)
    group.add_argument(
        "--summary", action="store_true",
        help="say at the end how many pictures got which label, and which answers are the least certain",
    )  # fmt: skip
    add_option(group, "--resume", help="continue the results where an interrupted run ended")
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


def check_format(args: argparse.Namespace) -> str:
    """Return the format of the results; raises UsageError where it does not go with --output and --resume."""
    if args.output is not None and kind_of(args.output) in URLS:
        raise UsageError(f"--output {args.output} is in no object store; give s3://, gs:// or az://, or a path")
    is_parts = args.output is not None and is_folder(args.output)
    format = args.format or ("csv" if is_parts else "text" if args.output is None else format_of(args.output, ROWS))
    if is_parts:
        _check_parts(args.output, format)
    elif args.resume and (args.output is None or format in ("text", SUMMARY)):
        raise UsageError("--resume goes on with a file of rows; give --output FILE in the format csv or jsonl")
    elif args.resume and format == PARQUET:
        raise UsageError("--resume goes on with a folder of parts, not with a Parquet file; give --output FOLDER/")
    if format == PARQUET:
        check_parquet(args.output)
    return format


def _check_parts(folder: str, format: str) -> None:
    if format in ("text", SUMMARY):
        raise UsageError(f"--output {folder} is a folder of rows; give --format csv, jsonl or parquet")
    if is_stored(folder):
        check_can_open(folder)
        if folder.lower().endswith(tuple(SUFFIXES)):
            raise UsageError(f"--output {folder} is a file in a store, which takes folders of parts; end it in /")


def open_rows(args: argparse.Namespace, classifier: Classifier, made_with: dict | None, is_headed: bool) -> Results:
    """Return where the rows go: a folder of parts, a file, or stdout; raises UsageError."""
    if args.output is not None and is_folder(args.output):
        from outputs.parts import Parts, PartsResults

        options = made_with or {}, args.resume, args.force
        return PartsResults(Parts(args.output, args.format, classifier.name, args.top_k, *options))
    if args.format == PARQUET:
        from outputs.parquet import ParquetFile

        return ParquetFile(args.output, classifier.name, args.top_k, args.force)
    from outputs.results_file import open_results

    row_format = make_format(args.format, classifier.name, args.top_k, is_headed)
    return open_results(args.output, row_format, made_with, args.resume, args.force)


def copy_folders(args: argparse.Namespace) -> tuple[str, ...]:
    """Return the folders that copies go to."""
    folders = [folder for folder in (args.annotate, args.explain, args.copy_to, args.link_to) if folder is not None]
    if args.gallery is not None:
        from outputs.album import folder_of

        folders.append(folder_of(args.gallery))
    return tuple(folders)


def open_outputs(
    args: argparse.Namespace, classifier: Classifier, explainer: "Explainer | None" = None
) -> list[Output]:
    """Return each way out besides the results themselves."""
    paths = [path for path in args.image if path != STDIN and kind_of(path) in FILES]
    inputs = [search_root(path) if is_pattern(path) else path for path in paths]
    outputs: list[Output] = []
    if args.annotate is not None:
        outputs.append(_open_annotated(args, classifier, inputs))
    explained = None if explainer is None else _open_explained(args, classifier, inputs, explainer)
    if explained is not None:
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
        outputs += _open_window(args)
    return outputs


def _open_annotated(args: argparse.Namespace, classifier: Classifier, inputs: Sequence[str]) -> Output:
    from outputs.annotate import AnnotatedOutput
    from outputs.clips import ClipsOutput, check_can_encode

    if args.video or any(kind_of(path) is Kind.VIDEO for path in args.image):
        check_can_encode()
    pictures = AnnotatedOutput(args.annotate, inputs, args.max_pixels, args.force)
    return ClipsOutput(pictures, args.threshold, classifier.decision_threshold is not None)


def _open_explained(
    args: argparse.Namespace, classifier: Classifier, inputs: Sequence[str], explainer: "Explainer"
) -> "ExplainedOutput":
    from outputs.explain import ExplainedOutput

    chosen = args.explain_label and ClassIndex(classifier.name, classifier.labels).index_of(args.explain_label)
    return ExplainedOutput(
        args.explain, inputs, explainer, classifier.labels, classifier.transform, args.strip, chosen, args.force
    )


def _open_window(args: argparse.Namespace) -> list[Output]:
    from outputs.window import WindowOutput, why_no_window

    if reason := why_no_window():
        logger.warning("--show cannot open a window: %s; --annotate DIR saves the pictures instead", reason)
        return []
    return [WindowOutput(args.max_pixels)]
