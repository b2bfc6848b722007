"""The report of an evaluation: its plots, its galleries, and a page that needs nothing else, also in a real browser."""

import base64
import io
import re
import shutil
from array import array
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from reports import COLORS, NAMES, PLANTED, judge, make_findings, pixels_of

from drawing.plot import to_images
from drawing.thumbnails import SIDE, thumbnail
from errors import UsageError
from evaluation.answers import AnswerStore
from evaluation.gallery import MOST_AT_ONCE, Group, Thumbnails, contact_sheet, list_galleries
from evaluation.metrics import evaluate
from evaluation.output import REPORT_FILES
from evaluation.plots import list_plots
from evaluation.report import write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_browser = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
PLOTS_OF_MANY = ("confusion", "scores", "coverage", "reliability")
ALONE = ("report.html", "suspects.csv", "plots/accuracy.png", "plots/accuracy.svg")
WIDTHS = {"phone": 390, "desktop": 1280}
OVERFLOWING = """[...document.querySelectorAll("main *")]
    .filter(e => !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML)"""

# Of the first block of plots, reduced to N: the block's box, and each plot's and its picture's.
BOXES_OF_PLOTS = """count => {
    const plots = document.querySelector(".plots:not(.single)"), figure = plots.querySelector("figure");
    plots.replaceChildren(...Array.from({length: count}, () => figure.cloneNode(true)));
    const box = ({x, y, width, height}) => ({x, y, width, height});
    const boxes = chosen => [...plots.querySelectorAll(chosen)].map(e => box(e.getBoundingClientRect()));
    return [box(plots.getBoundingClientRect()), boxes("figure"), boxes("img")];
}"""


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """Two models on pictures of six classes."""
    return make_findings(tmp_path_factory.mktemp("pictures"), models=2, pictures=18)


@pytest.fixture(scope="module")
def report(findings, tmp_path_factory):
    """The folder of its report."""
    folder = tmp_path_factory.mktemp("report")
    write_report(findings, folder)
    return folder


@pytest.fixture(scope="module")
def page(report):
    """Its page."""
    return (report / "report.html").read_text(encoding="utf-8")


def test_report_is_a_page_and_files_that_can_be_removed_again(report):
    written = {str(path.relative_to(report)) for path in report.rglob("*") if path.is_file()}
    names = (
        *(f"plots/{{}}_{name}.{kind}" for name in PLOTS_OF_MANY for kind in ("png", "svg")),
        "galleries/{}_confident_mistakes.jpg",
        "galleries/{}_uncertain_right.jpg",
        "galleries/{}_confused_pairs.jpg",
    )
    assert written == {*ALONE} | {name.format(model) for model in (1, 2) for name in names}
    assert {str(path.relative_to(report)) for pattern in REPORT_FILES for path in report.glob(pattern)} == written


def test_page_names_nothing_outside_of_itself(page):
    addresses = re.findall(r"""(?:src|srcset|href|action)=["']([^"']*)|url\(([^)]*)""", page)
    assert {(first or second)[:6] for first, second in addresses} == {"data:i", "data:,", "#faile", "#model"}
    assert "://" not in re.sub(r"base64,[\w+/=]*", "", page)
    assert "default-src &#39;none&#39;" in page


def test_names_and_paths_are_escaped(page, findings):
    text = re.sub(r"base64,[\w+/=]*", "", page)
    assert text.count("<script>") == 1
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "picture &lt;7&gt;.png" in text
    assert "&lt;b&gt;" in text
    assert "&lt;i&gt;a note" in text


def test_planted_mistake_comes_first(page, findings):
    gallery = list_galleries(findings.evaluations[0])[0]
    assert gallery.name == "confident_mistakes"
    first = gallery.groups[0].entries[0]
    assert (first.path, first.true, first.predicted) == (
        findings.evaluations[0].paths[PLANTED], NAMES[PLANTED % 6], NAMES[PLANTED % 6 + 1]
    )  # fmt: skip
    assert first.score > 0.999
    shown = page[page.index("Most confident mistakes</h3>") :]
    assert shown.index(f"picture &lt;{PLANTED}&gt;.png") < shown.index("</figure>")


def test_galleries_are_in_order_and_of_their_kind(findings):
    mistakes, uncertain, pairs = list_galleries(findings.evaluations[0])
    scores = [entry.score for entry in mistakes.groups[0].entries]
    assert scores == sorted(scores, reverse=True)
    assert not any(entry.is_right for entry in mistakes.groups[0].entries)
    scores = [entry.score for entry in uncertain.groups[0].entries]
    assert scores == sorted(scores)
    assert all(entry.is_right for entry in uncertain.groups[0].entries)
    for group, pair in zip(pairs.groups, findings.evaluations[0].confused, strict=False):
        assert group.heading == f"{NAMES[pair.true]} → {NAMES[pair.predicted]}: {pair.count}"
        assert {(entry.true, entry.predicted) for entry in group.entries} == {(NAMES[pair.true], NAMES[pair.predicted])}
        assert len(group.entries) == min(pair.count, 6)


def test_thumbnails_have_the_real_colours(page, report):
    shown = page[page.index("Most confident mistakes</h3>") :]
    first = base64.b64decode(re.search(r"data:image/jpeg;base64,([\w+/=]+)", shown)[1])
    assert np.abs(pixels_of(first) - COLORS[PLANTED % 6]).max() <= 4
    sheet = pixels_of((report / "galleries" / "1_confident_mistakes.jpg").read_bytes())
    near = np.abs(sheet - COLORS[PLANTED % 6]).max(axis=2) <= 4
    assert near.sum() > 10_000  # a picture of 1.9 by 1.27 inches


def test_thumbnail_is_small_and_upright(tmp_path):
    picture = Image.new("RGB", (1600, 800))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "large.jpg", exif=exif)
    assert Image.open(io.BytesIO(thumbnail(str(tmp_path / "large.jpg"), 10**9))).size == (SIDE // 2, SIDE)


def test_picture_that_has_gone_is_said_to_have(findings, tmp_path):
    gallery = list_galleries(findings.evaluations[0])[0]
    gone = gallery.groups[0].entries[0]._replace(path=str(tmp_path / "gone.jpg"))
    thumbnails = Thumbnails(10**6)
    assert thumbnails.of(gone.path) is None
    assert contact_sheet(replace(gallery, groups=(Group("a heading", (gone,)),)), thumbnails, "title")


def test_many_classes_are_plotted_as_confused_pairs():
    names = tuple(f"class {index}" for index in range(1000))
    plots = list_plots(judge("model", names, ["picture"] * 400, 1))
    assert [plot.name for plot in plots] == ["confused_pairs", "scores", "coverage", "reliability"]
    assert pixels_of(to_images(plots[0]).png).std() > 10


def test_worst_classes_come_first_in_the_page_with_what_they_are_taken_for(page, findings):
    one = findings.evaluations[0]
    assert [row.recall for row in one.worst_first] == sorted(row.recall for row in one.classes)
    table = page[page.index("<h3>Classes</h3>") :]
    worst = one.worst_first[0]
    row = table[table.index("<tbody>") :].partition("</tr>")[0]
    assert f"({one.taken_for[worst.index].count})" in row
    assert f'data-value="{worst.recall_low}"' in row
    assert worst.recall_low <= worst.recall <= worst.recall_high


def test_no_mistakes_is_no_trouble():
    answers = AnswerStore(3)
    for label in range(3):
        answers.add(label, np.eye(3, dtype=np.float32)[label])
    evaluation = evaluate("model", ("one", "two", "three"), ["gone"] * 3, answers.answers(array("i", range(3))))
    assert [gallery.name for gallery in list_galleries(evaluation)] == ["uncertain_right"]
    scores = list_plots(evaluation)[1]
    assert to_images(scores) == to_images(scores)


def test_folder_that_cannot_be_written_to_is_told(findings, tmp_path):
    (tmp_path / "plots").write_text("a file where a folder should be")
    with pytest.raises(UsageError, match="the report cannot be written to"):
        write_report(findings, tmp_path)


def test_page_of_several_models_compares_them(page):
    assert "McNemar" in page
    assert "no difference shown" in page
    assert 'href="#model-2"' in page


def test_page_of_two_classes_has_curves_and_thresholds(tmp_path):
    findings = make_findings(tmp_path, ("cats", "dogs"), pictures=12)
    assert findings.evaluations[0].two_class.recommended
    write_report(findings, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<h3>Threshold</h3>") == 1
    assert "cats called dogs" in page
    plots = {path.stem: pixels_of(path.read_bytes()).std() for path in (tmp_path / "plots").glob("*.png")}
    assert set(plots) == {"confusion", "scores", "sweep", "roc", "precision_recall", "coverage", "reliability"}
    assert min(plots.values()) > 10  # something is drawn


@pytest.fixture(scope="module")
def browser():
    """A browser that can reach no network in any case."""
    with pytest.importorskip("playwright.sync_api").sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser, report):
    """Open the report; what the browser says and asks for is in `page.said` and `page.asked`."""
    contexts = []

    def open_one(width: int = WIDTHS["desktop"], colors: str = "light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=colors))
        page = contexts[-1].new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto((report / "report.html").as_uri())
        return page

    yield open_one
    for context in contexts:
        context.close()


@in_browser
@pytest.mark.parametrize(("width", "colors"), [(WIDTHS["phone"], "dark"), (WIDTHS["desktop"], "light")])
def test_page_opens_whole(open_page, report, width, colors):
    page = open_page(width, colors)
    assert page.said == []
    assert [url for url in page.asked if not url.startswith("data:")] == [(report / "report.html").as_uri()]
    images = page.eval_on_selector_all("img", "all => all.map(e => e.complete && e.naturalWidth > 0)")
    assert len(images) > 15
    assert all(images)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWING) == []


@in_browser
@pytest.mark.parametrize("device", WIDTHS)
def test_plots_leave_no_hole(open_page, device):
    """Every row of plots reaches from the left to the right, and no picture is too small to read."""
    page = open_page(WIDTHS[device])
    for count in range(1, 9):
        block, figures, images = page.evaluate(BOXES_OF_PLOTS, count)
        rows = [[box for box in figures if box["y"] == top] for top in sorted({box["y"] for box in figures})]
        assert len(rows) == (count if device == "phone" else -(-count // 3))
        for row in rows:
            assert row[0]["x"] == pytest.approx(block["x"], abs=1)
            assert row[-1]["x"] + row[-1]["width"] == pytest.approx(block["x"] + block["width"], abs=1)
        assert min(image["width"] for image in images) > 320
        assert max(image["width"] for image in images) < 850


@in_browser
def test_dark_mode_is_dark(open_page):
    def brightness(pixels: bytes) -> float:
        return float(np.median(pixels_of(pixels)))

    region = {"x": 0, "y": 0, "width": 300, "height": 200}
    for colors, is_dark in (("light", False), ("dark", True)):
        page = open_page(colors=colors)
        assert (brightness(page.screenshot(clip=region)) < 60) is is_dark
        assert (brightness(page.locator(".plots img").first.screenshot()) < 60) is is_dark


@in_browser
def test_tables_sort_by_a_click_and_back_by_another(open_page):
    page = open_page()
    table = page.locator("table", has=page.locator("th", has_text="precision")).first

    def column(number: int) -> list[str]:
        return table.locator(f"tbody tr > :nth-child({number})").all_inner_texts()

    def numbers() -> list[float]:
        return [float(text.removesuffix("%")) for text in column(3)]

    recall = table.get_by_role("button", name="recall")
    recall.click()
    assert numbers() == sorted(numbers(), reverse=True)
    assert table.locator("th[aria-sort=descending]").inner_text() == "recall"
    recall.click()
    assert numbers() == sorted(numbers())
    assert len(set(numbers())) > 1
    name = table.get_by_role("button", name="class")
    name.focus()
    page.keyboard.press("Enter")
    assert sorted(column(1)) == sorted(NAMES)
    assert table.locator("th[aria-sort]").count() == 1
    assert column(1)[0] == "<img src=x onerror=alert(1)>" or column(1)[0].startswith("$")


@in_browser
def test_galleries_are_filtered_by_class(open_page):
    page = open_page()
    section = page.locator("#model-1")
    mistakes = section.locator("li[data-wrong]")
    total = mistakes.count()
    label = mistakes.first.get_attribute("data-true")
    section.locator(".filter select").first.select_option(f"={label}")
    shown = section.locator("[data-true]:visible")
    assert {shown.nth(index).get_attribute("data-true") for index in range(shown.count())} == {label}
    count = section.locator("li[data-wrong]:visible").count()
    assert 0 < count < total
    assert section.locator(".filter output").inner_text() == f"{count} of the {total} most confident mistakes shown"
    section.locator(".filter select").nth(1).select_option(index=1)
    assert section.locator(".group:visible ul").evaluate_all("all => all.every(e => e.offsetHeight > 20)")
    assert page.locator("#model-2 li[data-wrong]:visible").count() > count
    assert page.said == []


@in_browser
def test_long_lists_of_mistakes_open_on_demand(browser, tmp_path):
    write_report(make_findings(tmp_path, pictures=100), tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator("li[data-wrong]:visible").count() == MOST_AT_ONCE
    page.get_by_role("button", name="show all").click()
    assert page.locator("li[data-wrong]:visible").count() == page.locator("li[data-wrong]").count() > MOST_AT_ONCE
    page.close()


@in_browser
def test_hostile_names_stay_names(open_page):
    page = open_page()
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("th", has_text=NAMES[0]).count() >= 2
