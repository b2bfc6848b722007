"""The options that find_similar.py alone has: of the index, of queries, of duplicates and of pages."""

import argparse

from arguments.kinds import probability
from arguments.options import add_engine_options, add_option, add_options
from arguments.values import STDIN
from settings import LAYOUTS, LEVELS, SEARCHES, SIMILAR


def add_index_options(parser: argparse.ArgumentParser) -> None:
    """Where the index is, and what computes its vectors."""
    group = parser.add_argument_group("index")
    group.add_argument(
        "--index", metavar="DIR",
        help="the folder of the index: with --image, it is built or brought up to date (default: one for this run)",
    )  # fmt: skip
    add_option(group, "--model", default=None, help="a model of the registry, or the folder of a trained classifier "
               "(default: what the index was made with, or efficientnet_lite0)")  # fmt: skip
    add_options(group, "--list-models", "--weights")
    add_engine_options(group)
    add_options(group, "--cache-dir", "--no-cache")


def add_query_options(parser: argparse.ArgumentParser) -> None:
    """What is searched for."""
    group = parser.add_argument_group("queries")
    group.add_argument(
        "--query", nargs="+", action="extend", metavar="PATH",
        help="find the pictures that are like these, which are named as with --image",
    )  # fmt: skip
    group.add_argument(
        "--unlike", nargs="+", action="extend", metavar="PATH",
        help="less like these; all pictures of --query are one query then",
    )  # fmt: skip
    group.add_argument("--together", action="store_true", help="take the pictures of --query as one query")
    add_option(group, "--top-k", default=SIMILAR, help="pictures that are found for each query (default: %(default)s)")
    group.add_argument(
        "-t", "--threshold", type=probability, metavar="S",
        help="leave out pictures with a similarity below S, from 0 to 1 for the same picture (default: none)",
    )  # fmt: skip
    group.add_argument(
        "--search", choices=SEARCHES, default="auto",
        help="compare with every picture, or go through a graph of neighbours (default: auto, by their number)",
    )  # fmt: skip


def add_duplicates_options(parser: argparse.ArgumentParser) -> None:
    """Which duplicates are looked for, and what becomes of them."""
    group = parser.add_argument_group("duplicates")
    group.add_argument("--duplicates", action="store_true", help="find groups of pictures that are the same")
    group.add_argument(
        "--level", choices=LEVELS, default=LEVELS[-1],
        help="the loosest likeness that counts: same-content, same-picture or very-similar (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--against", nargs="+", action="extend", metavar="PATH",
        help="find only pictures of --image or --index that are in these pictures, or in this index, too",
    )  # fmt: skip
    group.add_argument("--copy-to", metavar="DIR", help="copy each group into a folder in DIR, for review")
    group.add_argument("--link-to", metavar="DIR", help="put links to the pictures of each group into a folder in DIR")


def add_page_options(group: argparse._ActionsContainer) -> None:
    """Which pages show what was found."""
    group.add_argument("--gallery", metavar="FILE", help="write what was found as a page to browse, FILE.html")
    group.add_argument("--map", metavar="FILE", help="write a page with all pictures, laid out by likeness, FILE.html")
    group.add_argument(
        "--layout", choices=LAYOUTS, default="auto", help="how --map lays them out (default: auto, t-SNE)"
    )


def check_together(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with an error where options do not go together, or nothing is asked for."""
    if not (args.image or args.index):
        parser.error("no picture given; name pictures with --image, or an index of them with --index DIR")
    named = (args.image, args.query, args.unlike, args.against)
    if sum((names or []).count(STDIN) for names in named) > 1:
        parser.error("- reads names from stdin, once; name other pictures without it")
    if args.unlike and not args.query:
        parser.error("--unlike says what --query is to find less of; give --query, too")
    if args.query and args.duplicates:
        parser.error("--query and --duplicates both write rows; run the script twice")
    for option in ("against", "copy_to", "link_to"):
        if getattr(args, option) and not args.duplicates:
            parser.error(f"--{option.replace('_', '-')} is about duplicates; give --duplicates, too")
    if args.gallery and not (args.query or args.duplicates):
        parser.error("--gallery shows what was found; give --query or --duplicates, too (--map shows all pictures)")
    if not (args.query or args.duplicates or args.map or (args.image and args.index)):
        keep = "--image PICTURES to bring the index up to date" if args.index else "--index DIR to keep an index"
        parser.error(f"nothing to do: give {keep}, --query, --duplicates or --map")
