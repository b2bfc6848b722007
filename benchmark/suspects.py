"""Measure how many wrong labels train_classifier.py finds: some are planted among pictures whose labels are right.

    python -m benchmark.suspects objects/
    python -m benchmark.suspects objects/ --planted 60 --repeats 5

FOLDER has a folder of pictures for each class. --repeats times, --planted pictures drawn at random get the label of
another class, a classifier is trained, and its suspects.csv is compared with what was planted.

Exit codes: 0 all measured, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import argparse
import csv
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from arguments.kinds import positive_int
from arguments.options import add_backbones, add_message_options
from arguments.parser import ArgumentParser
from console import EXIT_OK, configure_messages, run_script
from errors import UsageError

SCRIPT = Path(__file__).parent.parent / "train_classifier.py"


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog, parser.usage = "python -m benchmark.suspects", "%(prog)s [options] FOLDER"
    parser.add_argument("folder", metavar="FOLDER", help="pictures whose labels are right, in a folder for each class")
    add_backbones(parser)
    parser.add_argument(
        "--planted", type=positive_int, default=12, metavar="N", help="labels that are made wrong (default: 12)"
    )
    parser.add_argument("--repeats", type=positive_int, default=3, metavar="N", help="random draws (default: 3)")
    add_message_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(args.quiet, args.debug)
    from sources.labelled import read_folder

    pictures = [(path, label) for path, label, _split in read_folder(args.folder)]
    print(f"{'pictures':>8}{'planted':>9}{'suspects':>10}{'found':>7}{f'first {args.planted}':>10}")
    for seed in range(args.repeats):
        rows, planted = plant(pictures, args.planted, random.Random(seed))
        found = [path in planted for path in find(rows, args)]
        print(
            f"{len(rows):8,}{len(planted):9,}{len(found):10,}{sum(found):7,}{sum(found[: args.planted]):10,}",
            flush=True,
        )
    return EXIT_OK


def plant(
    pictures: Sequence[tuple[str, str]], count: int, draw: random.Random
) -> tuple[list[tuple[str, str]], set[str]]:
    """Return the pictures with so many wrong labels among theirs, and the paths of these."""
    labels = sorted({label for _path, label in pictures})
    chosen = set(draw.sample(range(len(pictures)), min(count, len(pictures))))
    rows = [
        (path, draw.choice([other for other in labels if other != label]) if number in chosen else label)
        for number, (path, label) in enumerate(pictures)
    ]
    return rows, {rows[number][0] for number in chosen}


def find(rows: Sequence[tuple[str, str]], args: argparse.Namespace) -> list[str]:
    """Return the paths of the suspects, the most suspicious first; raises UsageError when training fails."""
    with tempfile.TemporaryDirectory(prefix="suspects-") as folder:
        listed, output = Path(folder, "planted.csv"), Path(folder, "run")
        given = {str(Path(path).absolute()): (path, label) for path, label in rows}
        with open(listed, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            csv.writer(file).writerows([("path", "label"), *((path, label) for path, (_, label) in given.items())])
        models = [spec.name for spec in args.model]
        command = [sys.executable, SCRIPT, "--labels-csv", listed, "--output", output, "--model", *models, "--quiet"]
        finished = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if finished.returncode:
            raise UsageError(f"train_classifier.py failed: {finished.stderr.strip()}")
        with open(output / "suspects.csv", encoding="utf-8", errors="surrogateescape", newline="") as file:
            return [given[row["path"]][0] for row in csv.DictReader(file)]


if __name__ == "__main__":
    sys.exit(run_script(main))
