"""The Python API: whatever holds a picture gives the answer of its file, and one that is none costs itself only."""

import io
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import IMAGES
from PIL import Image

from classifiers import load_classifier
from labels import ClassLabel, read_labels
from results import Prediction

LABELS = read_labels()
CAT = str(IMAGES / "cat.png")
COLOR = np.asarray(Image.open(IMAGES / "coffee.png").resize((64, 48)))
GREY = COLOR[..., 0]


class Digest:
    """Tells squares apart by all their pixels; keeps the sizes of its batches."""

    def __init__(self):
        self.sizes = []

    def predict(self, squares):
        self.sizes.append(len(squares))
        return np.eye(1000, dtype=np.float32)[[zlib.crc32(np.ascontiguousarray(one)) % 1000 for one in squares]]


CLASSIFIER = load_classifier(engine=Digest(), batch_size=4)


def answers(pictures) -> list[str]:
    """The label of each picture, or why there is none."""
    return [one.error or one.predictions[0].label for one in CLASSIFIER.classify(pictures)]


def label_of_file(image: Image.Image, path: Path, **options) -> str:
    image.save(path, **options)
    (result,) = CLASSIFIER.classify(path)
    assert not result.error
    return result.predictions[0].label


def with_alpha(mode: str) -> Image.Image:
    image = Image.fromarray(GREY if mode == "LA" else COLOR)
    image.putalpha(Image.fromarray(GREY))
    return image


def palette_with_a_transparent_color() -> Image.Image:
    image = Image.fromarray(COLOR).quantize(16)
    image.info["transparency"] = 3
    return image


#    mode      picture                                                   lossless format that has it
MODES = {
    "RGB":    (Image.fromarray(COLOR),                                   "PNG"),
    "L":      (Image.fromarray(GREY),                                    "PNG"),
    "1":      (Image.fromarray(GREY > 100),                              "PNG"),
    "P":      (palette_with_a_transparent_color(),                       "PNG"),
    "LA":     (with_alpha("LA"),                                         "PNG"),
    "RGBA":   (with_alpha("RGBA"),                                       "PNG"),
    "I;16":   (Image.fromarray(GREY.astype(np.uint16) * 257),            "PNG"),
    "I":      (Image.fromarray(GREY.astype(np.int32) * 1000),            "TIFF"),
    "F":      (Image.fromarray(GREY.astype(np.float32) / 255),           "TIFF"),
    "CMYK":   (Image.fromarray(COLOR).convert("CMYK"),                   "TIFF"),
    "LAB":    (Image.fromarray(COLOR, "LAB"),                            "TIFF"),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_pillow_image_of_any_mode_is_its_file(mode, tmp_path):
    image, format = MODES[mode]
    assert image.mode == mode
    label = label_of_file(image, tmp_path / "picture", format=format)
    assert answers([image, Image.open(tmp_path / "picture")]) == [label, label]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_pillow_image_is_turned_as_its_file_is(format, tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    lying = label_of_file(Image.fromarray(COLOR), tmp_path / "lying", format=format)
    turned = label_of_file(Image.fromarray(COLOR), tmp_path / "turned", format=format, exif=exif)
    assert turned != lying
    assert answers([Image.open(tmp_path / "turned"), Image.open(tmp_path / "lying")]) == [turned, lying]


#    shape            array of it
ARRAYS = {
    "[H, W]":        (GREY,                                        "L"),
    "[H, W, 1]":     (GREY[..., None],                             "L"),
    "[H, W, 3]":     (COLOR,                                       "RGB"),
    "[H, W, 4]":     (np.asarray(with_alpha("RGBA")),              "RGBA"),
    "read backwards": (COLOR[::-1, ::-1].copy()[::-1, ::-1],       "RGB"),
    "from BGR":      (COLOR[..., ::-1].copy()[..., ::-1],          "RGB"),
    "Fortran":       (np.asfortranarray(COLOR),                    "RGB"),
    "a part":        (np.pad(COLOR, ((9, 9), (9, 9), (0, 0)))[9:-9, 9:-9], "RGB"),
}  # fmt: skip


@pytest.mark.parametrize("shape", ARRAYS)
def test_array_is_its_file(shape, tmp_path):
    array, mode = ARRAYS[shape]
    label = label_of_file(MODES[mode][0], tmp_path / "picture", format="PNG")
    assert answers(array) == answers([array]) == [label]


def test_array_of_pictures_is_so_many(tmp_path):
    several = np.stack([COLOR, COLOR[::-1], 255 - COLOR])
    labels = [label_of_file(Image.fromarray(array), tmp_path / "x", format="PNG") for array in several]
    assert len(set(labels)) == 3
    assert answers(several) == labels
    assert [one.source for one in CLASSIFIER.classify([CAT, several])] == [CAT, "array[1]", "array[2]", "array[3]"]
    assert answers(several[:0]) == []


def test_bytes_and_open_files_are_their_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.write(CAT, "in/cat.png")
    data, every_other = Path(CAT).read_bytes(), np.repeat(np.fromfile(CAT, np.uint8), 2)
    with open(CAT, "rb") as file, open(CAT, "rb", 0) as raw, zipfile.ZipFile(tmp_path / "pictures.zip") as archive:
        pictures = [data, bytearray(data), memoryview(data), memoryview(every_other)[::2], io.BytesIO(data)]
        pictures += [file, raw, archive.open("in/cat.png")]
        results = list(CLASSIFIER.classify(pictures))
    assert {one.error or one.predictions[0].label for one in results} == set(answers(CAT))
    names = ["bytes[0]", "bytes[1]", "bytes[2]", "bytes[3]", "file[4]", CAT, CAT, "in/cat.png"]
    assert [one.source for one in results] == names


def released() -> memoryview:
    view = memoryview(b"")
    view.release()
    return view


def opened(mode: str, tmp_path: Path):
    file = open(tmp_path / "file", mode)  # noqa: SIM115  it is closed with the test
    file.write("x" if mode == "w" else b"x")
    return file


def closed_file(_tmp_path: Path):
    with open(CAT, "rb") as file:
        return file


def damaged_member(tmp_path: Path):
    """A file in an archive whose checksum is wrong, which zipfile says when it has been read."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("cat.png", Path(CAT).read_bytes())
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[5000] ^= 1
    return zipfile.ZipFile(io.BytesIO(data)).open("cat.png")


class Tensor:
    """What PyTorch and TensorFlow have: three axes to iterate over, the last of which cannot be."""

    ndim = 3

    def __array__(self, *_arguments, **_options):
        return COLOR

    def __iter__(self):
        raise TypeError("iteration over a 0-d tensor")


def closed_image(_tmp_path: Path) -> Image.Image:
    image = Image.open(CAT)
    image.close()
    return image


#    what               given                                name          error
NO_PICTURES = {
    "number":          (lambda _: 5,                        "int[1]",     "int is no picture; give a path, a"),
    "nothing":         (lambda _: None,                     "NoneType[1]", "is no picture"),
    "mapping":         (lambda _: {CAT: COLOR},             "dict[1]",    "dict is no picture"),
    "NumPy's number":  (lambda _: np.uint8(5),              "uint8[1]",   "uint8 is no picture"),
    "tensor":          (lambda _: Tensor(),                 "Tensor[1]",  "is no picture; .* a uint8 array"),
    "floats":          (lambda _: COLOR / 255,              "array[1]",   "numbers of type float64; give uint8"),
    "NaN":             (lambda _: np.full((9, 9), np.nan),  "array[1]",   "numbers of type float64; give uint8"),
    "truths":          (lambda _: GREY > 100,               "array[1]",   "numbers of type bool; give uint8"),
    "one number":      (lambda _: np.array(5, np.uint8),    "array[1]",   r"shape \[\]; give \[H, W\]"),
    "row":             (lambda _: GREY[0],                  "array[1]",   r"shape \[64\]; give"),
    "two channels":    (lambda _: COLOR[..., :2],           "array[1]",   r"shape \[48, 64, 2\]; give"),
    "five axes":       (lambda _: COLOR[None, None],        "array[1]",   r"shape \[1, 1, 48, 64, 3\]"),
    "no rows":         (lambda _: COLOR[:0],                "array[1]",   r"shape \[0, 64, 3\]; give"),
    "no pixels":       (lambda _: Image.new("RGB", (0, 9)), "image[1]",   "has no pixels: 0 x 9"),
    "closed image":    (closed_image,                       CAT,          "damaged PNG picture"),
    "no bytes":        (lambda _: b"",                      "bytes[1]",   "the file is empty"),
    "other bytes":     (lambda _: b"a letter",              "bytes[1]",   "is a text file, not a picture"),
    "released bytes":  (lambda _: released(),               "bytes[1]",   "the bytes cannot be read: "),
    "text file":       (lambda path: opened("w", path),     "{}/file",    "open as text; open it with mode 'rb'"),
    "text":            (lambda _: io.StringIO("x"),         "file[1]",    "open as text; open it with mode 'rb'"),
    "file to write":   (lambda path: opened("wb", path),    "{}/file",    "the file cannot be read: "),
    "closed file":     (closed_file,                        CAT,          "the file cannot be read: .*closed"),
    "broken file":     (damaged_member,                     "cat.png",    "the file cannot be read: Bad CRC-32"),
    "missing file":    (lambda path: path / "no.png",       "{}/no.png",  "no such file"),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_PICTURES)
def test_what_is_no_picture_is_told_in_its_place(what, tmp_path):
    make, name, error = NO_PICTURES[what]
    given = make(tmp_path)
    first, second, third = CLASSIFIER.classify([CAT, given, COLOR])
    if hasattr(given, "close"):
        given.close()
    assert (second.source, second.predictions) == (name.format(tmp_path), ())
    assert re.search(error, second.error)
    assert (first.error, third.error, third.source) == ("", "", "array[2]")


def test_what_is_given_stays_as_it_was(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    palette_with_a_transparent_color().save(tmp_path / "p.png", exif=exif)
    image, array = Image.open(tmp_path / "p.png"), COLOR.copy()
    array.flags.writeable = False
    before = Image.open(tmp_path / "p.png").copy()
    for _ in CLASSIFIER.classify_frames([image, array], keep=True):
        pass
    assert (image.mode, image.size, image.info) == (before.mode, before.size, before.info)
    assert image.tobytes() == before.tobytes()
    assert image.getexif()[0x112] == 6
    assert (array == COLOR).all()


def test_image_that_is_not_decoded_yet_may_be_given_many_times():
    """Pillow would be decoding it on several threads at once."""
    images = [image for _ in range(9) for image in [Image.open(IMAGES / "rocket.jpg")] * 4]
    assert len(set(answers(images))) == 1


def test_pictures_are_named_and_nested_in_many_ways(tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(COLOR).save(tmp_path / name)
    image = Image.fromarray(COLOR)
    pictures = [tmp_path, image, [str(tmp_path / "a.png"), (COLOR, [Path(CAT)])], iter([image]), f"{tmp_path}/b*.png"]
    sources = [one.source for one in CLASSIFIER.classify(given for given in pictures)]
    files = [f"{tmp_path}/a.png", f"{tmp_path}/b.png"]
    assert sources == [*files, "image[1]", files[0], "array[3]", CAT, "image[5]", files[1]]


def test_pictures_are_taken_as_they_are_needed():
    taken = []
    arrays = (taken.append(number) or np.full((9, 9), number % 256, np.uint8) for number in range(1000))
    results = CLASSIFIER.classify(arrays)
    assert taken == []
    assert next(results).source == "array[0]"
    assert len(taken) <= 4 + 2 * 4 + 1  # a batch, what is read ahead, and the one on its way
    assert sum(1 for _ in results) == 999


def test_best_labels_above_the_threshold():
    class Half:
        def predict(self, squares):
            return np.tile(np.float32([0.125, 0.5, 0.25]), (len(squares), 1))

    classifier = load_classifier(weights="none", labels=["a", ("n2", "b"), ClassLabel("n3", "c")], engine=Half())
    b, c, a = Prediction("n2", "b", 0.5), Prediction("n3", "c", 0.25), Prediction("0", "a", 0.125)
    for options, expected in (
        ({}, (b, c, a)),
        ({"top_k": 2}, (b, c)),
        ({"threshold": 0.25}, (b, c)),
        ({"top_k": 1, "threshold": 0.1}, (b,)),
        ({"threshold": 1}, ()),
    ):
        (result,) = classifier.classify(COLOR, **options)
        assert (result.predictions, result.error) == (expected, "")
