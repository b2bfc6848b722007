"""Measure how fast models classify on this machine, beside plain Keras.

    python benchmark_models.py --model resnet50 efficientnet_lite0
    python benchmark_models.py --model resnet50 --backend openvino tensorflow --precision float32 bfloat16
    python benchmark_models.py --batch-size 1 8 32 --images photos/ --format csv --output benchmark.csv

For each model, backend, precision and batch size: seconds from the start of a fresh process to its
answer for one JPEG, pictures per second through the whole pipeline and through the bare engine,
and peak memory; each as the median of --repeats, and beside two baselines measured in the same run:
`tutorial` (one load_img and model.predict for each picture) and `keras`
(image_dataset_from_directory and a batched model.predict), both on TensorFlow.

Exit codes: 0 all measured, 1 something could not be measured, 2 wrong usage, 130 interrupted.
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
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from arguments.kinds import positive_int
from arguments.options import (
    add_engine_options,
    add_message_options,
    add_option,
    add_search_options,
    add_several_models,
)
from arguments.parser import ArgumentParser
from arguments.values import check_backend_name, check_preprocess_is_used, search_of
from benchmark.plan import TRAINED, Setting, Task, Way, list_tasks, list_ways
from benchmark.processes import MeasurementError, measure, run_python
from benchmark.summary import Sample, make_rows
from benchmark.table import WRITERS, Run
from classifiers.folder import TrainedFolder
from console import EXIT_FAILED_INPUTS, EXIT_OK, configure_messages, logger, run_script
from engines.runtime import AUTO
from errors import UsageError
from models import ModelSpec
from networks.own import OwnModel, with_preprocess
from networks.weights import BUILT_IN_WEIGHTS, has_imagenet_weights
from outputs.overwrite import check_is_no_picture

Samples = dict[Task, list[Sample]]


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    group = parser.add_argument_group("what is measured")
    add_several_models(group)
    add_option(
        group, "--weights", metavar=None, choices=BUILT_IN_WEIGHTS,
        help="imagenet, or none for random weights; a trained model has its own "
        "(default: imagenet if they need no download, else none)",
    )  # fmt: skip
    add_option(group, "--preprocess")
    add_engine_options(group, several=True)
    group = parser.add_argument_group("how it is measured")
    group.add_argument(
        "--images", nargs="+", metavar="PATH", help="pictures and folders of pictures (default: the shipped ones)"
    )
    add_search_options(group)
    group.add_argument(
        "--count", type=positive_int, metavar="N",
        help="number of pictures; they are repeated to reach it (default: all of --images, or 100 shipped ones)",
    )  # fmt: skip
    group.add_argument(
        "--repeats", type=positive_int, default=3, metavar="N", help="measure everything N times (default: %(default)s)"
    )
    add_option(group, "--workers")
    group = parser.add_argument_group("output")
    add_option(group, "--output", help="write the table to a file (default: to stdout)")
    add_option(
        group, "--format", choices=tuple(WRITERS), default="text", help="format of the table (default: %(default)s)"
    )
    add_message_options(parser)
    return parser


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read and check the command line, in a fraction of a second."""
    parser = make_parser()
    args = parser.parse_args(argv)
    for backend in args.backend:
        check_backend_name(backend)
    check_preprocess_is_used(args.model, args.preprocess)
    for model in args.model:
        if isinstance(model, OwnModel) and model.is_saved_model:
            parser.error(
                f"--model {model.name} is a SavedModel, and plain Keras, which it is measured beside, has none"
            )
    args.model = [
        with_preprocess(model, args.preprocess) if isinstance(model, OwnModel) else model for model in args.model
    ]
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = parse(argv)
    configure_messages(args.quiet, args.debug)
    check_output(args.output)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        setting = prepare(args, Path(folder))
        ways = choose_ways(args)
        samples: Samples = {task: [Sample()] * args.repeats for task in list_tasks(ways)}
        errors: dict[Task, str] = {}
        try:
            measure_all(samples, errors, setting, args.repeats, args.quiet)
        finally:  # after Ctrl-C, too: what was measured is worth something
            run = Run(len(os.listdir(setting.pictures)), args.repeats, setting.cores, args.device)
            with open_output(args.output) as stream:
                WRITERS[args.format](make_rows(ways, samples, errors, setting.cores), run, stream)
    return EXIT_FAILED_INPUTS if errors else EXIT_OK


def open_output(path: str | None) -> contextlib.AbstractContextManager[TextIO]:
    """Open the file that --output names, or stdout."""
    return open(path, "w", encoding="utf-8", newline="") if path else contextlib.nullcontext(sys.stdout)


def check_output(path: str | None) -> None:
    """Raise UsageError before anything is measured when the file cannot be written; what it holds stays."""
    try:
        if path:
            check_is_no_picture("--output", path)
            open(path, "a").close()
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def prepare(args: argparse.Namespace, folder: Path) -> Setting:
    """Make the pictures in `folder`, and say what all measurements have in common."""
    from benchmark.pictures import fill_folder

    pictures = fill_folder(folder / "pictures", args.images, args.count, search_of(args))
    one_picture = folder / "one" / "picture.jpg"
    one_picture.parent.mkdir()
    shutil.copyfile(min(pictures.iterdir()), one_picture)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Setting(
        str(pictures), str(one_picture), str(folder / "graphs"), args.device, args.workers, cores, args.preprocess
    )


def choose_ways(args: argparse.Namespace) -> list[Way]:
    """Return the rows of the table, baselines included."""
    backends = list(dict.fromkeys(resolve(backend, args.device) for backend in args.backend))
    return [
        way
        for spec in args.model
        for way in list_ways(
            full_name(spec), choose_weights(spec, args.weights), backends, args.precision, args.batch_size
        )
    ]


def resolve(backend: str, device: str) -> str:
    """Return the backend that `auto` means on this machine; another process finds out, so that this one stays small."""
    if backend != AUTO:
        return backend
    program = "import sys; from engines import choose_backend; print(choose_backend('auto', sys.argv[1]))"
    try:
        return run_python("-c", program, device).stdout.strip()
    except MeasurementError as error:
        raise UsageError(str(error)) from error


def full_name(spec: ModelSpec | TrainedFolder) -> str:
    """Return a name by which processes with another current folder find a model."""
    if isinstance(spec, OwnModel):
        return os.path.abspath(spec.name)
    return os.path.abspath(spec.folder) if isinstance(spec, TrainedFolder) else spec.name


def choose_weights(spec: ModelSpec | TrainedFolder, wanted: str | None) -> str:
    """Return which weights to measure: a trained model's own, those `wanted`, ImageNet's if they are here, or none."""
    if isinstance(spec, TrainedFolder | OwnModel):
        return TRAINED
    if wanted or has_imagenet_weights(spec):
        return wanted or "imagenet"
    logger.info("%s: its ImageNet weights are not on this machine, so random ones are measured", spec.name)
    return "none"


def measure_all(samples: Samples, errors: dict[Task, str], setting: Setting, repeats: int, quiet: bool) -> None:
    """Fill in the samples and the errors, ours and the baselines' in turn.

    Every second round runs backwards, so that a machine that slows down or warms up favours
    nobody. A task that failed is not tried again.
    """
    with contextlib.suppress(MeasurementError):
        run_python("-c", "import tensorflow, keras")  # from the disk, so that the first baseline does not pay for it
    for repeat in range(repeats):
        tasks = list(samples) if repeat % 2 == 0 else list(reversed(samples))
        for number, task in enumerate(tasks, start=1 + repeat * len(tasks)):
            if task in errors:
                continue
            show_progress(f"[{number}/{repeats * len(tasks)}] {describe(task)}", quiet)
            try:
                samples[task][repeat] = measure(task, setting)
            except MeasurementError as error:
                errors[task] = str(error)
    show_progress("", quiet)


def describe(task: Task) -> str:
    """Describe a task for people."""
    parts = (task.model, task.backend, task.precision, task.batch_size and f"batch {task.batch_size}", task.kind)
    return " ".join(str(part).replace("_", " ") for part in parts if part)


def show_progress(text: str, quiet: bool) -> None:
    """Replace the last line of the terminal, if there is one."""
    if sys.stderr.isatty() and not quiet:
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{text[:width]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run_script(main))
