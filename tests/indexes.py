"""What the tests of indexes share: an engine whose vectors say which picture it was, and pictures to tell apart."""

from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from similarity.build import Builder, Counts
from similarity.index import Index, open_index
from similarity.maker import Maker
from similarity.search import unit
from similarity.small import brightness, small_copy
from similarity.store import Store
from transforms import Transform

ABOUT = {"model": "mean", "backbones": ["mean"], "weights": "none", "weights_file": "", "transform": {"resize": "pad"}}
SQUARE = Transform(8, "pad")


class Means:
    """The mean colours of a picture's quarters, and how many pictures were computed."""

    computed = 0

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Compute uint8 RGB [N, 8, 8, 3] -> float32 [N, 12]."""
        self.computed += len(pixels)
        return pixels.reshape(len(pixels), 2, 4, 2, 4, 3).mean((2, 4), np.float32).reshape(len(pixels), -1)


def make_pictures(folder: Path, *names: str) -> None:
    """Save a picture of random colours for each name; those of the same name are the same."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        colors = np.random.default_rng(sum(map(ord, name)) % 2**16).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(colors).resize((48, 32), Image.Resampling.NEAREST).save(folder / name)


def build(folder: Path, *pictures: Path | str) -> tuple[Counts, int]:
    """Bring an index up to date; return what was done, and how many pictures were computed."""
    engine = Means()
    with closing(Store(folder, ABOUT)) as store:
        counts = Builder(store, Maker(ABOUT, SQUARE, engine), batch_size=4).build(list(map(str, pictures)))
    return counts, engine.computed


def paths(folder: Path) -> list[str]:
    """Return the paths in an index, sorted, after checking that each has the vector of its picture."""
    with open_index(folder) as index:
        check_vectors(index)
        return sorted(picture.path for picture in index.pictures)


def check_vectors(index: Index) -> None:
    """Check that each row's facts, vector and small picture are those of one picture."""
    for row, picture in enumerate(index.pictures):
        with Image.open(picture.path) as image:
            wanted = Means().predict(np.asarray(image.convert("RGB").resize((8, 8), Image.Resampling.BOX))[None])[0]
            small = brightness(small_copy(image)[None])
            assert (picture.width, picture.height) == image.size
        assert index.vectors[row].astype(np.float32) @ wanted > 0.97 * np.linalg.norm(wanted)
        assert np.abs(brightness(index.small[row : row + 1]) - small).mean() < 2


def groups(count: int, of_each: int, size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of unit length, float32 [N, size], in groups around centres, and each one's group."""
    rng = np.random.default_rng(0)
    centres = np.eye(size)[:count]
    labels = np.repeat(np.arange(count), of_each)
    vectors = centres[labels] + 0.05 * rng.standard_normal((len(labels), size))
    return unit(vectors).astype(np.float32), labels
