"""A page with all pictures of an index, laid out by likeness."""

import argparse

from errors import UsageError
from similarity.index import Index


def write_map(args: argparse.Namespace, index: Index) -> None:
    """Write the page of --map."""
    raise UsageError(f"--map is not there yet: {args} {index}")
