"""Measure how well layouts of --map keep neighbours together, how large its pages are, and how quick in a browser.

    python -m benchmark.map photos.index
    python -m benchmark.map photos.index --pictures 1000 10000 --layout pca

`kept` is the share of each picture's ten nearest that are among its ten nearest on the map, `label` the share of those
on the map that have its label. Then labels are made wrong, and looked for. For pages, the pictures of the index are
taken in turn, as often as needed, and their vectors are blurred each time. The browser is a Chromium that is installed,
driven by Playwright; without one its columns are empty.

Exit codes: 0 all measured, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import copy
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from arguments.kinds import positive_int
from arguments.parser import ArgumentParser
from benchmark.gallery import measure_browser, open_browser
from console import EXIT_OK, configure_messages, run_script
from errors import UsageError
from settings import LAYOUTS, MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np

    from similarity import Index

PICTURES = (100, 1_000, 10_000, 100_000)
NEAR = 10
MOST_COMPARED = 10_000  # pictures of the index, for layouts
WRONG = (0, 0.02, 0.1)  # shares of labels that are made wrong
BLUR = 0.02  # of each number of a vector
STEPS = {  # in the page: what is done, and waited for until it is painted
    "open": "undefined",
    "draw": "drawSoon()",
    "zoom": "zoom(4)",
}


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog, parser.usage = "python -m benchmark.map", "%(prog)s [options] INDEX"
    parser.add_argument("index", metavar="INDEX", help="an index that find_similar.py has built")
    parser.add_argument(
        "--pictures", type=positive_int, nargs="+", default=PICTURES, metavar="N",
        help="how many are on the pages (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--layout", choices=LAYOUTS, default="auto", help="that of the pages (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(quiet=True, debug=False)
    from similarity import open_index

    with open_index(args.index) as index:
        if len(index) <= NEAR:
            raise UsageError(f"{args.index} has {len(index)} pictures; give an index of more than {NEAR}")
        compare_layouts(index)
        find_wrong_labels(index)
        measure_pages(index, args.pictures, args.layout)
    return EXIT_OK


def compare_layouts(index: "Index") -> None:
    """Print what each layout that is installed keeps together, and how long it takes."""
    from similarity.layout import lay_out
    from similarity.map import labels_of

    vectors = index.vectors[:MOST_COMPARED]
    _names, labels = labels_of([picture.path for picture in index.pictures[:MOST_COMPARED]])
    wanted = nearest(vectors.astype("float32"))
    print(f"{'layout':>9}{'seconds':>9}{'kept':>8}{'label':>8}")
    print(f"{'features':>9}{'':>9}{1:8.3f}{(labels[wanted] == labels[:, None]).mean():8.3f}")
    for layout in LAYOUTS[1:]:
        if layout == "umap" and find_spec("umap") is None:
            continue
        started = time.perf_counter()
        found = nearest(lay_out(vectors, layout))
        seconds = time.perf_counter() - started
        kept = sum(len({*ours} & {*theirs}) for ours, theirs in zip(found, wanted, strict=True)) / wanted.size
        share = (labels[found] == labels[:, None]).mean()
        print(f"{layout:>9}{seconds:9.1f}{kept:8.3f}{share:8.3f}", flush=True)
    print()


def find_wrong_labels(index: "Index") -> None:
    """Print how many labels are said to be wrong, and how many of them are, when some are made so."""
    import numpy as np

    from similarity.map import labels_of
    from similarity.oddness import find_odd

    vectors = np.asarray(index.vectors[:MOST_COMPARED], np.float32)
    names, labels = labels_of([picture.path for picture in index.pictures[:MOST_COMPARED]])
    near, rng = nearest(vectors), np.random.default_rng(0)
    print(f"{'wrong':>9}{'found':>9}{'right':>8}")
    for share in WRONG:
        given = labels.copy()
        rows = rng.choice(len(labels), round(share * len(labels)), replace=False)
        given[rows] = (given[rows] + rng.integers(1, max(2, len(names)), len(rows))) % len(names)
        found = set(find_odd(given, near, np.ones_like(near, np.float32)).wrong)
        print(f"{len(rows):9,}{len(found):9,}{len(found & {*rows.tolist()}):8,}")
    print()


def nearest(points: "np.ndarray") -> "np.ndarray":
    """Return each point's nearest others, int [N, NEAR], of float32 [N, D]."""
    import numpy as np

    lengths = (points**2).sum(axis=1)
    found = []
    for start in range(0, len(points), 1000):
        apart = lengths - 2 * points[start : start + 1000] @ points.T
        apart[np.arange(len(apart)), start + np.arange(len(apart))] = np.inf
        found.append(np.argpartition(apart, NEAR, axis=1)[:, :NEAR])
    return np.concatenate(found)


def measure_pages(index: "Index", counts: Sequence[int], layout: str) -> None:
    """Print how long it takes to write the map of so many pictures, how large it is, and how quick in a browser."""
    from similarity.map import MapPage

    steps = (f"{f'{step}, s':>9}" for step in STEPS)
    print(f"{'pictures':>9}{'write, s':>10}{'page, MB':>10}{'folder, MB':>12}", *steps)
    with open_browser() as browser:
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                page = Path(folder) / "map.html"
                many = repeated(index, count)
                started = time.perf_counter()
                MapPage(str(page), many, layout, False, MAX_PIXELS).write()
                seconds = time.perf_counter() - started
                beside = sum(path.stat().st_size for path in page.parent.glob("map_files/*"))
                sizes = f"{count:9,}{seconds:10.1f}{page.stat().st_size / 1e6:10.1f}{beside / 1e6:12.1f}"
                print(sizes, *(f"{each:9.2f}" for each in measure_browser(browser, page, STEPS)), flush=True)


def repeated(index: "Index", count: int) -> "Index":
    """Return as many pictures as wanted, as an index has them: those of an index, again and again."""
    import numpy as np

    from similarity.search import Exact

    rows = np.arange(count) % len(index)
    known = list(index.pictures[: min(count, len(index))])
    blurred = np.random.default_rng(0).standard_normal((count, index.vectors.shape[1]), np.float32)
    blurred *= BLUR
    blurred += index.vectors[rows]
    blurred /= np.linalg.norm(blurred, axis=1, keepdims=True)
    made = copy.copy(index)
    made.pictures = [known[row] for row in rows]
    made.vectors, made.small = blurred.astype(np.float16), index.small[rows]
    made.finder = Exact(made.vectors)
    return made


if __name__ == "__main__":
    sys.exit(run_script(main))
