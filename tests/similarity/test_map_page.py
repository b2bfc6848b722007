"""The page of `--map` in a real browser."""

import re
import shutil

import numpy as np
import pytest
from conftest import assert_soon
from indexes import build, make_pictures
from PIL import Image

from outputs.album import folder_of
from settings import MAX_PIXELS
from similarity import open_index
from similarity.map import MapPage

HOSTILE = ("<img src=x onerror=alert(2)>", "\u202egnp", "a \"quote\" & 'another'", "two\nlines\x1b[2J", "x" * 200)


def make_map(folder, *names, **options):
    """Write the map of pictures with these names; return its path."""
    make_pictures(folder, *names)
    build(folder / "index", folder)
    with open_index(folder / "index") as index:
        MapPage(str(folder / "map.html"), index, "pca", False, MAX_PIXELS, **options).write()
    return folder / "map.html"


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """The map of 30 pictures in three folders."""
    names = [f"{folder}/{number}.png" for folder in ("cats", "dogs", "fish") for number in range(10)]
    return make_map(tmp_path_factory.mktemp("pets"), *names)


def place_of(page, index):
    """Return where the picture of a row is in the window, pixels."""
    box = page.locator("#canvas").bounding_box()
    x, y = page.evaluate(f"[screenX(rows[{index}]), screenY(rows[{index}])]")
    return box["x"] + x, box["y"] + y


def found(page):
    return page.locator("#found").text_content()


def scale(page):
    return page.evaluate("view.scale")


def painted(page):
    """Return how large the map is as a file, without the small pictures: the more is on it, the larger."""
    return page.evaluate("copies.checked = false, draw(), canvas.toDataURL().length")


@pytest.mark.parametrize("row", [7, 22])
def test_click_shows_the_picture_and_its_neighbours(open_page, pets, row):
    page = open_page(pets)
    page.mouse.click(*place_of(page, row))
    card = page.get_by_role("region", name="The picture")
    assert card.locator("#card-path").inner_text().endswith(".png")
    shown = page.evaluate("chosen.index")
    assert card.locator("#card-path").inner_text() == page.evaluate(f"rows[{shown}].path")
    assert card.locator("#strip button").count() == 10
    assert_soon(page, lambda page: page.evaluate("byId['card-picture'].naturalWidth"), 48)
    card.locator("#strip button").nth(2).click()
    assert page.evaluate("chosen.index") == page.evaluate(f"rows[{shown}].near[2]")
    page.keyboard.press("Escape")
    assert card.is_hidden()


@pytest.mark.slow
def test_pointer_shows_what_it_is_over(open_page, pets):
    page = open_page(pets)
    page.get_by_label("small pictures").uncheck()
    page.mouse.move(*place_of(page, 12))
    assert page.locator("#card").is_visible()
    assert page.locator("#strip button").count() == 0
    page.mouse.move(5, 5)
    assert_soon(page, lambda page: page.locator("#card").is_hidden(), True)


def test_zooms_by_wheel_keys_and_buttons(open_page, pets):
    page = open_page(pets)
    whole = scale(page)
    x, y = place_of(page, 3)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    assert_soon(page, lambda page: scale(page) > 2 * whole, True)
    assert place_of(page, 3) == pytest.approx((x, y), abs=2)  # what is under the pointer stays there
    page.locator("#canvas").focus()
    page.keyboard.press("0")
    assert scale(page) == whole
    page.keyboard.press("+")
    page.get_by_role("button", name="Zoom in").click()
    assert scale(page) == pytest.approx(2.25 * whole)
    before = place_of(page, 3)
    page.keyboard.press("ArrowRight")  # the button has the focus: nothing moves
    assert place_of(page, 3) == before
    page.get_by_role("button", name="Show all").click()
    assert scale(page) == whole


@pytest.mark.slow
def test_drag_moves_and_chooses_nothing(open_page, pets):
    page = open_page(pets)
    page.keyboard.press("+")
    x, y = place_of(page, 3)
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 230, box["y"] + 240, steps=3)
    page.mouse.up()
    assert place_of(page, 3) == pytest.approx((x + 30, y + 40), abs=0.01)
    assert page.evaluate("chosen") is None


def test_filters_by_legend_and_words(open_page, pets):
    page = open_page(pets)
    all_of_them = painted(page)
    page.locator("#labels-list label", has_text="dogs").locator("input").uncheck()
    assert found(page) == "20 of 30 pictures"
    fewer = painted(page)
    page.get_by_role("button", name="none").click()
    assert painted(page) < fewer < all_of_them
    page.get_by_role("button", name="all", exact=True).click()
    page.get_by_label("Words").fill("FISH 7.png")
    assert_soon(page, found, "1 of 30 pictures")
    page.locator("#canvas").focus()
    page.keyboard.press("Enter")
    assert page.locator("#card-label").inner_text() == "fish"


@pytest.mark.slow
def test_odd_ones_are_listed_and_lead_to_their_place(open_page, pets):
    page = open_page(pets)
    assert page.locator("#odd summary").inner_text().startswith("Odd ones (")
    page.locator("#odd-list button").first.click()
    assert page.evaluate("isOdd(chosen) && isOnScreen(chosen)")
    assert page.locator("#card-odd").is_visible()


@pytest.mark.slow
def test_small_pictures_do_not_lie_on_each_other(open_page, pets):
    page = open_page(pets)
    for _ in range(4):
        places = page.evaluate("placeCopies().map(row => [screenX(row), screenY(row)])")
        side = page.evaluate("sideOfCopies()")
        pairs = [(a, b) for number, a in enumerate(places) for b in places[:number]]
        assert all(max(abs(a[0] - b[0]), abs(a[1] - b[1])) >= side for a, b in pairs)
        page.get_by_role("button", name="Zoom in").click()


@pytest.mark.slow
@pytest.mark.parametrize("colors", ["light", "dark"])
def test_fits_on_a_phone(open_page, pets, colors):
    page = open_page(pets, 360, colors)
    page.mouse.click(*place_of(page, 5))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    box, stage = page.locator("#card").bounding_box(), page.locator("#stage").bounding_box()
    assert box["x"] >= stage["x"]
    assert box["x"] + box["width"] <= stage["x"] + stage["width"]
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 100) is (colors == "dark")


@pytest.mark.slow
def test_two_fingers_zoom(browser, pets):
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(pets.as_uri())
    whole = scale(page)
    send = context.new_cdp_session(page).send
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 120), ("touchEnd", None)):
        points = [] if apart is None else [{"x": 200 - apart, "y": 350, "id": 0}, {"x": 200 + apart, "y": 350, "id": 1}]
        send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert scale(page) == pytest.approx(3 * whole, rel=0.01)
    assert page.evaluate("chosen") is None
    context.close()


def test_hostile_names_do_nothing(open_page, tmp_path):
    path = make_map(tmp_path, *(f"{name}/{name}{number}.png" for name in HOSTILE for number in range(3)))
    page = open_page(path, width=360)
    assert page.locator("script").count() == 3
    for index in range(3 * len(HOSTILE)):
        page.evaluate(f"choose(rows[{index}])")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("#labels-list li").count() == len(HOSTILE)
    assert "<img src=x" not in path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_folder_that_is_missing_is_said(browser, tmp_path):
    path = make_map(tmp_path, "a/1.png", "b/2.png", most_inside=0)
    shutil.rmtree(folder_of(str(path)))
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator("#missing").wait_for()
    page.close()


MEAN = """(row) => {
    const { image, from } = copyOf(row);
    const paint = new OffscreenCanvas(tile, tile).getContext("2d");
    paint.drawImage(image, ...from, 0, 0, tile, tile);
    const pixels = paint.getImageData(0, 0, tile, tile).data;
    return [0, 1, 2].map((band) => pixels.reduce((sum, value, at) => sum + (at % 4 === band) * value, 0) / tile ** 2);
}"""


@pytest.mark.slow
def test_many_are_shown_on_sheets_and_in_their_files(open_page, tmp_path):
    page = open_page(make_map(tmp_path, *(f"{n:02}.png" for n in range(70)), most_copies=0))
    assert_soon(page, lambda page: page.evaluate("placeCopies().every((row) => copyOf(row).image.complete)"), True)
    for row in (0, 9, 63, 64, 69):
        page.evaluate(f"copyOf(rows[{row}]).image.decode()")
        with Image.open(tmp_path / f"{row:02}.png") as picture:
            mean = np.asarray(picture).mean(axis=(0, 1))
        assert page.evaluate(f"({MEAN})(rows[{row}])") == pytest.approx(mean.tolist(), abs=5)
    page.mouse.click(*place_of(page, 1))
    assert_soon(page, lambda page: page.evaluate("byId['card-picture'].naturalWidth"), 48)


@pytest.mark.slow
def test_everything_has_a_name_for_screen_readers(open_page, pets):
    page = open_page(pets)
    unnamed = "e => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())"
    assert page.evaluate(f"[...document.querySelectorAll('input, select, button')].filter({unnamed}).length") == 0
    assert page.locator("img:not([alt])").count() == 0
    assert page.get_by_role("status").inner_text() == "30 of 30 pictures"
