"""Class names: ImageNet's 1,000, shipped as text, and files of one's own.

A labels file is text in UTF-8 (or UTF-16) with one class a line, in the order of the model's outputs:
either `label`, or `class_id<TAB>label`.
"""

from pathlib import Path
from typing import NamedTuple

from errors import UsageError
from files import open_text

IMAGENET_FILE = Path(__file__).with_name("imagenet.txt")


class ClassLabel(NamedTuple):
    """One class of a model: a stable id (a WordNet id for ImageNet) and a name for people."""

    class_id: str
    label: str


def read_labels(path: str | Path = IMAGENET_FILE) -> tuple[ClassLabel, ...]:
    """Read a labels file; a class without an id gets its position, from 0, as one.

    Raises UsageError when the file cannot be read, is not UTF-8 text, or has an empty line
    among the labels (which would shift every class after it).
    """
    try:
        with open_text(path) as file:
            lines = file.read().rstrip().split("\n")
    except OSError as error:
        raise UsageError(f"cannot read the labels file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the labels file {path} is not UTF-8 text: {error}; save it as UTF-8") from error
    if lines == [""]:
        raise UsageError(f"the labels file {path} is empty; write one label a line")
    return tuple(_parse_line(line, index, path) for index, line in enumerate(lines))


def _parse_line(line: str, index: int, path: str | Path) -> ClassLabel:
    class_id, tab, label = line.partition("\t")
    if not tab:
        class_id, label = str(index), line
    if not label.strip():
        raise UsageError(f"line {index + 1} of the labels file {path} is empty; every line names one class")
    return ClassLabel(class_id.strip(), label.strip())
