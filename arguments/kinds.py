"""What the value of an option may be: argparse's `type`, with an error that says what was given."""

import argparse
import math
from collections.abc import Callable

from classifiers.folder import TrainedFolder
from classifiers.load import find_named
from engines.runtime import is_device
from errors import UsageError
from models import ModelSpec, find_model
from networks.own import check_preprocess
from networks.own_file import is_own
from sources.sampling import parse_sampling

MAX_INT = 2**31 - 1


def model(name: str) -> ModelSpec | TrainedFolder:
    """Argument type: a registry row by its name, a trained model by its folder, or a Keras model by its file."""
    try:
        return find_named(name)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def registry_model(name: str) -> ModelSpec:
    """Argument type: a registry row by its name."""
    if is_own(name):
        raise argparse.ArgumentTypeError(
            f"{name} is a Keras model of one's own, and only models of the registry can be backbones; if it is one of "
            "those with other weights, name that and give --weights FILE"
        )
    try:
        return find_model(name)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def preprocess(name: str) -> str:
    """Argument type: a way to preprocess."""
    try:
        return check_preprocess(name)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive_int(text: str) -> int:
    """Argument type: a whole number from 1."""
    if not text.isdecimal() or not 1 <= int(text) <= MAX_INT:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1")
    return int(text)


def probability(text: str) -> float:
    """Argument type: a number from 0 to 1."""
    return number(text, lambda value: 0 <= value <= 1, "a number from 0 to 1 (0.85 is 85 %)")


def device(text: str) -> str:
    """Argument type: auto, cpu, gpu or gpu:N."""
    if not is_device(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not auto, cpu, gpu or gpu:N")
    return text


def whole(text: str) -> int:
    """Argument type: a whole number from 0."""
    return 0 if text == "0" else positive_int(text)


def sampling(text: str) -> str:
    """Argument type: which frames of a video, such as 1s, 30 or scene."""
    try:
        parse_sampling(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def layers(text: str) -> int | str:
    """Argument type: a whole number from 0, or auto."""
    return text if text == "auto" else whole(text)


def share(text: str) -> float:
    """Argument type: a number from 0."""
    return number(text, lambda value: value >= 0, "a number of at least 0")


def fraction(text: str) -> float:
    """Argument type: a number from 0 to below 1."""
    return number(text, lambda value: 0 <= value < 1, "a number of at least 0 and below 1")


def positive(text: str) -> float:
    """Argument type: a number above 0."""
    return number(text, lambda value: value > 0, "a number above 0")


def number(text: str, is_right: Callable[[float], bool], what: str) -> float:
    """Return a finite number that `is_right`; raises ArgumentTypeError, which says `what` is wanted, for another."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and is_right(value)):
        raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
    return value
