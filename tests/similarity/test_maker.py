"""What makes vectors: features of a model of the registry, or of a trained folder, which is recognised again."""

import shutil

import numpy as np
import pytest
from conftest import IMAGES

from classifiers import load_classifier
from classifiers.folder import write_trained
from engines.runtime import Runtime
from errors import UsageError
from models import find_model
from networks import Head, Network
from networks.trained import build_features, build_head, join_head, save_classifier
from preprocess import read_square
from similarity.maker import maker_again, maker_of

NETWORK = Network((find_model("efficientnet_lite0"),), 2, Head())


@pytest.fixture
def trained(tmp_path):
    """The folder of a classifier on the backbone as it was published."""
    folder = tmp_path / "trained"
    folder.mkdir()
    save_classifier(
        join_head(build_features(NETWORK, "imagenet"), build_head(1280, 2, NETWORK.head)), NETWORK,
        folder / "model.keras",
    )  # fmt: skip
    write_trained(folder, NETWORK, ["cats", "dogs"], NETWORK.transform(), "0.0.0")
    return folder


@pytest.mark.slow
def test_a_trained_folder_gives_the_features_below_its_head(trained, tmp_path):
    published, own = maker_of(load_classifier()), maker_of(load_classifier(trained))
    squares = np.stack([read_square(path, own.transform) for path in sorted(IMAGES.iterdir())])
    vectors = own.predict(squares)
    assert vectors.shape == (4, 1280)
    np.testing.assert_allclose(vectors, published.predict(squares), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert maker_again(own.about, tmp_path, Runtime()).about == own.about
    assert own.about != published.about
    shutil.move(trained, tmp_path / "away")
    with pytest.raises(UsageError, match="cannot be loaded again"):
        maker_again(own.about, tmp_path, Runtime())
