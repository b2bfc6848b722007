"""Measure what find_similar.py loses when it is killed: an index of many small pictures is killed, and goes on.

    python -m benchmark.killed
    python -m benchmark.killed --pictures 100000 --kills 5

Pictures of random colours are made in a folder for a while, and find_similar.py builds their index. It is killed
(SIGKILL) --kills times on the way and started again. After each time, the rows that are there are counted, and the
most memory of the process is shown. At the end each picture must have its row, and those that are asked for
once more, as copies, must be found.

Exit codes: 0 all measured and right, 2 wrong usage or a picture that is lost, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from arguments.kinds import positive_int
from arguments.options import add_message_options
from arguments.parser import ArgumentParser
from console import EXIT_OK, configure_messages, run_script
from errors import UsageError

SCRIPT = Path(__file__).parent.parent / "find_similar.py"
IN_A_FOLDER = 1000
ASKED = 50  # pictures that are looked for at the end
LOOK_SECONDS = 0.2  # between two looks at the process


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog = "python -m benchmark.killed"
    parser.add_argument(
        "--pictures", type=positive_int, default=3000, metavar="N", help="pictures that are made (default: %(default)s)"
    )
    parser.add_argument(
        "--kills", type=positive_int, default=3, metavar="N", help="times that it is killed (default: %(default)s)"
    )
    add_message_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(args.quiet, args.debug)
    with tempfile.TemporaryDirectory(prefix="killed-") as name:
        folder = Path(name)
        make_pictures(folder / "photos", args.pictures)
        print(f"{'run':<12}{'seconds':>10}{'rows':>10}{'memory':>14}", flush=True)
        started = time.perf_counter()
        for number in range(1, args.kills + 1):
            memory = build(folder, args.pictures * number // (args.kills + 1))
            show(f"kill {number}", started, folder, memory)
        memory = build(folder, None)
        show("to the end", started, folder, memory)
        check(folder, args.pictures)
    print(f"all {args.pictures:,} are there, and {ASKED} copies are found")
    return EXIT_OK


def make_pictures(folder: Path, count: int) -> None:
    """Save small JPEGs of random colours, each another one, in folders of a thousand."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number // IN_A_FOLDER:04d}" / f"{number:08d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        colors = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
        colors.resize((96, 96), Image.Resampling.BICUBIC).save(path)


def build(folder: Path, rows: int | None) -> int:
    """Run find_similar.py until so many rows are there, and kill it, or to its end; return its memory, MiB."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "-q", "--image", str(folder / "photos"), "--index", str(folder / "index")],
        stdout=subprocess.DEVNULL,
    )
    memory = 0
    try:
        while process.poll() is None and (rows is None or counted(folder) < rows):
            with contextlib.suppress(OSError):  # it has ended, or the system has no /proc
                status = Path(f"/proc/{process.pid}/status").read_text()
                memory = max(memory, *(int(line.split()[1]) >> 10 for line in status.splitlines() if "VmRSS" in line))
            time.sleep(LOOK_SECONDS)
    finally:
        process.kill()
        code = process.wait()
    if code > 0:
        raise UsageError(f"find_similar.py ended with exit code {code}")
    return memory


def counted(folder: Path) -> int:
    """Return how many pictures have been written."""
    from similarity.small import SMALL
    from similarity.store import SMALL_FILE

    small = folder / "index" / SMALL_FILE
    return small.stat().st_size // SMALL if small.exists() else 0


def show(name: str, started: float, folder: Path, memory: int) -> None:
    """Print a line of the table."""
    from similarity import open_index

    with open_index(folder / "index", "exact") as index:
        print(f"{name:<12}{time.perf_counter() - started:>10.1f}{len(index):>10,}{memory:>10,} MiB", flush=True)


def check(folder: Path, count: int) -> None:
    """Raise UsageError unless all pictures are there, with the vectors that are computed of them now."""
    from similarity import find, open_index

    photos = sorted((folder / "photos").rglob("*.jpg"))
    copies = folder / "copies"
    copies.mkdir()
    for path in photos[:: max(1, count // ASKED)]:
        shutil.copyfile(path, copies / path.name)
        with (copies / path.name).open("ab") as file:
            file.write(b"\0")  # another content, so that it is computed
    with open_index(folder / "index", "exact") as index:
        if sorted(picture.path for picture in index.pictures) != list(map(str, photos)):
            raise UsageError(f"the index is wrong: it has {len(index)} pictures, and not the {count} of the folder")
        for answer in find(index, [str(copies)], top_k=1):
            if Path(answer.matches[0].path).name != Path(answer.query).name:
                raise UsageError(f"the index is wrong: nearest to {answer.query} is {answer.matches[0].path}")


if __name__ == "__main__":
    sys.exit(run_script(main))
