"""Measure whether heat maps point at what a model sees, and what they cost, on pictures whose labels are known.

    python -m benchmark.heat imagenet-val/
    python -m benchmark.heat imagenet-val/ --model efficientnet_lite0 resnet50 --explain-method occlusion

FOLDER has a folder of pictures for each class, or pictures whose names begin with their class. Of each picture that a
model is right about, the quarter is blurred that its heat map ranks highest, and, --repeats times, a quarter at random
(a rectangle of the picture's proportions): what each costs of the score is printed as the mean over pictures. Speed is
that of computing maps and heat beside the probabilities, as a share of the speed without, measured in turns; "drawn" is
the milliseconds that laying a map over its picture and encoding that as JPEG take, which come on top.

Exit codes: 0 all measured, 2 wrong usage, 130 interrupted.
"""

if __name__ == "__main__":  # before all else, so that Ctrl-C ends in one line while the rest is imported, too
    import interrupts

    interrupts.exit_at_once()

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from arguments.kinds import positive_int
from arguments.options import add_backbones, add_engine_options, add_message_options, add_option
from arguments.parser import ArgumentParser
from arguments.values import runtime_from
from classifiers import Classifier
from classifiers.load import make_classifier
from console import EXIT_OK, configure_messages, run_script
from errors import UsageError
from results import Explanation
from settings import EXPLAIN_METHODS, MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

BLUR = 20  # the picture's short side is so many times the radius
QUARTER = 0.25
TURNS, TIMED = 5, 64  # turns of measuring the cost, and pictures in each


def make_parser() -> ArgumentParser:
    """Return the options of this script."""
    parser = ArgumentParser(__doc__)
    parser.prog, parser.usage = "python -m benchmark.heat", "%(prog)s [options] FOLDER"
    parser.add_argument("folder", metavar="FOLDER", help="pictures whose labels are known")
    add_backbones(parser)
    parser.add_argument("--explain-method", choices=EXPLAIN_METHODS, default="auto", help="as in classify_image.py")
    parser.add_argument(
        "--repeats", type=positive_int, default=3, metavar="N", help="random quarters of each picture (default: 3)"
    )
    add_option(parser, "--weights")
    add_engine_options(parser)
    add_option(parser, "--workers")
    add_option(parser, "--cache-dir")
    add_option(parser, "--no-cache")
    add_message_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = make_parser().parse_args(argv)
    configure_messages(args.quiet, args.debug)
    print(f"{'model':24}{'pictures':>9}{'hot quarter':>13}{'random':>9}{'ratio':>7}{'speed':>8}{'drawn':>10}")
    for model in args.model:
        classifier = make_classifier(model, runtime_from(args), args.weights, None, None, MAX_PIXELS)
        hot, random, drawn = measure_pictures(args, classifier)
        ratio = statistics.mean(hot) / statistics.mean(random)
        speed = measure_speed(args, classifier)
        print(
            f"{model.name:24}{len(hot):9}{statistics.mean(hot):13.3f}{statistics.mean(random):9.3f}"
            f"{ratio:7.2f}{speed:8.0%}{1000 * statistics.median(drawn):7.1f} ms",
            flush=True,
        )
    return EXIT_OK


def measure_pictures(args: argparse.Namespace, classifier: Classifier) -> tuple[list[float], list[float], list[float]]:
    """Return what blurring costs of each picture's score, the hottest quarter and a random one; and draw_seconds."""
    import numpy as np

    from labels.classes import ClassIndex
    from preprocess import read_image
    from sources.labelled import read_folder

    classes = ClassIndex(classifier.name, classifier.labels)
    rng = np.random.default_rng(0)
    hot, random, drawn = [], [], []
    for path, label, _split in read_folder(args.folder, classes):
        image = read_image(path)
        best = next(classifier.classify([image], top_k=1)).predictions[0]
        if classes.index_of(label) != classes.index_of(best.class_id):
            continue
        found = classifier.explain(image, best.class_id, method=args.explain_method)
        hottest = found.map >= np.quantile(found.map, 1 - QUARTER)
        masks = [hottest, *(random_quarter(found.map.shape, rng) for _ in range(args.repeats))]
        lost = [found.score - score_blurred(classifier, image, mask, best.class_id) for mask in masks]
        hot.append(lost[0])
        random.append(statistics.mean(lost[1:]))
        drawn.append(draw_seconds(image, found))
    if not hot:
        raise UsageError(f"{classifier.name} is right about none of the pictures in {args.folder}; give others")
    return hot, random, drawn


def draw_seconds(image: "Image.Image", found: Explanation) -> float:
    """Return how long it takes to draw a heat map over its picture, with the label, and to encode that as JPEG."""
    import numpy as np

    from outputs.annotate import draw_label, encode_image, name_and_score
    from outputs.explain import lay_over

    started = time.perf_counter()
    copy = draw_label(lay_over(np.asarray(image), found.map), name_and_score(found.label, found.score))
    encode_image(copy, ".jpg")
    return time.perf_counter() - started


def random_quarter(shape: tuple[int, ...], rng: "np.random.Generator") -> "np.ndarray":
    """Return a mask of a rectangle with half of the height and half of the width: bool [height, width]."""
    import numpy as np

    mask = np.zeros(shape, bool)
    top, left = (rng.integers(0, side - side // 2 + 1) for side in shape)
    mask[top : top + shape[0] // 2, left : left + shape[1] // 2] = True
    return mask


def score_blurred(classifier: Classifier, image: "Image.Image", mask: "np.ndarray", class_id: str) -> float:
    """Return the score of a class when a part of the picture is blurred; `mask` is bool [height, width]."""
    import numpy as np
    from PIL import ImageFilter

    blurred = image.filter(ImageFilter.GaussianBlur(min(image.size) / BLUR))
    picture = np.where(mask[..., None], np.asarray(blurred), np.asarray(image))
    everything = next(classifier.classify([picture], top_k=len(classifier.labels))).predictions
    return next(prediction.score for prediction in everything if prediction.class_id == class_id)


def measure_speed(args: argparse.Namespace, classifier: Classifier) -> float:
    """Return the speed with maps and the heat of the best class, as a share of the speed without: a median of turns."""
    import numpy as np

    size = classifier.transform.size
    squares = np.random.default_rng(0).integers(0, 255, (TIMED, size, size, 3), np.uint8)
    explainer = classifier.explainer(args.explain_method)

    def explain() -> None:
        outputs = explainer.engine.predict(squares)
        for square, each in zip(squares, outputs, strict=True):
            explainer.heat(square, each, [int(explainer.scores(each).argmax())])

    ways = (lambda: classifier.predict(squares)), explain
    shares = []
    for turn in range(TURNS + 1):
        seconds = []
        for way in ways:
            started = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - started)
        if turn:  # the first one loads the engines
            shares.append(seconds[0] / seconds[1])
    return statistics.median(shares)


if __name__ == "__main__":
    sys.exit(run_script(main))
