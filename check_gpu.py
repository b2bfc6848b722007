"""Show what this machine can compute on, and prove it by computing.

    python check_gpu.py
    python check_gpu.py --backend tensorflow
    python check_gpu.py --backend jax torch --format jsonl

Each installed backend says which GPUs it sees, or why it sees none. Then a convolution and a matrix
product are computed on the CPU and on every GPU, compared with NumPy and timed, and every GPU has to
classify a picture (without a GPU, OpenVINO does, on the CPU). The last line is the verdict.

Exit codes: 0 a usable GPU, all of it right; 1 no usable GPU, but the CPU works; 2 broken: a GPU that
fails, wrong numbers, nothing that works, or wrong usage; 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import os
    import sys

    if sys.flags.safe_path:  # python -I and -P hide the folder of the suite
        sys.path.insert(0, os.path.dirname(__file__))
        os.environ.pop("PYTHONSAFEPATH", None)  # for the processes that it starts
    import interrupts

    interrupts.exit_at_once()

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from arguments.kinds import positive_int
from arguments.options import add_message_options, add_option
from arguments.parser import ArgumentParser
from console import configure_messages, run_script
from console.text import printable
from engines.backends import BACKENDS
from labels import ClassLabel, read_labels
from models import find_model
from probe.reports import PICTURE_CLASS, PICTURE_MODEL, BackendReport, Device, Proof
from probe.verdict import Verdict, describe, judge, status

PICTURE = Path(__file__).resolve().parent / "images" / "coffee.png"
TIMEOUT = 120  # seconds; a first computation on a new GPU compiles for long
SUMMARIES = {
    "usable": "usable GPU",
    "cpu": "no usable GPU",
    "broken": "BROKEN",
    "failed": "does not work",
}

logger = logging.getLogger("suite")


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    group = parser.add_argument_group("check")
    add_option(
        group, "--backend", nargs="+", choices=tuple(BACKENDS), default=list(BACKENDS), metavar="NAME",
        help=f"backends to check: {', '.join(BACKENDS)} (default: all)",
    )  # fmt: skip
    add_option(
        group, "--format", choices=tuple(FORMATS), default="text",
        help="text for people, or jsonl: a line of JSON for each backend and one for the verdict (default: text)",
    )  # fmt: skip
    group.add_argument(
        "--timeout", type=positive_int, default=TIMEOUT, metavar="SECONDS",
        help="give up on a backend that has not answered after so many seconds (default: %(default)s)",
    )  # fmt: skip
    add_message_options(parser)
    return parser


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read and check the command line, in a fraction of a second."""
    parser = make_parser()
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = parse(argv)
    configure_messages(args.quiet, args.debug)
    from networks import Network
    from preprocess import read_square
    from probe.children import probe_backends

    backends = list(dict.fromkeys(args.backend))
    logger.info("checking %s: this takes some seconds for each", ", ".join(backends))
    pixels = read_square(PICTURE, Network((find_model(PICTURE_MODEL),)).transform()).tobytes()
    reports = probe_backends(backends, pixels, args.timeout, args.debug)
    verdict = judge(reports)
    for line in FORMATS[args.format](reports, verdict, read_labels()):
        print(line, flush=True)
    return verdict.exit_code


def text_lines(reports: Sequence[BackendReport], verdict: Verdict, labels: Sequence[ClassLabel]) -> Iterator[str]:
    """Yield the lines that people read: a block for each backend, and the verdict."""
    for report in reports:
        summary = SUMMARIES[status(report)] if report.installed else report.error
        yield f"{report.backend} {report.version}".strip() + f": {summary}"
        yield from (f"  {printable(line)}" for line in facts(report))
        yield from (f"  {printable(proof_line(proof, labels))}" for proof in report.proofs)
        yield ""
    yield f"{verdict.verdict}: {printable(verdict.reason)}"


def facts(report: BackendReport) -> Iterator[str]:
    """Yield what a backend was built for, what it sees, and why it sees no GPU."""
    build, driver = report.build, report.driver
    for name, built, found in (
        ("CUDA", build.cuda_built, build.cuda_found),
        ("cuDNN", build.cudnn_built, build.cudnn_found),
    ):
        if built or found:
            yield f"{name}: built for {built or 'an unknown version'}, found {found or 'none'}"
    if driver.version and BACKENDS[report.backend].gpus == "NVIDIA":
        yield f"NVIDIA's driver: {driver.version}, for CUDA up to {driver.cuda}"
    yield from map(device_line, report.devices)
    if report.why_no_gpu:
        yield f"no GPU: {report.why_no_gpu}"
    if report.error and report.installed:
        yield f"error: {report.error}"


def device_line(device: Device) -> str:
    """Name a GPU in a line."""
    memory = f", {device.memory_bytes / 2**30:.1f} GiB" if device.memory_bytes else ""
    capability = f", compute capability {device.compute_capability}" if device.compute_capability else ""
    return f"{device.name}: {device.model}{memory}{capability}"


def proof_line(proof: Proof, labels: Sequence[ClassLabel]) -> str:
    """Sum up a proof in a line: where, what, right or wrong, how far off and how fast."""
    head = f"{proof.device:6} {proof.task.replace('_', ' '):15} {'right' if proof.right else 'WRONG'}"
    if proof.error:
        return f"{head}  {describe(proof)}"
    if proof.class_index is not None:
        expected = "" if proof.right else f", not {labels[PICTURE_CLASS].label}"
        return f"{head}  {labels[proof.class_index].label} {proof.score:.2%}{expected}"
    ratio = f", {proof.ratio_to_cpu:,.1f} times the CPU" if proof.ratio_to_cpu else ""
    return f"{head}  off by {proof.difference:.0e} (allowed: {proof.tolerance:.0e}), {proof.gflops:,.0f} GFLOP/s{ratio}"


def jsonl_lines(reports: Sequence[BackendReport], verdict: Verdict, labels: Sequence[ClassLabel]) -> Iterator[str]:
    """Yield the lines that programs read: an object for each backend, and one for the verdict."""
    for report in reports:
        fields = asdict(report) | {"status": status(report)}
        for proof in fields["proofs"]:
            proof["label"] = None if proof["class_index"] is None else labels[proof["class_index"]].label
        yield json.dumps(fields)
    yield json.dumps(asdict(verdict))


FORMATS: dict[str, Callable[..., Iterator[str]]] = {"text": text_lines, "jsonl": jsonl_lines}

if __name__ == "__main__":
    sys.exit(run_script(main))
