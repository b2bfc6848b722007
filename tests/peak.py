"""Read pictures and print what each gives, and the MiB that this took at its peak: `python tests/peak.py PICTURE...`.

Several are read at once, on four threads, each to the square of a model; one is read whole.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from errors import ImageError
from preprocess import read_image, read_square
from transforms import Transform


def peak_mib() -> float:
    """Return this process's peak of resident memory; `getrusage` would count its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def reading(path: str, whole: bool) -> str:
    """Return the size of what is read, or why it cannot be."""
    try:
        return str(read_image(path).size if whole else read_square(path, Transform(224)).shape)
    except ImageError as error:
        return str(error)


def main() -> None:
    """Read the pictures on the command line."""
    before, paths = peak_mib(), sys.argv[1:]
    with ThreadPoolExecutor(4) as threads:
        print(*threads.map(lambda path: reading(path, whole=len(paths) == 1), paths), sep="\n")
    print(peak_mib() - before)


if __name__ == "__main__":
    main()
