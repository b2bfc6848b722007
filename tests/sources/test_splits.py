"""Which names mean training, validation and test."""

import pytest

from errors import UsageError
from sources.splits import is_numbered_test, is_unlabelled, kindred_splits, plain_splits, split_of_word

NAMES = {
    "train": "train Train TRAINING training_set training-set trainset train_data traindata TrainData train_images "
    "images_train seg_train data.train train__set",
    "validation": "val valid Validation validation_set dev dev-set val_images",
    "test": "test Testing test_set testset TestImages imgs_test seg_test eval evaluation holdout hold-out",
}


@pytest.mark.parametrize(("name", "split"), [(name, split) for split, names in NAMES.items() for name in names.split()])
def test_name_of_a_split(name, split):
    assert plain_splits([name, "cats"]) == {name: split}


OTHERS = (
    "contest brain devil valley testament tests attest latest trainer steam_train train_station test_tube train1 "
    "train2017 cats evaluate seg_pred single_prediction"
)


def test_number_of_a_test():
    assert all(map(is_numbered_test, ["test1", "test_stg2", "Test-2"]))
    assert not any(map(is_numbered_test, ["test", "test_tube", "my1test2", "train1", "contest1", "1"]))


@pytest.mark.parametrize("name", OTHERS.split())
def test_name_of_no_split(name):
    assert plain_splits([name]) == {}


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train", "eval"], ["train", "test"]),
        (["train", "dev", "holdout"], ["train", "validation", "test"]),
        (["train", "test", "eval"], ["train", "test", "validation"]),
        (["train", "test", "holdout"], ["train", "test", "validation"]),
    ],
)
def test_what_is_held_out_is_the_test_unless_there_is_another(names, splits):
    assert list(plain_splits(names).values()) == splits


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["imagenet_train", "imagenet_val"], ["train", "validation"]),
        (["train2017", "val2017", "other"], ["train", "validation"]),
        (["train_224", "test_224"], ["train", "test"]),
        (["steam_train", "stress_test"], []),
        (["a_train", "a_test", "b_train", "b_test"], []),
    ],
)
def test_names_that_share_what_stands_beside_the_split(names, splits):
    assert list(kindred_splits(names).values()) == splits


def test_folders_of_pictures_to_predict_are_known():
    names = ["single_prediction", "seg_pred", "Unlabeled", "predator", "pets"]
    assert list(filter(is_unlabelled, names)) == names[:3]


@pytest.mark.parametrize(
    ("word", "split"), [("", ""), ("  ", ""), ("TRAIN", "train"), ("val ", "validation"), ("holdout", "test")]
)
def test_word_in_a_csv_file(word, split):
    assert split_of_word(word) == split


@pytest.mark.parametrize("word", ["fold1", "train2", "x"])
def test_unknown_word_is_refused(word):
    with pytest.raises(UsageError, match=f"the split '{word}' is none of train, validation and test"):
        split_of_word(word)
