"""From a label as people write it to the class of a model."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from unicodedata import normalize

from errors import UsageError
from labels import ClassLabel

BREAKS = r"[_\-. ]+"  # where the label at the start of a file's name may end


class ClassIndex:
    """Which class a label means: an id or a name of the model's; case, Unicode form and blanks may differ."""

    def __init__(self, model: str, labels: Sequence[ClassLabel]) -> None:
        self._model = model
        self._labels = labels
        self._exact: dict[str, list[int]] = {}
        self._loose: dict[str, list[int]] = {}
        for index, (class_id, label) in enumerate(labels):
            self._exact.setdefault(nfc(label), []).append(index)
            self._loose.setdefault(_loose(label), []).append(index)
            if class_id != str(index):  # a position is no id that people write
                self._exact.setdefault(nfc(class_id), []).append(index)

    def __contains__(self, label: str) -> bool:
        return bool(self._find(label))

    def index_of(self, label: str) -> int:
        """Return the class that `label` means; raises UsageError when it is none, or several."""
        found = self._find(label)
        if len(found) == 1:
            return found[0]
        if found:
            ids = " and ".join(self._labels[index].class_id for index in found)
            raise UsageError(f"'{label}' names {len(found)} classes of {self._model}; use their ids, {ids}")
        close = difflib.get_close_matches(_loose(label), self._loose, n=1)
        hint = f"; did you mean '{self._labels[self._loose[close[0]][0]].label}'?" if close else ""
        raise UsageError(f"{self._model} has no class '{label}'{hint}")

    def label_of(self, text: str) -> str:
        """Return the label that a text means, which may also be the position of a class, from 0, as in WebDataset."""
        if text in self or not text.isdecimal() or int(text) >= len(self._labels):
            return text
        class_id, label = self._labels[int(text)]
        return class_id if class_id in self else label

    def label_at_start_of(self, name: str) -> str | None:
        """Return the longest label that a file's name begins with, or None."""
        ends = [len(name), *(match.start() for match in reversed(list(re.finditer(BREAKS, name))))]
        return next((name[:end] for end in ends if name[:end] in self), None)

    def _find(self, label: str) -> list[int]:
        return self._exact.get(nfc(label)) or self._loose.get(_loose(label)) or []


def nfc(text: str) -> str:
    """Return a name in the one Unicode form that names are compared in: macOS decomposes letters such as é."""
    return text if text.isascii() else normalize("NFC", text)


def class_names(labels: Sequence[ClassLabel]) -> tuple[str, ...]:
    """Return a name of each class for people; of several classes with one name, with their ids."""
    counts = Counter(label for _id, label in labels)
    return tuple(f"{label} ({class_id})" if counts[label] > 1 else label for class_id, label in labels)


def _loose(label: str) -> str:
    return nfc(re.sub(r"[\s_-]+", "_", nfc(label).strip()).casefold())
