"""--cluster: what goes with it, and the order that it gives."""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from arguments.values import STDIN, search_of
from classifiers import Classifier
from errors import UsageError
from outputs.formats import SUFFIXES, is_folder
from sources.named import Kind, is_on_disk, kind_of

if TYPE_CHECKING:
    from cluster.order import Order
    from outputs.parts import Parts
    from sources.spool import Spool

ON_ONE_MACHINE = ("annotate", "explain", "gallery", "copy_to", "link_to", "show")  # outputs that a cluster has not


def folder_of(output: str | None) -> str | None:
    """Return --output with a slash at its end, unless it is called like a file: a cluster writes folders only."""
    if output is None or Path(output).suffix.lower() in SUFFIXES:
        return output
    return output.rstrip("/" + os.sep) + "/"


def check_cluster(args: argparse.Namespace) -> None:
    """Raise UsageError for what a cluster cannot do; nothing of it is imported."""
    from cluster.connection import CLIENT, check_address

    if args.output is None or not is_folder(args.output):
        raise UsageError("--cluster writes a folder of parts; give --output FOLDER/")
    for name in ON_ONE_MACHINE:
        if getattr(args, name):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} works on one machine only; leave it out, or leave --cluster out")
    for path in args.image:
        if kind_of(path) in (Kind.CAMERA, Kind.STREAM):
            raise UsageError(f"--cluster cannot share {path}, which is live; leave --cluster out")
    if STDIN in args.image and args.cluster.startswith(CLIENT):
        raise UsageError(
            f"--cluster {CLIENT}... cannot read --image - from here; "
            "run on a machine of the cluster with --cluster auto, or name a folder"
        )
    if args.device.startswith("gpu:"):
        raise UsageError(
            f"--device {args.device} is one GPU of a machine; with --cluster give gpu, one for each worker"
        )
    check_address(args.cluster)


def order_from(args: argparse.Namespace, classifier: Classifier, parts: "Parts", folder: Path) -> "Order":
    """Return what a cluster is to do; what comes on stdin goes through a file in `folder`."""
    from cluster.order import Order

    images = tuple(_spool(args.null, folder) if path == STDIN else path for path in args.image)
    files = [path for path in (*args.image, args.output) if is_on_disk(path)]
    return Order(
        classifier, images, parts, search_of(args), args.top_k, args.threshold,
        cache=(args.cache_dir, not args.no_cache),
        folder=os.getcwd(), has_relative_paths=not all(map(os.path.isabs, files)),
    )  # fmt: skip


def _spool(null: bool, folder: Path) -> "Spool":
    from sources.spool import Spool

    if sys.stdin is None:
        raise UsageError("--image - reads paths from stdin, which is closed")
    spool = Spool(str(folder / "stdin"), b"\0" if null else b"\n")
    spool.fill(partial(os.read, sys.stdin.fileno()))
    return spool
