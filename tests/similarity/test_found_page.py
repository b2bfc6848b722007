"""The pages of what find_similar.py found, as files and in a real browser."""

import zipfile
from base64 import b64decode

import numpy as np
import pytest
from conftest import IMAGES, assert_soon
from galleries import rows_of
from indexes import build, make_pictures
from PIL import Image

from drawing.thumbnails import decode
from errors import UsageError
from outputs.album import SIDE
from similarity import open_index
from similarity.duplicates import Member
from similarity.pages import DuplicatesPage, FoundPage
from similarity.query import Answer, Match

NAMES = ("a.png", "b.png", "c <img src=x onerror=alert(1)>.png", "d\u202e.png", "e.png", "f.png")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An index of six pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    make_pictures(folder, *NAMES)
    build(folder / "index", folder)
    with open_index(folder / "index") as opened:
        yield opened


def match(index, row, similarity):
    return Match(row, index.pictures[row].path, similarity)


def write_found(index, path):
    """Write the page of four queries: of two that found something, one that found nothing and one that failed."""
    paths = [picture.path for picture in index.pictures]
    with FoundPage(str(path), index, False) as page:
        page.write(Answer(paths[0], (match(index, 1, 0.9), match(index, 2, 0.5))))
        joined = {"like": (paths[1], paths[2]), "unlike": (paths[4],)}
        page.write(Answer(f"{paths[1]} + {paths[2]}", (match(index, 3, -0.25),), **joined))
        page.write(Answer(paths[5]))
        page.write(Answer("gone.png", error="no such file"))
    return path


def broken_answer():
    raise ZeroDivisionError


def write_duplicates(index, path):
    with DuplicatesPage(str(path), index, False) as page:
        page.write([Member(index.pictures[row], "same-picture", 0.98, row == 1) for row in (1, 0, 2)])
        page.write([Member(index.pictures[row], "very-similar", 0.8, row == 4) for row in (4, 3)])
    return path


def test_queries_and_what_was_found(index, tmp_path):
    rows = rows_of(write_found(index, tmp_path / "found.html"))
    assert [(row["group"], row["kind"], row["name"], row["score"]) for row in rows] == [
        (1, "anchor", "query", 1), (1, "named", "1.", 0.9), (1, "named", "2.", 0.5),
        (2, "anchor", "query", 1), (2, "anchor", "query", 1), (2, "anchor", "unlike", 1), (2, "named", "1.", -0.25),
        (3, "anchor", "query", 1), (4, "anchor", "query", 1),
    ]  # fmt: skip
    assert [bool(row["picture"]) for row in rows] == [True] * 8 + [False]
    assert rows[1]["about"].startswith("48 × 32, ")
    assert rows[1]["about"].endswith(" bytes, PNG")
    assert rows[7]["about"] == "nothing is as similar as --threshold asks for"
    assert rows[8]["error"] == "no such file"
    assert "Found for 4 queries" in (tmp_path / "found.html").read_text(encoding="utf-8")


def test_what_is_in_no_file_is_shown_as_the_index_knows_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(IMAGES / "cat.png", "cat.png")
    build(tmp_path / "index", tmp_path / "photos.zip")
    with open_index(tmp_path / "index") as index, FoundPage(str(tmp_path / "found.html"), index, False) as page:
        page.write(Answer(str(tmp_path / "photos.zip" / "cat.png")))
    (row,) = rows_of(tmp_path / "found.html")
    with Image.open(IMAGES / "cat.png") as cat, decode(b64decode(row["picture"].partition(",")[2])) as shown:
        assert shown.size == (SIDE, round(SIDE * cat.height / cat.width))
        assert np.abs(np.asarray(cat.convert("RGB").resize(shown.size), float) - np.asarray(shown)).mean() < 10


def test_best_of_duplicates_comes_first(index, tmp_path):
    rows = rows_of(write_duplicates(index, tmp_path / "duplicates.html"))
    assert [(row["group"], row["kind"], row["name"]) for row in rows] == [
        (1, "anchor", "best"), (1, "named", "same picture"), (1, "named", "same picture"),
        (2, "anchor", "best"), (2, "named", "very similar"),
    ]  # fmt: skip
    assert rows[0]["path"] == index.pictures[1].path
    assert {row["choice"] for row in rows} == {"same picture", "very similar"}


def test_page_is_whole_or_not_there(index, tmp_path):
    with pytest.raises(ZeroDivisionError), FoundPage(str(tmp_path / "found.html"), index, False) as page:
        page.write(broken_answer())
    assert not (tmp_path / "found.html").exists()
    (tmp_path / "found.html").touch()
    with pytest.raises(UsageError, match=r"--gallery: .*found\.html exists; --force overwrites it"):
        FoundPage(str(tmp_path / "found.html"), index, False)


# In a browser.


def headings(page):
    return [text.replace("\n", " ") for text in page.locator("main h2").all_inner_texts()]


def test_what_was_found_in_a_browser(open_page, index, tmp_path):
    page = open_page(write_found(index, tmp_path / "found.html"), width=360)
    assert page.locator("#found").inner_text() == "9 of 9 pictures"
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".tile.named").first.click()
    dialog = page.get_by_role("dialog")
    assert "1. · similarity 0.900 · 48 × 32" in dialog.locator("#large-about").inner_text()
    assert dialog.locator("#large-seen figcaption").inner_text().strip() == "query: a.png"
    assert dialog.locator("#large-heat").get_attribute("src") == page.evaluate("rows[0].picture")
    page.keyboard.press("ArrowLeft")
    assert dialog.locator("#large-seen").is_hidden()
    page.keyboard.press("End")
    assert dialog.locator("#large-error").inner_text() == "no such file"


@pytest.mark.slow
def test_filter_keeps_the_query_of_what_is_left(open_page, index, tmp_path):
    page = open_page(write_found(index, tmp_path / "found.html"))
    assert page.locator("#from + span").inner_text() == "0.00"
    page.locator("#to").fill("60")
    assert_soon(page, lambda page: page.locator("#found").inner_text(), "6 of 9 pictures")
    assert [text.split()[-1] for text in headings(page)] == ["2", "4"]
    page.locator("#from").fill("40")
    assert_soon(page, lambda page: page.locator("#found").inner_text(), "2 of 9 pictures")
    assert page.locator(".tile .name").all_inner_texts() == ["query", "2."]


@pytest.mark.slow
@pytest.mark.parametrize("colors", ["light", "dark"])
def test_duplicates_by_level(open_page, index, tmp_path, colors):
    page = open_page(write_duplicates(index, tmp_path / "duplicates.html"), 360, colors)
    assert headings(page) == ["1. same picture 3", "2. very similar 2"]
    page.get_by_label("Level").select_option("very similar (2)")
    assert headings(page) == ["2. very similar 2"]
    page.locator(".tile.named").click()
    caption = page.locator("#large-seen figcaption").inner_text().strip()
    assert caption == page.evaluate("`best: ${fileName(rows[3])}`")
