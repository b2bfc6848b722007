"""The report of an evaluation: one page that opens anywhere, and its plots and contact sheets as files."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from classifiers import Classifier
from console.text import readable
from drawing.pages import make_page
from drawing.plot import LARGE_IN_PAGE, Plot, to_images
from errors import UsageError
from evaluation.findings import Findings, write_suspects
from evaluation.gallery import MOST_AT_ONCE, Gallery, Thumbnails, contact_sheet, list_galleries, suspects_gallery
from evaluation.heat import explain_mistakes
from evaluation.metrics import Evaluation
from evaluation.output import GALLERIES, PLOTS, REPORT_FILE
from evaluation.plots import accuracy_plot, list_plots

MOST_PAIRS_IN_TABLE = 300
MOST_FAILURES_IN_TABLE = 300
MOST_SUSPECTS_IN_TABLE = 300


def write_report(
    findings: Findings, folder: Path, classifiers: Sequence[Classifier] = (), curves: Sequence[Plot] = ()
) -> None:
    """Write report.html, suspects.csv, the plots and the contact sheets into a folder.

    `classifiers`, of the first evaluations, explain mistakes; `curves` show how the training of the model went. Raises
    UsageError when it cannot be written.
    """
    try:
        _write_all(findings, folder, classifiers, curves)
    except OSError as error:
        raise UsageError(f"the report cannot be written to {folder}: {error.strerror}") from error


def _write_all(findings: Findings, folder: Path, classifiers: Sequence[Classifier], curves: Sequence[Plot]) -> None:
    thumbnails = Thumbnails(findings.max_pixels)
    several = len(findings.evaluations) > 1
    (folder / PLOTS).mkdir(exist_ok=True)
    (folder / GALLERIES).mkdir(exist_ok=True)
    accuracy = [_saved_plot(folder, "", accuracy_plot(findings.evaluations))] if several else []
    models = [
        _model(folder, f"{number}_" if several else "", number, evaluation, classifier, thumbnails)
        for number, (evaluation, classifier) in enumerate(zip_longest(findings.evaluations, classifiers), start=1)
    ]
    held_out = [(one, _prepared(suspects_gallery(one), thumbnails)) for one in findings.held_out if one.suspects]
    page = make_page(
        "report.html",
        findings=findings,
        models=models,
        held_out=held_out,
        accuracy=accuracy,
        curves=[_saved_plot(folder, "training_", plot) for plot in curves],
        thumbnail=thumbnails.of,
        within=lambda path: path.removeprefix(f"{findings.data.rstrip('/')}/"),
        at_once=MOST_AT_ONCE,
        most_pairs=MOST_PAIRS_IN_TABLE,
        most_failures=MOST_FAILURES_IN_TABLE,
        most_suspects=MOST_SUSPECTS_IN_TABLE,
    )
    (folder / REPORT_FILE).write_text(page, encoding="utf-8", errors="replace")
    write_suspects(findings, folder)


def _model(
    folder: Path,
    prefix: str,
    number: int,
    evaluation: Evaluation,
    classifier: Classifier | None,
    thumbnails: Thumbnails,
) -> dict[str, Any]:  # fmt: skip
    """Save the plots and contact sheets of a model; return what the page shows of it."""
    galleries = [_prepared(gallery, thumbnails) for gallery in list_galleries(evaluation)]
    for gallery in galleries:
        title = f"{gallery.title}: {readable(evaluation.model)}"
        sheet = contact_sheet(gallery, thumbnails, title)
        (folder / GALLERIES / f"{prefix}{gallery.name}.jpg").write_bytes(sheet)
    plots = [_saved_plot(folder, prefix, plot) for plot in list_plots(evaluation)]
    seen, note = explain_mistakes(classifier, evaluation, thumbnails) if classifier else ((), "")
    return {
        "number": number, "evaluation": evaluation, "plots": plots, "galleries": galleries, "seen": seen, "note": note,
    }  # fmt: skip


def _prepared(gallery: Gallery, thumbnails: Thumbnails) -> Gallery:
    thumbnails.prepare(entry.path for group in gallery.groups for entry in group.entries)
    return gallery


def _saved_plot(folder: Path, prefix: str, plot: Plot) -> dict[str, Any]:
    """Save a plot; return it as the page shows it."""
    images = to_images(plot)
    for suffix, image in images._asdict().items():
        (folder / PLOTS / f"{prefix}{plot.name}.{suffix}").write_bytes(image)
    is_large = plot.size[0] > LARGE_IN_PAGE
    return {"title": plot.title, "about": plot.about, "image": images.svg, "width": plot.size[0] if is_large else None}
