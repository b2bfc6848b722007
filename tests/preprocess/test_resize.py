"""From any picture to the square that a model takes."""

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image

from models import find_model
from networks import Network
from preprocess import PADDING_COLOR, make_square, read_image, read_square
from transforms import Transform

GREY = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)
GRADIENTS = Image.fromarray(np.stack([GREY, GREY[:, ::-1], 255 - GREY], axis=-1))


def transform_of(model: str, resize: str = "crop") -> Transform:
    return Network((find_model(model),)).transform(resize)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (300, 300)])
def test_crop_is_short_side_then_centre(width, height):
    image = GRADIENTS.resize((width, height), Image.Resampling.BICUBIC)
    scale = 256 / min(width, height)
    resized = image.resize((round(width * scale), round(height * scale)), Image.Resampling.BILINEAR)
    left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224))).astype(int)
    assert np.abs(make_square(image, Transform(224, "crop", 224 / 256)) - expected).max() <= 2


@pytest.mark.parametrize("name", ["cat.png", "coffee.png", "camera.png"])  # Keras ignores rocket.jpg's profile
def test_stretch_is_what_keras_loads(name):
    from keras.utils import img_to_array, load_img

    expected = img_to_array(load_img(IMAGES / name, target_size=(224, 224)))
    assert (read_square(IMAGES / name, transform_of("resnet50", "stretch")) == expected).all()


GOLDEN = {  # pixels where the ways to resize differ most, by 10 and more, so that a change of resizer is seen
    "efficientnet_lite0": {(165, 57): (229, 229, 244), (183, 165): (247, 218, 178), (86, 211): (243, 189, 142)},
    "resnet50": {(89, 214): (208, 100, 42), (113, 82): (224, 198, 193), (149, 127): (158, 117, 94)},
}


@pytest.mark.parametrize("model", GOLDEN)
def test_golden_pixels(model):
    pixels = read_square(IMAGES / "coffee.png", transform_of(model)).astype(int)
    for position, color in GOLDEN[model].items():
        assert np.abs(pixels[position] - color).max() <= 2


def test_pad_keeps_everything():
    white = Image.new("RGB", (400, 100), "white")
    pixels = make_square(white, Transform(200, "pad"))
    margin = pixels[[*range(75), *range(125, 200)]]
    assert (pixels[75:125] == 255).all()
    assert (margin == PADDING_COLOR).all()


def test_without_crop_the_whole_picture_is_squeezed():
    halves = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 500, axis=1)).convert("RGB")
    pixels = make_square(halves, Transform(100, crop_fraction=None))
    assert (pixels[:, :48] == 0).all()
    assert (pixels[:, 52:] == 255).all()


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("crop_fraction", [None, 0.875, 1.0])
@pytest.mark.parametrize("mode", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_any_shape_becomes_the_square(size, mode, crop_fraction, interpolation):
    pixels = make_square(Image.new("RGB", size, "red"), Transform(32, mode, crop_fraction, interpolation))
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == (255, 0, 0)).all(axis=-1).any()


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_large_jpeg_decoded_at_reduced_scale_gives_nearly_the_same_square(tmp_path, mode):
    path = tmp_path / "large.jpg"
    Image.open(IMAGES / "coffee.png").resize((3000, 2000), Image.Resampling.BICUBIC).save(path, quality=92)
    transform = transform_of("efficientnet_lite0", mode)
    reduced = read_square(path, transform).astype(int)
    whole = make_square(read_image(path), transform)
    assert read_image(path, min_side=512).size == (1500, 1000)
    assert 0 < np.abs(reduced - whole).mean() < 1


def test_stretch_reads_large_jpegs_whole(tmp_path):
    path = tmp_path / "large.jpg"
    Image.open(IMAGES / "coffee.png").resize((3000, 2000)).save(path)
    transform = transform_of("efficientnet_lite0", "stretch")
    np.testing.assert_array_equal(read_square(path, transform), make_square(read_image(path), transform))
