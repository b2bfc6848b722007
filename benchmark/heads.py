"""Measure the linear head of train_classifier.py on pictures of one's own, beside what else people train on features.

    python -m benchmark.heads pets/
    python -m benchmark.heads pets/ --model efficientnet_lite0 efficientnet_lite2 --per-class 10 all --repeats 10

FOLDER has a folder of pictures for each class; splits that it names count for nothing. All methods learn from the
same features of the same pictures and are judged on all the other pictures, with so many pictures of each class, with a
fifth of the labels wrong, and with all of the commonest class but 5 of each other one. "all" leaves a fifth of all
to judge on. Three tables are printed: accuracy, log loss, and seconds on one core to choose a strength, fit and
answer; each as the mean of --repeats random draws.

Exit codes: 0 all measured, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from arguments.kinds import positive_int, whole
from arguments.options import add_backbones, add_message_options, add_option
from arguments.parser import ArgumentParser
from console import EXIT_OK, bar_is_off, configure_messages, run_script
from engines import use_keras_backend
from engines.backends import TRAINING_BACKEND
from files import cache_folder
from networks import Network

if TYPE_CHECKING:
    import numpy as np

    from benchmark.cases import Case, Samples
    from benchmark.rivals import Rival

NAME_WIDTH, WIDTH = 34, 10  # characters of the first column, and of the others
PER_CLASS = ("5", "10", "20", "all")


class Figures(NamedTuple):
    """How one method does on one case."""

    accuracy: float
    log_loss: float  # nan: it gives no probabilities
    seconds: float


TABLES = {"accuracy": (100, ".1f", "%"), "log_loss": (1, ".3f", "log loss"), "seconds": (1, ".2f", "seconds")}
Heading = tuple[str, str]
Results = dict[str, dict[Heading, list[Figures]]]


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog, parser.usage = "python -m benchmark.heads", "%(prog)s [options] FOLDER"
    parser.add_argument("folder", metavar="FOLDER", help="a folder of pictures for each class")
    add_backbones(parser)
    parser.add_argument(
        "--per-class", nargs="+", type=per_class, default=list(map(per_class, PER_CLASS)), metavar="N",
        help=f"pictures of each class to learn from, or all (default: {' '.join(PER_CLASS)})",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=positive_int, default=3, metavar="N", help="draw pictures N times (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="N", help="seed of what is drawn (default: %(default)s)"
    )
    parser.add_argument("--no-keras", action="store_true", help="leave out Keras, which takes longest")
    add_option(parser, "--cache-dir", help="where features and compiled models are kept (default: the user's cache)")
    add_option(parser, "--no-cache", help="neither use nor keep features and compiled models")
    add_message_options(parser)
    return parser


def per_class(text: str) -> int | str:
    """Argument type: a whole number from 2, or all."""
    if text == "all":
        return text
    if (count := positive_int(text)) < 2:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 2, or all")
    return count


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read and check the command line, in a fraction of a second."""
    args = make_parser().parse_args(argv)
    Network(tuple(args.model))  # refuses a model that is named twice
    args.per_class = list(dict.fromkeys(args.per_class))
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = parse(argv)
    configure_messages(args.quiet, args.debug)
    from benchmark.cases import read_samples
    from benchmark.rivals import KERAS_RIVALS, RIVALS

    samples = read_samples(args.folder, args.model, cache_folder(args.cache_dir, not args.no_cache))
    if args.no_keras:
        results = measure_all(samples, RIVALS, args.per_class, args.repeats, args.seed)
    else:
        use_keras_backend(TRAINING_BACKEND)
        from engines.keras_engine import start_keras

        with start_keras("cpu")():
            results = measure_all(samples, RIVALS | KERAS_RIVALS, args.per_class, args.repeats, args.seed)
    print(
        f"{' + '.join(spec.name for spec in args.model)}: {len(samples.classes)} classes, "
        f"{len(samples.labels)} pictures, mean of {args.repeats}"
    )
    for name in TABLES:
        print(table(name, results))
    return EXIT_OK


def measure_all(
    samples: "Samples", rivals: "dict[Heading, Rival]", counts: Sequence[int | str], repeats: int, seed: int
) -> Results:
    """Return the figures of every method on every case, one for each repeat."""
    import numpy as np
    from tqdm import tqdm

    from benchmark.cases import draw_case, plan_draws

    draws = plan_draws(np.bincount(samples.labels).tolist(), counts)
    results: Results = defaultdict(lambda: defaultdict(list))
    with tqdm(total=repeats * len(draws) * len(rivals), leave=False, disable=bar_is_off()) as bar:
        for repeat in range(repeats):
            for number, draw in enumerate(draws):
                case = draw_case(draw, samples.labels, np.random.default_rng([seed, repeat, number]))
                for heading, rival in rivals.items():
                    bar.set_description(f"{draw.name}, {' '.join(heading)}")
                    for row, figures in measure(rival, samples, case, seed + repeat).items():
                        results[row][heading].append(figures)
                    bar.update()
    return results


def measure(rival: "Rival", samples: "Samples", case: "Case", seed: int) -> dict[str, Figures]:
    """Let a method learn and answer; return its figures for each row that the case is for."""
    from threadpoolctl import threadpool_limits

    from benchmark.rivals import make_task

    task = make_task(samples, case, seed)
    with threadpool_limits(1):  # small tasks: more threads only wait for each other
        started = time.perf_counter()
        scores = rival(task, samples.features[case.test])
        seconds = time.perf_counter() - started
    return {row: Figures(*judge(scores, case.answers, share), seconds) for row, share in case.shares.items()}


def judge(scores: "np.ndarray", answers: "np.ndarray", share: "np.ndarray") -> tuple[float, float]:
    """Return accuracy and log loss, of class numbers or probabilities, where each picture counts as its share."""
    import numpy as np

    if scores.ndim == 1:
        return float(share @ (scores == answers)), np.nan
    given = scores[np.arange(len(answers)), answers]
    return float(share @ (scores.argmax(axis=1) == answers)), float(-share @ np.log(np.maximum(given, 1e-12)))


def table(name: str, results: Results) -> str:
    """Lay out one kind of figure: a line for each case, a column for each method; the mean of all repeats."""
    factor, digits, heading = TABLES[name]
    headings = list(next(iter(results.values())))
    lines = ["", line("", [first for first, _ in headings]), line(heading, [second for _, second in headings])]
    for row, figures in results.items():
        means = [sum(getattr(one, name) for one in found) / len(found) for found in figures.values()]
        lines.append(line(row, ["-" if mean != mean else format(mean * factor, digits) for mean in means]))
    return "\n".join(lines)


def line(name: str, cells: Sequence[str]) -> str:
    """Lay out one line of a table."""
    return f"{name:{NAME_WIDTH}}{''.join(f' {cell:>{WIDTH}}' for cell in cells)}".rstrip()


if __name__ == "__main__":
    sys.exit(run_script(main))
