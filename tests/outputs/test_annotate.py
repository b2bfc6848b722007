"""Annotated copies: the caption is whole and readable, and no file is lost."""

import os
import shutil

import numpy as np
import pytest
from conftest import IMAGES
from nobody import as_nobody
from PIL import Image

from errors import ImageError, UsageError
from outputs import window
from outputs.annotate import PAPER, AnnotatedOutput, caption, draw_label, encode_image
from preprocess import read_image
from results import Prediction, Result
from settings import MAX_PIXELS
from sources import frames
from sources.frames import read_frame
from sources.pictures import Given
from transforms import Transform

TEXT = "tabby: 87.65%"


def result(source, label="tabby"):
    return Result(str(source), (Prediction("n02123045", label, 0.8765), Prediction("n02123159", "tiger cat", 0.1)))


def annotate(output, answer) -> None:
    """Have the picture that an answer is about read, and then drawn on."""
    output.write(read_frame(answer.source, Transform(32), keep=True), answer)


def annotator(folder, inputs, force=False) -> AnnotatedOutput:
    return AnnotatedOutput(folder, inputs, MAX_PIXELS, force)


def plain(height, width, color=(200, 120, 40)):
    return np.full((height, width, 3), color, np.uint8)


def drawn(pixels, text=TEXT):
    """Where the caption's light ink is."""
    return (draw_label(pixels, text) > 230).all(axis=-1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A new current folder that others may enter, with the photograph in/cat.png."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    os.mkdir("in")
    shutil.copy(IMAGES / "cat.png", "in")
    return tmp_path


def test_caption_is_the_best_label_and_its_score():
    assert caption(result("x")) == "tabby: 87.65%"
    assert len(caption(result("x", label="w" * 500))) < 80


@pytest.mark.parametrize("shape", [(60, 60), (1, 1), (5, 3000), (3000, 5), (30, 400), (400, 30)])
def test_small_pictures_get_a_bar_above_them(shape):
    pixels = np.random.default_rng(0).integers(0, 200, (*shape, 3), np.uint8)
    canvas = draw_label(pixels, TEXT)
    bar, left = canvas.shape[0] - shape[0], (canvas.shape[1] - shape[1]) // 2
    assert (canvas[bar:, left : left + shape[1]] == pixels).all()
    assert (canvas[:bar] > 230).all(axis=-1).any()


@pytest.mark.parametrize("shape", [(60, 60), (300, 451), (427, 640), (30, 400), (400, 30)])
@pytest.mark.parametrize("text", [TEXT, "W" * 60 + ": 100.00%"])
def test_caption_is_complete(shape, text):
    ink = drawn(plain(*shape), text)
    assert ink.any()
    assert not ink[:, [0, -1]].any()


def test_thumbnail_has_the_whole_caption():
    narrow, wide = drawn(plain(60, 60)), drawn(plain(60, 2000))
    assert (narrow == wide[:, : narrow.shape[1]]).all()
    assert not wide[:, narrow.shape[1] :].any()


def test_large_pictures_keep_their_size_and_what_is_below_the_bar():
    pixels = plain(4000, 6000)
    canvas = draw_label(pixels, TEXT)
    assert canvas.shape == pixels.shape
    assert (canvas[400:] == pixels[400:]).all()
    rows = np.flatnonzero((canvas > 230).all(axis=-1).any(axis=1))
    assert rows[-1] - rows[0] > 80  # readable on a 24-megapixel picture


def test_the_picture_itself_is_not_changed():
    pixels = plain(300, 400)
    draw_label(pixels, TEXT)
    assert (pixels == plain(300, 400)).all()


def test_letters_that_are_not_ascii_are_drawn():
    texts = ("???", "猫", "犬", "кот", "γάτα", "قطة", "고양이", "日本語", "é", "")
    assert len({drawn(plain(200, 300), text).tobytes() for text in texts}) == len(texts)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "A.TIFF", "a.webp", "a.jpg", "a.JPEG"])
def test_colors_are_right(tmp_path, name):
    (tmp_path / name).write_bytes(encode_image(plain(80, 80), (tmp_path / name).suffix))
    assert np.abs(np.asarray(read_image(tmp_path / name)).astype(int) - (200, 120, 40)).max() <= 4


def test_greyscale_and_turned_pictures(folder):
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(np.full((300, 400), 77, np.uint8)).save("in/grey.png", exif=exif)
    annotate(annotator("out", ["in"]), result("in/grey.png"))
    copy = np.asarray(read_image("out/grey.png"))
    assert copy.shape == (400, 300, 3)
    assert (copy[200:] == 77).all()
    assert (copy[:100] > 230).all(axis=-1).any()


@pytest.mark.parametrize(
    ("source", "inputs", "copy"),
    [
        ("in/a/1.jpg", ["in"], "a/1.jpg"),
        ("in/b/1.jpg", ["in"], "b/1.jpg"),
        ("in/b/1.jpg", ["in/a/1.jpg", "in/b/1.jpg"], "b/1.jpg"),
        ("in/a/1.jpg", ["./in/../in/a/1.jpg"], "1.jpg"),
        ("in/x.gif", ["in"], "x.gif.png"),
        ("in/x", ["in"], "x.png"),
        ("in/.png", ["in"], ".png.png"),
        ("in/X.JPG", ["in"], "X.JPG"),
    ],
)
def test_copies_mirror_the_folders_of_the_inputs(folder, source, inputs, copy):
    assert annotator("out", inputs).path_for(source) == type(folder)("out", copy)


@pytest.mark.parametrize(
    "name", ["ü 猫.png", "new\nline.png", "-x.png", "%s.png", "x.", "x" * 251 + ".png", os.fsdecode(b"\xff\xfe.png")]
)
def test_odd_names(folder, name):
    os.rename("in/cat.png", f"in/{name}")
    output = annotator("out", ["in"])
    annotate(output, result(f"in/{name}"))
    assert read_image(output.path_for(f"in/{name}")).size == (451, 300)


def test_animation_becomes_a_png(folder):
    read_image("in/cat.png").save("in/cat.gif")
    annotate(annotator("out", ["in"]), result("in/cat.gif"))
    assert (folder / "out/cat.gif.png").read_bytes().startswith(b"\x89PNG")


def test_existing_copy_is_overwritten_only_with_force(folder):
    annotate(annotator("out", ["in"]), result("in/cat.png", "first"))
    before = (folder / "out/cat.png").read_bytes()
    with pytest.raises(ImageError, match=r"out/cat\.png exists"):
        annotate(annotator("out", ["in"]), result("in/cat.png", "second"))
    assert (folder / "out/cat.png").read_bytes() == before
    annotate(annotator("out", ["in"], force=True), result("in/cat.png", "third"))
    assert (folder / "out/cat.png").read_bytes() != before


def test_same_copy_again_is_no_error(folder):
    for _ in range(2):
        annotate(annotator("out", ["in"]), result("in/cat.png"))


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_source_is_not_overwritten_through_a_link(folder, link):
    before = (folder / "in/cat.png").read_bytes()
    os.mkdir("out")
    link(folder / "in/cat.png", "out/cat.png")
    annotate(annotator("out", ["in"], force=True), result("in/cat.png"))
    assert (folder / "in/cat.png").read_bytes() == before
    assert os.listdir("out") == ["cat.png"]


@pytest.mark.parametrize(("output", "inputs"), [("in", ["in"]), (".", ["in/cat.png"]), ("in", ["in/cat.png", "b.png"])])
def test_folder_that_holds_an_input_is_refused(folder, output, inputs):
    with pytest.raises(UsageError, match="holds the input in"):
        annotator(output, inputs, force=True)


@pytest.mark.parametrize("change", [os.unlink, lambda path: Image.new("RGB", (9, 9)).save(path)], ids=["gone", "new"])
@pytest.mark.parametrize("most_kept", [frames.MOST_KEPT_BYTES, 0], ids=["as it is", "decoded"])
def test_picture_is_drawn_as_it_was_read_whatever_becomes_of_its_file(folder, change, most_kept, monkeypatch):
    monkeypatch.setattr(frames, "MOST_KEPT_BYTES", most_kept)
    annotate(annotator("expected", ["in"]), result("in/cat.png"))
    frame = read_frame("in/cat.png", Transform(32), keep=True)
    change("in/cat.png")
    annotator("out", ["in"]).write(frame, result("in/cat.png"))
    assert (folder / "out/cat.png").read_bytes() == (folder / "expected/cat.png").read_bytes()


def test_picture_that_has_no_file_is_drawn_on(folder):
    answer = result("array[0]")
    output = annotator("out", [])
    output.write(read_frame(Given(answer.source, plain(300, 400)), Transform(32), keep=True), answer)
    assert read_image("out/array[0].png").getpixel((200, 250)) == (200, 120, 40)


def test_window_shows_the_picture_as_it_was_read_until_it_is_told_to_stop(folder, monkeypatch):
    shown, keys = [], iter("xq")
    monkeypatch.setattr(window.cv2, "imshow", lambda _title, pixels: shown.append(pixels))
    monkeypatch.setattr(window.cv2, "destroyAllWindows", lambda: None)
    monkeypatch.setattr(window, "_wait_for_key", lambda: ord(next(keys)))
    frame = read_frame("in/cat.png", Transform(32), keep=True)
    expected = draw_label(np.asarray(read_image("in/cat.png")), TEXT)
    os.unlink("in/cat.png")
    output = window.WindowOutput(MAX_PIXELS)
    for _ in range(3):
        output.write(frame, result("in/cat.png"))
    assert len(shown) == 2
    assert (shown[0][..., ::-1] == expected).all()


def test_picture_that_failed_has_no_copy(folder):
    annotate(annotator("out", ["in"]), Result("in/gone.png", error="no such file"))
    assert os.listdir("out") == []


@pytest.mark.parametrize("name", ["locked/out", "file", "file/out"])
def test_folder_that_cannot_be_written(folder, name):
    os.mkdir("locked", 0o555)
    (folder / "file").touch()
    with as_nobody(), pytest.raises(UsageError, match=f"cannot write to --annotate {name}: "):
        annotator(name, ["in"])


def test_pictures_too_large_for_their_format_are_image_errors(folder):
    Image.new("RGB", (70_000, 8)).save("in/wide.jpg", "PNG")
    with pytest.raises(ImageError, match=r"cannot encode 70000 x 30 as \.jpg"):
        annotate(annotator("out", ["in"]), result("in/wide.jpg"))


def test_bar_is_dark_behind_the_ink():
    canvas = draw_label(plain(300, 400, (255, 255, 255)), TEXT)
    assert canvas[0, -1].max() < 120
    assert (draw_label(plain(10, 400), TEXT)[0, -1] == PAPER).all()


def test_name_too_long_for_its_copy_is_an_image_error(folder):
    name = "x" * 251 + ".gif"
    os.rename("in/cat.png", f"in/{name}")
    with pytest.raises(ImageError, match="name too long"):
        annotate(annotator("out", ["in"]), result(f"in/{name}"))


def test_locked_folder_among_the_copies_is_an_image_error(folder):
    os.makedirs("out/sub", 0o777)
    os.makedirs("in/sub")
    shutil.copy("in/cat.png", "in/sub")
    os.chmod("out", 0o777)
    os.chmod("out/sub", 0)
    with as_nobody(), pytest.raises(ImageError, match="Permission denied"):
        annotate(annotator("out", ["in"]), result("in/sub/cat.png"))
