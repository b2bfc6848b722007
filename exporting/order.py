"""What a process of its own is told to do, and how a format's module is found."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from classifiers import Classifier
from exporting.formats import FORMATS, Format


@dataclass(frozen=True)
class Order:
    """Write a classifier in a format, or run the file that was written."""

    format_name: str
    precision: str
    classifier: Classifier
    path: Path  # of the file or folder
    metadata: dict[str, str]  # that is put into the file
    squares: np.ndarray = field(repr=False)  # uint8 RGB [N, S, S, 3]: to calibrate with, or to run on

    @property
    def format(self) -> Format:
        """The row of the table."""
        return FORMATS[self.format_name]


class Exporter(Protocol):
    """What the module of a format has."""

    def write(self, order: Order) -> None:
        """Write the file; raises whatever the format's own packages raise."""

    def load(self, order: Order) -> Callable[[np.ndarray], np.ndarray]:
        """Return what computes uint8 RGB [N, S, S, 3] -> float32 probabilities [N, classes], with any N."""


def exporter_of(order: Order) -> Exporter:
    """Import the module of a format."""
    return cast(Exporter, importlib.import_module(order.format.module))
