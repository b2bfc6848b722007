"""The report of an evaluation: one page that opens anywhere, and its plots and contact sheets as files."""

from pathlib import Path
from typing import Any

from console.text import readable
from drawing.pages import make_page
from drawing.plot import Plot, to_png
from errors import UsageError
from evaluation.findings import Findings
from evaluation.gallery import Thumbnails, contact_sheet, list_galleries
from evaluation.metrics import Evaluation
from evaluation.output import GALLERIES, PLOTS, REPORT_FILE
from evaluation.plots import accuracy_plot, list_plots

MOST_PAIRS_IN_TABLE = 300
MOST_FAILURES_IN_TABLE = 300


def write_report(findings: Findings, folder: Path, curves: bytes | None = None) -> None:
    """Write report.html, the plots and the contact sheets into a folder; raises UsageError when that cannot be done.

    `curves`, a PNG, shows how the training of the model went.
    """
    try:
        _write_all(findings, folder, curves)
    except OSError as error:
        raise UsageError(f"the report cannot be written to {folder}: {error.strerror}") from error


def _write_all(findings: Findings, folder: Path, curves: bytes | None) -> None:
    thumbnails = Thumbnails(findings.max_pixels)
    several = len(findings.evaluations) > 1
    (folder / PLOTS).mkdir(exist_ok=True)
    (folder / GALLERIES).mkdir(exist_ok=True)
    accuracy = [_saved_plot(folder, "", accuracy_plot(findings.evaluations))] if several else []
    models = [
        _model(folder, f"{number}_" if several else "", number, evaluation, thumbnails)
        for number, evaluation in enumerate(findings.evaluations, start=1)
    ]
    page = make_page(
        "report.html",
        findings=findings,
        models=models,
        accuracy=accuracy,
        curves=curves,
        thumbnail=thumbnails.of,
        within=lambda path: path.removeprefix(f"{findings.data.rstrip('/')}/"),
        most_pairs=MOST_PAIRS_IN_TABLE,
        most_failures=MOST_FAILURES_IN_TABLE,
    )
    (folder / REPORT_FILE).write_text(page, encoding="utf-8", errors="replace")


def _model(folder: Path, prefix: str, number: int, evaluation: Evaluation, thumbnails: Thumbnails) -> dict[str, Any]:
    """Save the plots and contact sheets of a model; return what the page shows of it."""
    galleries = list_galleries(evaluation)
    for gallery in galleries:
        title = f"{gallery.title}: {readable(evaluation.model)}"
        sheet = contact_sheet(gallery, thumbnails, title)
        (folder / GALLERIES / f"{prefix}{gallery.name}.jpg").write_bytes(sheet)
    plots = [_saved_plot(folder, prefix, plot) for plot in list_plots(evaluation)]
    return {"number": number, "evaluation": evaluation, "plots": plots, "galleries": galleries}


def _saved_plot(folder: Path, prefix: str, plot: Plot) -> dict[str, Any]:
    """Save a plot; return it as the page shows it."""
    image = to_png(plot)
    (folder / PLOTS / f"{prefix}{plot.name}.png").write_bytes(image)
    return {"title": plot.title, "about": plot.about, "image": image}
