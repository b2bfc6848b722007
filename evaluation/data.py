"""Which pictures are evaluated, and which ones a threshold is chosen on."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from classifiers.manifest import TrainedFrom, read_origin
from errors import UsageError
from evaluation.known import leave_out_known
from labels.classes import ClassIndex
from sources.labelled import (
    LabelledData,
    LabelledPictures,
    from_pairs,
    match_classes,
    read_folder,
    read_labels_csv,
)
from sources.named import Kind, kind_of
from sources.paths import Search
from sources.splits import SPLITS, TEST, VALIDATION


@dataclass(frozen=True)
class Data:
    """Labelled pictures that a model is judged on, and others to choose a threshold on."""

    test: LabelledPictures
    validation: LabelledPictures | None
    left_out: int = 0  # pictures that a model knows from its training
    notes: tuple[str, ...] = ()  # on these


def find_data(
    data: str | None,
    labels_csv: str | None,
    validation: str | None,
    classes: ClassIndex,
    trained: Sequence[Path] = (),
    search: Search = Search(),
) -> Data:
    """Return the pictures that options name; `trained` are the folders of the trained models.

    Of what names its test pictures, and of what a model was trained from, only the test pictures are
    evaluated, and of these only what no model knows from its training. Unless `validation` names them,
    validation pictures are those of the same. Raises UsageError as the readers of `sources.labelled` do,
    and when nothing is left.
    """
    origins = {str(folder): read_origin(folder) for folder in trained}
    origin = _common(origins.values())
    given = _read(data, labels_csv, list(filter(None, origins.values())), classes, search)
    test = match_classes(_test_part(given, origin), classes)
    evaluated = test.name if TEST in given.parts else given.name
    if validation and os.path.realpath(validation) == os.path.realpath(evaluated):
        raise UsageError(f"--validation {validation} is what is evaluated; a threshold is chosen on other pictures")
    others = _find_validation(validation, given, origin, classes, search)
    news = leave_out_known(test, {name: one.known for name, one in origins.items() if one})
    return Data(news.pictures, match_classes(others, classes) if others else None, news.left_out, news.notes)


def _common(origins: Iterable[TrainedFrom | None]) -> TrainedFrom | None:
    """Return what all models were trained from, if they tell and agree."""
    different = set(origins)
    return different.pop() if len(different) == 1 else None


def _read(
    data: str | None, labels_csv: str | None, origins: Sequence[TrainedFrom], classes: ClassIndex, search: Search
) -> LabelledData:
    if labels_csv:
        return read_labels_csv(labels_csv, data, search)
    assert data is not None  # one of both is given
    origin = next((one for one in origins if one.is_of(data)), None)
    if origin is None:
        return read_folder(data, classes, search)
    if origin.labels_csv:  # the folder alone does not tell which pictures it was
        return from_pairs(data, origin.part(*SPLITS))
    return read_folder(data, search=search)  # as the training read it


def _test_part(given: LabelledData, origin: TrainedFrom | None) -> LabelledData:
    """Return the test pictures of what is given, or all of it where nothing says which they are."""
    if TEST in given.parts:
        return given.part(TEST)
    if origin and origin.is_of(given.name) and (rows := origin.part(TEST)):
        return from_pairs(f"{given.name} (test pictures)", rows)
    if given.parts:
        there = " and ".join(sorted(given.parts))
        raise UsageError(
            f"{given.name} has {there}, but no test pictures; give those to evaluate alone, as "
            f"--data {next(iter(given.parts.values()))}"
        )
    return given


def _find_validation(
    named: str | None, given: LabelledData, origin: TrainedFrom | None, classes: ClassIndex, search: Search
) -> LabelledData | None:
    if named:
        is_folder = os.path.isdir(named) or kind_of(named) is Kind.ARCHIVE
        found = read_folder(named, classes, search) if is_folder else read_labels_csv(named, None, search)
        if found.parts and VALIDATION not in found.parts:
            there = " and ".join(sorted(found.parts))
            raise UsageError(f"--validation {named} has {there}, but no validation pictures; give those alone")
        return found.part(VALIDATION) if found.parts else found
    if VALIDATION in given.parts:
        return given.part(VALIDATION)
    if origin and (rows := origin.part(VALIDATION)) and os.path.exists(rows[0][0]):
        return from_pairs(f"{origin.folder} (validation pictures)", rows)
    return None
