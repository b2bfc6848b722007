"""Pictures that are the same, or nearly so."""

import argparse

from errors import UsageError
from similarity.index import Index


def report(args: argparse.Namespace, index: Index, against: Index | None = None) -> int:
    """Write the groups of duplicates of an index, or of its pictures that are in another one; return failures."""
    raise UsageError(f"--duplicates is not there yet: {args} {index} {against}")
