"""Train a classifier for your own classes: one folder of pictures for each.

    python train_classifier.py --data pets/ --output runs/pets
    python train_classifier.py --data simpsons/ --model inception_v3 xception resnet50 --augment --output runs/simpsons
    python train_classifier.py --data simpsons/ --fine-tune --output runs/simpsons-ft
    python train_classifier.py --labels-csv pets.csv --output runs/pets-csv
    python train_classifier.py --output runs/simpsons-ft --resume
    python classify_image.py --image cat.jpg --model runs/pets

The data is pets/cats/, pets/dogs/ and so on, or has train/, validation/ and test/ with such folders inside, or is
listed in a CSV file. docs/data.md shows all layouts.

Exit codes: 0 trained, 2 wrong usage or something missing, 130 interrupted (--resume goes on).
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
import importlib.util
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from arguments.kinds import fraction, layers, positive, positive_int, share, whole
from arguments.options import (
    add_engine_options,
    add_message_options,
    add_option,
    add_own_backbones,
    add_search_options,
)
from arguments.parser import ArgumentParser
from arguments.values import check_preprocess_is_used, runtime_from, search_of
from classifiers.folder import TEST_FILE
from console import EXIT_OK, configure_messages, logger, run_script
from engines.runtime import Runtime
from networks import HEADS, Network
from networks.own import read_backbone, told_apart
from networks.weights import Weights
from training.options import (
    AUGMENTATIONS,
    AUTO,
    CLASS_WEIGHTS,
    EPOCH_DEFAULTS,
    OPTION_NAMES,
    Options,
    meant_by,
    read_options,
)
from training.output import is_complete, prepare_output, remove_checkpoints

MOST_CLASSES = 10  # whose results are printed one by one


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    _add_data_options(parser)
    _add_model_options(parser)
    _add_training_options(parser)
    _add_output_options(parser)
    add_message_options(parser)
    return parser


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, Runtime]:
    """Read and check the command line, in a fraction of a second; with --resume, also the options of the run."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if not args.output:
        parser.error("no output folder given; use --output DIR")
    if args.resume and (saved := read_options(args.output)):
        args = parser.parse_args(argv, argparse.Namespace(**_as_arguments(saved)))
        told = _options(args)
        for name in OPTION_NAMES:
            if getattr(told, name) != getattr(saved, name):
                parser.error(
                    f"--resume goes on with the options that the run began with: --{name.replace('_', '-')} "
                    f"{_told(getattr(saved, name))}; leave it out, or start anew with --force"
                )
    if not args.data and not args.labels_csv:
        parser.error("no data given; use --data DIR, or --labels-csv FILE")
    _check(parser, args)
    return args, runtime_from(args)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    add_option(group, "--data", help="a folder of pictures for each class, or train/, validation/, test/ of such")
    add_option(group, "--labels-csv")
    add_search_options(group)
    group.add_argument(
        "--split", type=share, nargs=3, default=[70.0, 20.0, 10.0], metavar=("TRAIN", "VALIDATION", "TEST"),
        help="how to divide the pictures of each class, unless folders do it already (default: 70 20 10)",
    )  # fmt: skip
    group.add_argument(
        "--deduplicate", action="store_true",
        help="leave out pictures of which a near-duplicate is validated or tested on: the same picture, also resized, "
        "compressed, cropped, mirrored or grey",
    )  # fmt: skip
    group.add_argument(
        "--augment", nargs="*", choices=(*AUGMENTATIONS, "none"), metavar="KIND",
        help=f"also train on altered copies of the pictures: {', '.join(AUGMENTATIONS)}; without a value, all of these "
        "(default: none for the head, all in fine-tuning)",
    )  # fmt: skip
    group.add_argument(
        "--views", type=positive_int, default=4, metavar="N",
        help="altered copies of each training picture that the head is trained on (default: %(default)s)",
    )  # fmt: skip
    resize_help = "how a picture is made square, in training and later (default: %(default)s)"
    add_option(group, "--resize", default="crop", help=resize_help)
    add_option(group, "--max-pixels", help="leave out pictures with more pixels (default: %(default)s)")
    add_option(group, "--workers")


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    add_own_backbones(group)
    add_option(
        group, "--weights", default="imagenet",
        help="weights that the backbones start from: a file, imagenet, or none for random ones (default: imagenet)",
    )  # fmt: skip
    group.add_argument(
        "--head", choices=HEADS, default="linear",
        help="put on top of the backbones: linear is one dense layer, solved in seconds; mlp is two, trained in epochs "
        "(default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--hidden-units", type=positive_int, metavar="N",
        help=f"size of the first layer of --head mlp (default: {EPOCH_DEFAULTS['hidden_units']})",
    )  # fmt: skip
    group.add_argument(
        "--dropout", type=fraction, metavar="X",
        help="share of the inputs that each training step of --head mlp drops "
        f"(default: {EPOCH_DEFAULTS['dropout']})",
    )  # fmt: skip
    add_engine_options(group)
    add_option(group, "--cache-dir", help="where features and compiled models are kept (default: the user's cache)")
    add_option(group, "--no-cache", help="neither use nor keep features and compiled models")


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    for name, kind, default, text in (
        ("--epochs", positive_int, None, "train --head mlp for at most N epochs"),
        ("--learning-rate", positive, None, "learning rate of --head mlp; rises to X and then falls to 0"),
        ("--patience", positive_int, None, "stop when the validation loss has not improved for N epochs"),
        ("--fine-tune-learning-rate", positive, 1e-3, "learning rate of fine-tuning; rises and falls, too"),
        ("--seed", whole, 0, "seed of the split, of the head's first weights and of the order of pictures"),
    ):
        metavar = "X" if kind is positive else "N"
        shown = EPOCH_DEFAULTS[name[2:].replace("-", "_")] if default is None else "%(default)s"
        group.add_argument(name, type=kind, default=default, metavar=metavar, help=f"{text} (default: {shown})")
    group.add_argument(
        "--fine-tune", type=layers, nargs="?", const=AUTO, default=0, metavar="N",
        help="afterwards also train the last N layers of each backbone; without N, its last stage (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--fine-tune-epochs", type=positive_int, metavar="N",
        help="fine-tune for N epochs (default: as many as show 22,000 pictures, 4 to 16)",
    )  # fmt: skip
    group.add_argument(
        "--class-weight", choices=CLASS_WEIGHTS, default=CLASS_WEIGHTS[0],
        help="balanced: all classes count alike; none: all pictures do, so that answers lean to common classes; auto: "
        "balanced, as long as that costs hardly any accuracy (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--deterministic", action="store_true", help="give the same result to the last bit every time; slower on a GPU"
    )


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    add_option(group, "--output", metavar="DIR", help="folder to write the classifier to")
    add_option(group, "--force", help="replace the run that is in DIR")
    add_option(group, "--resume", help="continue the run that is in DIR, with its options")
    group.add_argument("--tensorboard", action="store_true", help="write logs for `tensorboard --logdir DIR`")


def _options(args: argparse.Namespace) -> Options:
    """Return the options that decide the result."""
    values = {name: getattr(args, name) for name in OPTION_NAMES}
    values["data"] = os.path.abspath(args.data or os.path.dirname(args.labels_csv))
    values["labels_csv"] = args.labels_csv and os.path.abspath(args.labels_csv)
    values["exclude"] = list(search_of(args).exclude)
    values["model"] = [spec.weights_file or spec.name for spec in args.model]
    for name in meant_by(args.head, args.fine_tune):
        if values[name] is None:
            values[name] = EPOCH_DEFAULTS[name]
    if Weights(args.weights).is_file:
        values["weights"] = os.path.abspath(args.weights)
    if args.augment is not None:
        values["augment"] = [kind for kind in args.augment if kind != "none"] if args.augment else list(AUGMENTATIONS)
    return Options(**values)


def _as_arguments(options: Options) -> dict:
    """Return the command line's arguments that stand for these options."""
    models = [read_backbone(name) for name in options.model]
    return asdict(options) | {"model": models, "augment": ["none"] if options.augment == [] else options.augment}


def _told(value: object) -> str:
    if value is None:
        return "was not given"
    return f"was {shlex.join(map(str, value)) if isinstance(value, list) else value}"


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what argparse cannot judge by itself, before anything heavy is imported."""
    check_preprocess_is_used(args.model, args.preprocess)
    backbones = told_apart(args.model, args.preprocess)
    Weights(args.weights).check(Network(backbones))
    if own := [spec.name for spec in backbones if spec.weights_file and args.weights != "imagenet"]:
        parser.error(f"--weights {args.weights} cannot go with --model {own[0]}, which brings its own")
    for spec in backbones:
        if spec.weights_file and Path(spec.weights_file).resolve().is_relative_to(Path(args.output).resolve()):
            parser.error(f"--model {spec.weights_file} lies in --output {args.output}; give another folder")
    if not args.split[0] or not args.split[1]:
        parser.error("--split needs shares for training and validation; only the test share may be 0")
    for name in set(EPOCH_DEFAULTS) - meant_by(args.head, args.fine_tune):
        if getattr(args, name) is not None:
            also = " or --fine-tune" if name == "patience" else ""
            parser.error(f"--{name.replace('_', '-')} is for --head mlp{also}; --head linear is solved, without epochs")
    if args.tensorboard and not (args.fine_tune or args.head == "mlp"):
        parser.error("--tensorboard shows epochs, and --head linear has none; give --fine-tune or --head mlp")
    if args.tensorboard and importlib.util.find_spec("tensorboard") is None:
        parser.error("--tensorboard needs a package that is not installed; pip install tensorboard")
    if not args.labels_csv and Path(args.output).resolve().is_relative_to(Path(args.data).resolve()):
        parser.error(f"--output {args.output} lies in the data; give a folder outside of {args.data}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args, runtime = parse(argv)
    configure_messages(args.quiet, args.debug)
    output, options = Path(args.output), _options(args)
    if args.resume and is_complete(output):
        remove_checkpoints(output)  # a run may have been killed just before it had removed all
        logger.info("%s is complete: there is nothing to resume (--force starts anew)", output)
        return EXIT_OK
    from training.dataset import read_data

    data = read_data(options)  # what is wrong with it is said before the output is touched
    prepare_output(output, options, args.force, args.resume)
    from training.run import train

    try:
        results = train(options, data, runtime, output)
    except KeyboardInterrupt:
        command = shlex.join(["python", "train_classifier.py", "--output", args.output, "--resume"])
        raise KeyboardInterrupt(f"what is done is kept; to go on: {command}") from None
    print(describe(results, output))
    return EXIT_OK


def describe(results: dict | None, output: Path) -> str:
    """Sum up the results of a run in a few lines."""
    saved = f"saved: {output}, for python classify_image.py --image PICTURE --model {shlex.quote(str(output))}"
    if results is None:
        return saved
    from training.report import note_on_interval

    low, high = results["interval_95"]
    right = f"{results['right']} of {results['pictures']}"
    lines = [f"test accuracy: {results['accuracy']:.2%} ({right}), 95 % interval {low:.1%} to {high:.1%}"]
    lines += _describe_classes({name: found for name, found in results["classes"].items() if found["pictures"]})
    return "\n".join([*lines, *(f"note: {note}" for note in note_on_interval(results)), saved])


def _describe_classes(tested: dict[str, dict]) -> list[str]:
    """Return a line for each class, or for the worst of many: those of which the smallest share is found."""
    shown, lines = list(tested), []
    if len(tested) > MOST_CLASSES:
        shown = sorted(tested, key=lambda name: (tested[name]["recall"], -tested[name]["pictures"]))[:MOST_CLASSES]
        lines = [f"  the worst {MOST_CLASSES} of {len(tested)} classes ({TEST_FILE} has all):"]
    return lines + [
        f"  {name}: {tested[name]['recall']:.2%} ({tested[name]['right']} of {tested[name]['pictures']})"
        for name in shown
    ]


if __name__ == "__main__":
    sys.exit(run_script(main))
