"""Which pictures are held out in which turn."""

from collections import Counter

import pytest

from classifiers.manifest import Picture
from errors import UsageError
from training.turns import MANY, held_out_turns


def pictures(**counts: int) -> list[Picture]:
    """So many pictures of each class; every fifth is for validation."""
    return [
        Picture(f"{label}/{number}", label, "validation" if number % 5 == 0 else "train", f"{label} {number:05}")
        for label, count in counts.items()
        for number in range(count)
    ]


@pytest.mark.parametrize(("counts", "turns"), [((7, 9), 5), ((3, 50), 3), ((2, 2), 2)])
def test_every_class_is_in_every_turn(counts, turns):
    given = pictures(cats=counts[0], dogs=counts[1])
    found = Counter(zip((picture.label for picture in given), held_out_turns(given), strict=True))
    assert found.keys() == {(label, turn) for label in ("cats", "dogs") for turn in range(turns)}


def test_copies_are_in_the_same_turn_and_names_do_not_count():
    given = pictures(cats=10, dogs=10)
    copies = [Picture("copy", one.label, "train", one.digest) for one in given]
    turns = held_out_turns(given + copies)
    assert turns[:20] == turns[20:]
    assert held_out_turns(given[::-1]) == turns[:20][::-1]


def test_of_many_pictures_validation_is_held_out_once():
    given = pictures(cats=MANY, dogs=30)
    assert held_out_turns(given) == [0 if one.split == "validation" else -1 for one in given]
    assert -1 not in held_out_turns(pictures(cats=MANY, dogs=20))  # of which 4 are for validation


def test_a_class_of_one_picture_is_an_error():
    with pytest.raises(UsageError, match="the class 'dogs' has too few pictures: 1 different ones"):
        held_out_turns(pictures(cats=9, dogs=1))
