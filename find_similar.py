"""Find pictures that are alike: those like a picture, duplicates, and a map of them all.

    python find_similar.py --image photos/ --index photos.index
    python find_similar.py --index photos.index --query cat.jpg --top-k 12
    python find_similar.py --index photos.index --query cat.jpg --unlike dog.jpg --gallery found.html
    python find_similar.py --index photos.index --duplicates --format csv --output duplicates.csv
    python find_similar.py --image pets/train --against pets/test --duplicates
    python find_similar.py --index photos.index --map photos.html

The index is built once. With --image and --index, new and changed pictures are computed, and those that are gone leave.
Nothing is ever deleted but what this script has written itself.

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
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arguments.options import add_message_options, add_option, add_options, add_search_options
from arguments.parser import ArgumentParser
from arguments.similar import (
    add_duplicates_options,
    add_index_options,
    add_page_options,
    add_query_options,
    check_together,
)
from arguments.values import STDIN, check_backend_name, count_of, named_images, runtime_from, search_of
from console import EXIT_FAILED_INPUTS, EXIT_OK, configure_messages, logger, run_script
from console.progress import Progress
from console.text import printable
from errors import UsageError
from outputs.formats import FORMATS, format_of
from settings import MODEL
from sources.listing import name_counts

if TYPE_CHECKING:
    from similarity.index import Index
    from similarity.maker import Maker


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    group = parser.add_argument_group("input")
    add_options(group, "--image", "--null")
    add_search_options(group)
    add_options(group, "--every", "--video", "--timeout", "--max-bytes", "--resize", "--max-pixels", "--workers")
    add_index_options(parser)
    add_query_options(parser)
    add_duplicates_options(parser)
    group = parser.add_argument_group("output")
    add_option(group, "--output")
    add_option(group, "--format", choices=FORMATS)
    add_page_options(group)
    add_option(group, "--force", help="overwrite files that exist")
    add_message_options(parser)
    return parser


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read and check the command line, in a fraction of a second."""
    parser = make_parser()
    args = parser.parse_args(argv)
    check_together(parser, args)
    args.output = None if args.output == STDIN else args.output
    args.format = args.format or (format_of(args.output) if args.output else "text")
    check_backend_name(args.backend)
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = parse(argv)
    configure_messages(args.quiet, args.debug)
    check_wanted(args)
    with contextlib.ExitStack() as opened:
        failed = 0
        folder = Path(args.index) if args.index else opened.enter_context(scratch_folder())
        if args.image:
            failed += build(args, args.image, folder, make_maker(args, folder), args.index)
        if args.query or args.duplicates or args.map:
            from similarity import open_index

            index = opened.enter_context(open_index(folder, args.search))
            if args.query:
                failed += ask(args, index)
            if args.duplicates:
                failed += find_duplicates(args, index)
            if args.map:
                from similarity.map import MapPage

                has_progress = sys.stderr.isatty() and not args.quiet
                MapPage(args.map, index, args.layout, args.force, args.max_pixels, has_progress).write()
    return EXIT_FAILED_INPUTS if failed else EXIT_OK


def check_wanted(args: argparse.Namespace) -> None:
    """Raise UsageError when what is asked for needs a package or a file that cannot be had, before all the work."""
    from similarity.graph import check_installed

    check_installed(args.search)
    if args.map:
        from similarity.layout import choose_layout

        choose_layout(args.layout, count=0)
    if args.output:
        from similarity.rows import check_output

        check_output(args.output, args.force)
    if args.copy_to or args.link_to:
        from similarity.review import check_review

        check_review(args.copy_to, args.link_to)
    files = {option: path for option in ("output", "gallery", "map") if (path := getattr(args, option))}
    for option, path in files.items():
        if option != "output":
            from outputs.album import check_place

            check_place(path, f"--{option}", args.force)
        for other, taken in files.items():
            if other != option and os.path.realpath(path) == os.path.realpath(taken):
                raise UsageError(f"--{option} and --{other} are both {path}; give two files")


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder for the index of this run only."""
    with tempfile.TemporaryDirectory(prefix="similar-") as folder:
        yield Path(folder) / "index"


def build(args: argparse.Namespace, names: Sequence[str], folder: Path, maker: "Maker", kept: str | None = None) -> int:
    """Bring an index up to date with what is named, and say what was done; return how many pictures failed.

    `kept` is what the user calls the index, if it is to be kept.
    """
    from similarity.build import Builder, check_named
    from similarity.index import finish
    from similarity.store import Store

    check_named(names)
    given = argparse.Namespace(**vars(args) | {"image": names})
    search = search_of(given, [made for made in (args.copy_to, args.link_to, args.index) if made])
    with (
        contextlib.closing(Store(folder, maker.about)) as store,
        Progress(sys.stderr.isatty() and not args.quiet, count=count_of(given, search)) as progress,
    ):
        try:
            builder = Builder(store, maker, args.workers, args.batch_size, progress.add)
            counts = builder.build(named_images(given), search)
        except KeyboardInterrupt:
            how = f"{counted(len(store))} in {kept}; the same command goes on with it" if kept else ""
            raise KeyboardInterrupt(how) from None
        total = len(store)
    if args.search != "exact":
        finish(folder, maker.about, args.search)
    line = f"{counts}; {counted(total)} in {printable(kept) if kept else 'an index for this run'}"
    if counts.left_out:
        line += f"; left out: {', '.join(name_counts(counts.left_out))}"
    if args.query or args.duplicates or args.map:
        logger.info(line)
    else:
        print(line)
    return counts.failed


def counted(pictures: int) -> str:
    """Return how many pictures there are, in words."""
    return "1 picture is" if pictures == 1 else f"{pictures:,} pictures are"


def make_maker(args: argparse.Namespace, folder: Path) -> "Maker":
    """Return what makes the vectors: what made the index that is there, or that of --against, or what is asked for."""
    from classifiers.load import make_classifier
    from similarity.index import made_with
    from similarity.maker import check_same, maker_again, maker_of, refuse_own

    refuse_own(args.model)
    runtime, made = runtime_from(args), made_with(folder)
    if not made and args.against:
        folder = Path(args.against[0])
        made = made_with(folder)
    if made and not (args.model or args.weights or args.resize):
        return maker_again(made, folder, runtime, args.max_pixels)
    model = args.model or (made["model"] if made else MODEL)
    maker = maker_of(make_classifier(model, runtime, args.weights, None, args.resize, args.max_pixels))
    if made:
        check_same(made, maker.about, folder)
    return maker


def ask(args: argparse.Namespace, index: "Index") -> int:
    """Write what is found for each query; return how many cannot be read."""
    from similarity.query import Asker
    from similarity.rows import FoundRows, open_output

    threshold = -1.0 if args.threshold is None else args.threshold
    asker = Asker(index, make_maker(args, index.folder), args.top_k, threshold, args.workers, args.batch_size)
    search = search_of(args)
    is_one = args.together or args.unlike
    queries, unlike = (
        named_images(argparse.Namespace(image=names or (), null=args.null)) for names in (args.query, args.unlike)
    )
    answers = asker.ask_together(queries, unlike, search) if is_one else asker.ask(queries, search)
    failed = 0
    with open_output(args.output, args.force) as file, open_page(args, index) as write_on_page:
        rows = FoundRows(file, args.format)
        for answer in answers:
            rows.write(answer)
            write_on_page(answer)
            if answer.error:
                failed += 1
                logger.error("error: %s: %s", printable(answer.query), answer.error)
    return failed


def find_duplicates(args: argparse.Namespace, index: "Index") -> int:
    """Write the groups of duplicates; return how many pictures cannot be read, or be put into a folder for review."""
    from similarity.duplicates import describe, find_groups, write_rows
    from similarity.levels import COSINE
    from similarity.review import Review
    from similarity.rows import open_output

    inputs = [name for name in (*(args.image or ()), *(args.against or ()), args.index) if name]
    threshold = COSINE if args.threshold is None else args.threshold
    with against(args, index) as (other, failed):
        review = Review(args.copy_to, args.link_to, inputs)
        with open_output(args.output, args.force) as file, open_page(args, index, other) as write_on_page:
            groups = find_groups(index, other, args.level, threshold, args.workers)
            write_rows(groups, file, args.format)
            for number, group in enumerate(groups, start=1):
                review.put(number, group)
                write_on_page(group)
        logger.info(describe(groups))
    return failed + review.failed


@contextlib.contextmanager
def against(args: argparse.Namespace, index: "Index") -> Iterator[tuple["Index | None", int]]:
    """Give the index that --against names, or one of its pictures, and how many of those cannot be read."""
    if not args.against:
        yield None, 0
        return
    from similarity import open_index
    from similarity.database import is_index
    from similarity.maker import check_same

    folder, failed = Path(args.against[0]), 0
    if len(args.against) > 1 and any(is_index(Path(name)) for name in args.against):
        raise UsageError("--against takes pictures, or one index alone; give one of these")
    with contextlib.ExitStack() as opened:
        if not is_index(folder):
            folder = opened.enter_context(scratch_folder())
            failed = build(args, args.against, folder, make_maker(args, index.folder))
        other = opened.enter_context(open_index(folder, args.search))
        check_same(other.made_with, index.made_with, folder)
        yield other, failed


@contextlib.contextmanager
def open_page(args: argparse.Namespace, index: "Index", other: "Index | None" = None) -> Iterator[Callable]:
    """Give what takes each answer or group of duplicates for the page of --gallery, which is written at the end."""
    if args.gallery is None:
        yield lambda _found: None
        return
    from similarity.pages import DuplicatesPage, FoundPage

    kind = DuplicatesPage if args.duplicates else FoundPage
    with kind(args.gallery, index, args.force, args.max_pixels, other) as page:
        yield page.write


if __name__ == "__main__":
    sys.exit(run_script(main))
