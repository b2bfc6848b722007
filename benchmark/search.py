"""Measure find_similar.py's index: what is found, and seconds and memory with made-up vectors.

    python -m benchmark.search
    python -m benchmark.search --vectors 1000000
    python -m benchmark.search --folder objects/ --model efficientnet_lite0 efficientnet_lite2

With --folder, each picture in a folder of labelled pictures is a query: the share of its ten nearest that have its
label. Without it, vectors like those of a backbone are made up: an index of them is built, in blocks, and searched.
Each search is compared with NumPy's whole float32 matrix product, and the memory is that of this process, without
files that are mapped into it and that the system takes back when it wants.

Exit codes: 0 all measured, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arguments.kinds import positive_int
from arguments.options import add_backbones, add_message_options
from arguments.parser import ArgumentParser
from console import EXIT_OK, configure_messages, run_script

if TYPE_CHECKING:
    import numpy as np

    from similarity.index import Index
    from similarity.store import Store

DIMENSIONS = 1280  # of EfficientNet-Lite0's features
CENTRES = 2000  # that made-up vectors lie around
BLOCK = 4096  # vectors that are made, and written, at once
QUERIES, ALONE = 100, 10  # that are searched for together, and one by one
WANTED = 10
ABOUT = {"model": "made up", "backbones": [], "weights": "none", "weights_file": "", "transform": {}}


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog = "python -m benchmark.search"
    parser.add_argument("--folder", metavar="DIR", help="labelled pictures, in a folder for each class")
    add_backbones(parser)
    parser.add_argument(
        "--vectors", type=positive_int, default=100_000, metavar="N", help="made-up vectors (default: %(default)s)"
    )
    add_message_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(args.quiet, args.debug)
    with tempfile.TemporaryDirectory(prefix="search-") as folder:
        if args.folder:
            for spec in args.model:
                print_share(args.folder, spec.name, Path(folder, spec.name))
        else:
            measure(args.vectors, Path(folder, "index"))
    return EXIT_OK


def print_share(pictures: str, model: str, folder: Path) -> None:
    """Print how many of the ten nearest pictures have the label of the query."""
    import numpy as np

    from similarity import build_index, open_index

    build_index(folder, [pictures], model)
    with open_index(folder, "exact") as index:
        labels = np.array([Path(picture.path).parent.name for picture in index.pictures])
        whole = index.vectors.astype(np.float32)
        rows, _cosines = index.nearest(whole, WANTED + 1)
        same = recall(rows, brute_force(whole, whole, WANTED + 1))
        others = without_themselves(rows)
        share = (labels[others] == labels[:, None]).mean()
        print(f"{model}: {len(labels):,} pictures of {len(set(labels))} classes; of the {WANTED} nearest of each, "
              f"{share:.1%} are of its class (equal to NumPy: {same:.2%})", flush=True)  # fmt: skip
        print_unlike(index, whole, labels, others)


def print_unlike(index: "Index", vectors: "np.ndarray", labels: "np.ndarray", found: "np.ndarray") -> None:
    """Print what --unlike changes where some of those `found` [N, k] are of another class: three of it are unwanted."""
    import numpy as np

    from similarity.query import UNLIKE
    from similarity.search import unit

    rng, shares = np.random.default_rng(0), []
    in_order = np.argsort([picture.path for picture in index.pictures])  # which rows they have is left to threads
    for row, others in zip(in_order, labels[found[in_order]], strict=True):
        wrong = [label for label in others if label != labels[row]]
        if not wrong:
            continue
        unwanted = max(sorted(set(wrong)), key=wrong.count)
        three = vectors[rng.choice(in_order[labels[in_order] == unwanted], 3, replace=False)]
        query = unit((vectors[row] - UNLIKE * unit(three.mean(axis=0, keepdims=True)))[:1])
        better = [other for other in index.nearest(query, WANTED + 1)[0][0] if other != row][:WANTED]
        shares += [[np.mean(names == label) for names in (others, labels[better]) for label in (labels[row], unwanted)]]
    own, other, own_after, other_after = np.mean(shares, axis=0)
    print(f"  {len(shares)} of them find another class, too: {own:.1%} are of their own, {other:.1%} of that; "
          f"with three of that for --unlike {own_after:.1%} and {other_after:.1%}", flush=True)  # fmt: skip


def without_themselves(rows: "np.ndarray") -> "np.ndarray":
    """Return the nearest rows of each row [N, k] without itself, which a copy of it may come before."""
    import numpy as np

    return np.array([[other for other in found if other != row][:WANTED] for row, found in enumerate(rows)])


def measure(vectors: int, folder: Path) -> None:
    """Print seconds and memory of building an index of so many made-up vectors and of searching it."""
    from similarity.graph import build_graph, is_installed
    from similarity.index import open_index
    from similarity.store import Store

    print(f"{vectors:,} made-up vectors of {DIMENSIONS} numbers; {anonymous()} MiB before", flush=True)
    with contextlib.closing(Store(folder, ABOUT)) as store:
        with timed("appended to the index"):
            fill(store, vectors)
        queries = next(made_up(QUERIES, seed=1))
        right = brute_force(store.vectors(), queries, WANTED)
        if is_installed():
            with timed("graph built, and its recall measured"):
                build_graph(store)
    size_on_disk = sum(path.stat().st_size for path in folder.iterdir()) >> 20
    print(f"{'on disk':<40}{size_on_disk:>10,} MiB")
    for search in ("exact", "approximate")[: 1 + is_installed()]:
        with timed(f"{search}: opened, and one query"):
            index = open_index(folder, search)
            index.nearest(queries[:1], WANTED)
        with timed(f"{search}: {ALONE} queries, one by one"):
            for query in queries[:ALONE]:
                index.nearest(query[None], WANTED)
        with timed(f"{search}: {QUERIES} queries, together"):
            rows, _cosines = index.nearest(queries, WANTED)
        print(f"{f'{search}: recall at {WANTED}':<40}{recall(rows, right):>10.4f}", flush=True)
        index.close()


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how many seconds something took, and the memory after it."""
    started = time.perf_counter()
    yield
    print(f"{what:<40}{time.perf_counter() - started:>10.3f} s{anonymous():>10,} MiB", flush=True)


def fill(store: "Store", count: int) -> None:
    """Append so many made-up vectors, and say at each quarter how much memory there is."""
    import numpy as np

    from similarity.picture import Place
    from similarity.records import New
    from similarity.small import SMALL

    small, row = np.zeros(SMALL, np.uint8), 0
    for block in made_up(count):
        places = [Place(f"/made/up/{number:08d}.jpg", False) for number in range(row, row + len(block))]
        facts = [(place, 1, 1, place.key.encode(), 1, 1, "jpeg") for place in places]
        store.write([New(*each, vector, small) for each, vector in zip(facts, block, strict=True)])
        if (row + len(block)) * 4 // count > row * 4 // count:
            print(f"{f'{row + len(block):,} are there':<40}{'':>12}{anonymous():>10,} MiB", flush=True)
        row += len(block)


def made_up(count: int, seed: int = 0) -> "Iterator[np.ndarray]":
    """Yield vectors like features, which are not below zero and lie around centres, float32 of unit length, in blocks.

    The centres are always the same ones.
    """
    import numpy as np

    from similarity.search import unit

    rng = np.random.default_rng(0)
    centres = np.maximum(rng.standard_normal((CENTRES, DIMENSIONS), np.float32), 0)
    rng = np.random.default_rng((seed, 1))
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        chosen = centres[rng.integers(0, CENTRES, (size, 3))]
        mixed = np.einsum("nkd,k->nd", chosen, np.array([1, 0.6, 0.3], np.float32))
        yield unit(mixed * np.exp(rng.normal(0, 0.3, mixed.shape)).astype(np.float32))


def brute_force(vectors: "np.ndarray", queries: "np.ndarray", k: int) -> "np.ndarray":
    """Return the rows of the nearest vectors by a float32 matrix product, block by block."""
    import numpy as np

    rows, cosines = np.empty((len(queries), 0), int), np.empty((len(queries), 0), np.float32)
    for start in range(0, len(vectors), BLOCK):
        new = queries @ vectors[start : start + BLOCK].astype(np.float32).T
        rows = np.hstack([rows, np.tile(np.arange(start, start + new.shape[1]), (len(queries), 1))])
        cosines = np.hstack([cosines, new])
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        rows, cosines = np.take_along_axis(rows, order, 1), np.take_along_axis(cosines, order, 1)
    return rows


def recall(found: "np.ndarray", right: "np.ndarray") -> float:
    """Return the share of the right rows that were found."""
    import numpy as np

    return float(np.mean([np.isin(*pair).mean() for pair in zip(right, found, strict=True)]))


def anonymous() -> int:
    """Return the memory of this process that is its own, MiB; of systems without /proc, the most that it had."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) >> 10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


if __name__ == "__main__":
    sys.exit(run_script(main))
