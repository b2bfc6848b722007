"""The page of `--gallery` in a real browser."""

import re
import shutil

import pytest
from conftest import IMAGES, assert_soon
from galleries import ANSWERS, HOSTILE, LABELS, make_gallery, many

from outputs.album import folder_of


def names(page):
    return page.locator(".tile .file").all_text_contents()


def found(page):
    return page.locator("#found").text_content()


def widths(page):
    return set(page.evaluate("[...document.querySelectorAll('main img')].map(e => e.naturalWidth)"))


def headings(page):
    return page.locator("main h2").all_inner_texts()


@pytest.mark.parametrize("most_inside", [10**9, 0])
def test_pictures_are_shown_under_their_labels(open_page, tmp_path, most_inside):
    page = open_page(make_gallery(tmp_path / "page #1.html", ANSWERS | many(6), most_inside=most_inside))
    assert [re.sub(r"\s+", " ", text) for text in headings(page)] == ["cat 5", "dog 3", "unsure 1", "failed 1"]
    assert page.locator("#found").inner_text() == "10 of 10 pictures"
    assert_soon(page, widths, {400})
    assert page.locator("main img").count() == 9
    assert page.locator(".failed").inner_text().startswith("no such file <gone>")
    assert page.locator("#missing").is_visible() is False


def test_folder_that_is_missing_is_said(browser, tmp_path):
    path = make_gallery(tmp_path / "page.html", many(3), most_inside=0)
    shutil.rmtree(folder_of(path))
    page = browser.new_page()
    page.goto(path.as_uri())
    page.locator("#missing").wait_for()
    assert "the folder page_files has to lie beside" in page.locator("#missing").inner_text()
    page.close()


def test_filters_by_label_score_and_words(open_page, tmp_path):
    page = open_page(make_gallery(tmp_path / "page.html", ANSWERS | many(30)))
    page.locator("#label").select_option("dog (11)")
    assert len(names(page)) == 11
    page.locator("#from").fill("50")
    assert_soon(page, found, "6 of 34 pictures")
    assert page.locator("#from + span").inner_text() == "50\xa0%"
    page.get_by_label("Words").fill("PNG 02")
    assert_soon(page, found, "3 of 34 pictures")
    assert names(page) == ["027.png", "024.png", "021.png"]
    page.get_by_label("Words").fill("<nothing>")
    assert_soon(page, found, "0 of 34 pictures")
    page.get_by_role("button", name="Show all").click()
    assert len(names(page)) == 34


def test_sliders_do_not_cross(open_page, tmp_path):
    page = open_page(make_gallery(tmp_path / "page.html", many(10)))
    page.locator("#to").fill("30")
    page.locator("#from").fill("60")
    assert page.locator("#to").input_value() == "60"
    assert_soon(page, found, "1 of 10 pictures")


def test_sorts(open_page, tmp_path):
    answers = {"b10.png": [("cat", 0.5)], "b9.png": [("dog", 0.9)], "a.png": [("cat", 0.7)]}
    page = open_page(make_gallery(tmp_path / "page.html", answers))
    assert names(page) == ["a.png", "b10.png", "b9.png"]  # by label
    page.get_by_label("under their labels").uncheck()
    orders = {"falling": "b9 a b10", "rising": "b10 a b9", "path": "a b9 b10", "order": "b10 b9 a"}
    for order, expected in orders.items():
        page.locator("#sort").select_option(order)
        assert names(page) == [f"{name}.png" for name in expected.split()]


def test_large_view_by_keyboard(open_page, tmp_path):
    page = open_page(make_gallery(tmp_path / "page.html", ANSWERS))
    dialog = page.get_by_role("dialog")
    page.locator(".tile").first.focus()
    page.keyboard.press("Enter")
    assert dialog.locator(".bars li").all_inner_texts() == ["cat\n90.0%", "dog\n5.0%"]
    assert dialog.locator("#large-picture").get_attribute("alt") == "cat, cat"
    page.keyboard.press("ArrowRight")
    assert dialog.locator("#place").inner_text() == "2 of 4"
    assert dialog.locator(".bars li").first.inner_text() == "dog\n60.0%"
    page.keyboard.press("End")
    assert dialog.locator("#large-error").inner_text() == "no such file <gone>"
    assert dialog.locator("#large-picture").is_hidden()
    assert dialog.get_by_role("button", name="Next picture").is_disabled()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert dialog.get_by_role("heading").inner_text() == "unsure"
    page.keyboard.press("Escape")
    page.locator(".tile:focus", has_text="unsure").wait_for()  # the dialog closes in its time
    assert dialog.is_hidden()
    page.keyboard.press("ArrowLeft")
    page.locator(".tile:focus", has_text="dog").wait_for()


def test_focus_stays_in_the_large_view(open_page, tmp_path):
    page = open_page(make_gallery(tmp_path / "page.html", ANSWERS))
    page.locator(".tile").nth(1).click()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement == document.body || !!document.activeElement.closest('dialog')")


def test_heat_maps_are_shown(classify, open_page, tmp_path):
    classify("--image", IMAGES, "--gallery", tmp_path / "page.html", "--explain", tmp_path / "seen")
    page = open_page(tmp_path / "page.html")
    image = page.locator("main img").first
    before = image.get_attribute("src")
    page.get_by_label("heat maps").check()
    heat = image.get_attribute("src")
    assert heat != before
    page.locator(".tile").first.click()
    assert page.locator("#large-picture").get_attribute("src") == before
    assert page.locator("#large-heat").get_attribute("src") == heat
    assert page.locator("#large-seen figcaption").inner_text().startswith("what speaks for espresso: 95.")


def test_hostile_names_do_nothing(open_page, tmp_path):
    answers = {f"{number} {name}": [(name, 0.5)] for number, name in enumerate(HOSTILE)}
    failed = {f"failed {name}": None for name in HOSTILE}
    path = make_gallery(tmp_path / "page.html", answers | failed, LABELS, most_inside=10**8)
    page = open_page(path, width=360)
    assert len(names(page)) == 2 * len(HOSTILE)
    assert page.locator("script").count() == 2
    assert page.locator("img[src=x]").count() == 0
    page.locator(".tile").first.click()
    for _ in range(2 * len(HOSTILE)):
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.keyboard.press("ArrowRight")
    assert "<script>alert" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_fits_on_a_phone(open_page, tmp_path, colors):
    page = open_page(make_gallery(tmp_path / "page.html", ANSWERS | many(12)), 360, colors)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 100) is (colors == "dark")
    page.locator(".tile").first.click()
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


def test_everything_has_a_name_for_screen_readers(open_page, tmp_path):
    page = open_page(make_gallery(tmp_path / "page.html", ANSWERS))
    unnamed = "e => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())"
    assert page.evaluate(f"[...document.querySelectorAll('input, select, button')].filter({unnamed}).length") == 0
    assert page.locator("img:not([alt])").count() == 0
    assert page.get_by_role("status").inner_text() == "4 of 4 pictures"
    assert page.get_by_role("heading", level=2).count() == 4


@pytest.mark.slow
def test_thousands_open_and_lazily(open_page, tmp_path):
    page = open_page(make_gallery(tmp_path / "page.html", many(1000), most_inside=0))
    page.wait_for_load_state("networkidle")
    assert 10 < len(page.asked) < 500
    page.evaluate("scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
    assert_soon(page, lambda page: page.evaluate("[...document.querySelectorAll('main img')].at(-1).naturalWidth"), 400)
