"""Read a picture and print what it gives, and the MiB that this took at its peak: `python tests/peak.py PICTURE`."""

import sys
from pathlib import Path

from errors import ImageError
from preprocess import read_image


def peak_mib() -> float:
    """Return this process's peak of resident memory; `getrusage` would count its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def main() -> None:
    """Read the picture on the command line."""
    before = peak_mib()
    try:
        print(read_image(sys.argv[1]).size)
    except ImageError as error:
        print(error)
    print(peak_mib() - before)


if __name__ == "__main__":
    main()
