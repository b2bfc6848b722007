"""Measure what --cluster local costs: one process and Ray's workers on the same pictures, in turns.

    python -m benchmark.cluster photos/
    python -m benchmark.cluster photos/ --repeats 3 --model resnet50

Speeds are those once all workers run; how long it takes until then is in a column of its own. Milliseconds of a core
hardly depend on what else the machine does. The last lines say what a million and a billion such pictures take.

Exit codes: 0 all measured, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from arguments.kinds import positive_int
from arguments.options import add_message_options, add_model_options, add_reading_options
from arguments.parser import ArgumentParser
from arguments.values import classifier_from, runtime_from
from classifiers import Classifier
from console import EXIT_OK, configure_messages, run_script
from errors import UsageError

WARM = 64  # pictures of one process that are not timed
LARGE = (1_000_000, 1_000_000_000)  # pictures


class Timing(NamedTuple):
    """One way to classify all pictures, once."""

    way: str
    start: float  # seconds until it is at full speed
    pictures: int  # after that
    seconds: float  # for these
    core_seconds: float  # for these, of all processes together

    @property
    def speed(self) -> float:
        """Pictures a second."""
        return self.pictures / self.seconds

    @property
    def core_ms(self) -> float:
        """Milliseconds of a core for a picture."""
        return 1000 * self.core_seconds / self.pictures


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog, parser.usage = "python -m benchmark.cluster", "%(prog)s [options] FOLDER"
    parser.add_argument("folder", metavar="FOLDER", help="pictures; some thousands say more than some hundreds")
    add_reading_options(parser)
    add_model_options(parser)
    parser.add_argument("--repeats", type=positive_int, default=2, metavar="N", help="turns (default: 2)")
    add_message_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(quiet=True, debug=args.debug)
    from sources.paths import find_images

    paths = [os.path.abspath(path) for path in find_images(args.folder)]
    classifier = classifier_from(args, args.model, runtime_from(args))
    ways = (time_one, time_cluster)
    timings = [show(way(classifier, paths)) for _ in range(args.repeats) for way in ways]
    one, cluster = timings[::2], timings[1::2]
    in_time, in_cores = (mean_ratio(one, cluster, name) for name in ("speed", "core_ms"))
    print(f"\n--cluster local: {1 / in_time:.0%} of the speed of one process, for {1 / in_cores:.0%} of its core time")
    size = sum(os.path.getsize(path) for path in paths) / len(paths)
    for line in estimates(size, sum(timing.core_ms for timing in cluster) / args.repeats):
        print(line)
    return EXIT_OK


def show(timing: Timing) -> Timing:
    """Print a timing and return it."""
    speed = f"{timing.speed:8.1f} images/s {timing.core_ms:7.1f} ms of a core each"
    print(f"{timing.way:15}{timing.start:6.1f} s to start {speed}", flush=True)
    return timing


def mean_ratio(one: Sequence[Timing], other: Sequence[Timing], name: str) -> float:
    """Return the first mean divided by the second."""
    first, second = (sum(getattr(timing, name) for timing in timings) for timings in (one, other))
    return first / second


def estimates(size: float, core_ms: float) -> Iterator[str]:
    """Yield what many pictures take, of so many bytes and milliseconds of a core each."""
    yield f"{size / 1000:.1f} kB and {core_ms:.1f} ms of a core a picture:"
    for pictures in LARGE:
        hours = pictures * core_ms / 3.6e6
        yield f"{pictures:15,} pictures: {pictures * size / 1e12:,.3g} TB read, {hours:,.0f} core-hours"


def time_one(classifier: Classifier, paths: Sequence[str]) -> Timing:
    """Classify in this process."""
    check_enough(paths, WARM)
    started = time.monotonic()
    for number, _result in enumerate(classifier.classify([paths]), 1):
        if number == WARM:
            at_speed, core_seconds = time.monotonic(), time.process_time()
    seconds, core_seconds = time.monotonic() - at_speed, time.process_time() - core_seconds
    return Timing("one process", at_speed - started, len(paths) - WARM, seconds, core_seconds)


def time_cluster(classifier: Classifier, paths: Sequence[str]) -> Timing:
    """Classify with --cluster local; at full speed it is when each of its workers has done something."""
    from cluster.connection import LOCAL, check_address, connected
    from cluster.drive import plan, reports
    from cluster.order import Order
    from outputs.parts import Parts
    from sources.search import Search

    check_address(LOCAL)
    started = at_speed = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parts-") as folder, connected(LOCAL):
        parts = Parts(f"{folder}/", "csv", classifier.name, 5, {}, False, False)
        order = Order(classifier, tuple(paths), parts, Search(), 5, 0, (None, True), os.getcwd(), False)
        worked = before = 0.0
        workers, rows = plan(classifier.runtime, LOCAL).workers, 0
        seen: set[str] = set()
        for report in reports(order, LOCAL):
            worked = core_seconds_below()  # as long as the workers live
            rows += report.rows if len(seen) == workers else 0
            if report.worker and len(seen) < workers:
                seen.add(report.worker)
                at_speed, before = time.monotonic(), worked
        seconds = time.monotonic() - at_speed
    check_enough(paths, len(paths) - rows)
    return Timing("--cluster local", at_speed - started, rows, seconds, worked - before)


def core_seconds_below() -> float:
    """Return how long cores worked for this process and those that it has started, as long as they live."""
    import psutil  # of Ray

    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def check_enough(paths: Sequence[str], before: int) -> None:
    """Raise UsageError when there are no pictures left to time."""
    if len(paths) <= before:
        raise UsageError(f"{len(paths)} pictures are too few to time; give a folder with some thousands")


if __name__ == "__main__":
    sys.exit(run_script(main))
