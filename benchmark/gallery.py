"""Measure how large the page of --gallery is, and how long a browser takes to open it, to filter and to sort.

    python -m benchmark.gallery photos/
    python -m benchmark.gallery photos/ --pictures 500 5000

The pictures in FOLDER are taken in turn, as often as needed, under made-up labels and scores. The time of a picture
is that of its small copy. The browser is a Chromium that is installed, driven by Playwright; without one its columns
are empty.

Exit codes: 0 all measured, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import contextlib
import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from arguments.kinds import positive_int
from arguments.parser import ArgumentParser
from console import EXIT_OK, configure_messages, run_script
from settings import MAX_PIXELS

PICTURES = (100, 1_000, 10_000)
LABELS = 300  # so many have pictures
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
STEPS = {  # in the page: what is done, and waited for until it is painted
    "open": "undefined",
    "filter": "words.value = '1', update()",
    "sort": "words.value = '', sort.value = 'rising', grouped.checked = false, update()",
}
PAINTED = "new Promise(done => requestAnimationFrame(() => setTimeout(done)))"  # of a frame


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog, parser.usage = "python -m benchmark.gallery", "%(prog)s [options] FOLDER"
    parser.add_argument("folder", metavar="FOLDER", help="pictures")
    parser.add_argument(
        "--pictures",
        type=positive_int,
        nargs="+",
        default=PICTURES,
        metavar="N",
        help="how many (default: %(default)s)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(quiet=True, debug=False)
    print(
        f"{'pictures':>9}{'page, MB':>10}{'folder, MB':>12}{'ms each':>9}", *(f"{f'{step}, s':>10}" for step in STEPS)
    )
    with open_browser() as browser:
        for count in args.pictures:
            with tempfile.TemporaryDirectory() as folder:
                page = Path(folder) / "page.html"
                each = make_gallery(args.folder, page, count)
                beside = sum(path.stat().st_size for path in page.parent.glob("page_files/*"))
                sizes = f"{count:9,}{page.stat().st_size / 1e6:10.1f}{beside / 1e6:12.1f}{each * 1e3:9.1f}"
                print(sizes, *(f"{seconds:10.2f}" for seconds in measure_browser(browser, page)), flush=True)
    return EXIT_OK


def make_gallery(folder: str, page: Path, count: int) -> float:
    """Write a page with so many pictures; return the seconds that one takes."""
    import numpy as np

    from labels import ClassLabel
    from outputs.gallery import GalleryOutput
    from results import Prediction, Result
    from sources.frames import Frame
    from sources.pictures import find_pictures, open_picture, source_of

    rng = np.random.default_rng(0)
    labels = [ClassLabel(str(number), f"label {number}") for number in range(LABELS)]
    gallery = GalleryOutput(str(page), "nobody", labels, MAX_PIXELS)
    found = [source_of(item) for item in find_pictures(folder)]
    open_picture(found[0])  # raises an error that says what is wrong with the folder
    started = time.perf_counter()
    for path in islice(cycle(found), count):
        chosen, scores = rng.choice(LABELS, 5, replace=False), np.sort(rng.dirichlet(np.ones(5)))[::-1]
        best = tuple(
            Prediction(labels[index].class_id, labels[index].label, float(score))
            for index, score in zip(chosen, scores, strict=True)
        )
        gallery.write(Frame(path, picture=path), Result(path, best))
    gallery.finish()
    return (time.perf_counter() - started) / count


@contextlib.contextmanager
def open_browser() -> Iterator[Any]:
    """Give a browser, or None where there is none."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None or importlib.util.find_spec("playwright") is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def measure_browser(browser: Any, page: Path, steps: Mapping[str, str] = STEPS) -> Iterator[float]:
    """Yield the seconds until each of the steps is painted."""
    if browser is None:
        return
    tab = browser.new_page()
    for number, step in enumerate(steps.values()):
        started = time.perf_counter()
        if number == 0:
            tab.goto(page.as_uri())
        tab.evaluate(f"async () => {{ {step}; await {PAINTED}; }}")
        yield time.perf_counter() - started
    tab.close()


if __name__ == "__main__":
    sys.exit(run_script(main))
