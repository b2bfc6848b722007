"""What an evaluation found, in a few lines for the terminal."""

from pathlib import Path

from console.text import printable
from evaluation.findings import Findings
from evaluation.metrics import Evaluation
from evaluation.output import REPORT_FILE, SUSPECTS_FILE
from evaluation.proportions import Proportion
from evaluation.significance import Comparison
from evaluation.thresholds import AtThreshold, TwoClass

MOST_WORST = 3  # classes that are named


def summarise(findings: Findings, folder: Path) -> str:
    """Return a table with a row for each model, what tells them apart, and where the report is."""
    failed = f", {len(findings.failures):,} of them failed" if findings.failures else ""
    width = max(len("model"), *(len(one.model) for one in findings.evaluations))
    lines = [
        f"{findings.pictures:,} pictures of {findings.data}{failed}",
        f"{'model':{width}}  {'top-1 (95 % interval)':26}  {'top-5':26}  macro F1  log loss     ECE",
        *(_row(one, width) for one in findings.evaluations),
        *(_worst(one) for one in findings.evaluations if one.top1.count < one.top1.of),
        *(_suspects(one, folder) for one in findings.evaluations if one.suspects),
        *(_two_class(one, one.two_class) for one in findings.evaluations if one.two_class),
        *map(_comparison, findings.comparisons),
        *(f"note: {note}" for note in findings.notes),
        f"report: {folder / REPORT_FILE}",
    ]
    return "\n".join(map(printable, "\n".join(lines).split("\n")))


def _row(one: Evaluation, width: int) -> str:
    top5 = _percent(one.top5) if one.top5 else "-"
    return (
        f"{one.model:{width}}  {_percent(one.top1):26}  {top5:26}  "
        f"{one.macro.f1:8.3f}  {one.log_loss:8.3f}  {one.ece:6.3f}"
    )


def _worst(one: Evaluation) -> str:
    missed = [row for row in one.worst_first if row.recall < 1]
    shown = ", ".join(f"{row.label} {row.recall:.1%} of {row.support:,}" for row in missed[:MOST_WORST])
    return f"{one.model} finds least of: {shown}{', ...' if len(missed) > MOST_WORST else ''}"


def _suspects(one: Evaluation, folder: Path) -> str:
    labels = f"{len(one.suspects):,} labels are" if len(one.suspects) > 1 else "1 label is"
    return f"{one.model} says that {labels} probably wrong: {folder / SUSPECTS_FILE}"


def _percent(value: Proportion) -> str:
    return f"{value.value:.2%} ({value.low:.1%} to {value.high:.1%})"


def _two_class(one: Evaluation, two: TwoClass) -> str:
    lines = [
        f"{one.model}, {one.names[two.positive]} against {one.names[two.negative]}: "
        f"ROC AUC {two.roc_auc:.4f}, average precision {two.average_precision:.4f}",
        f"  now:         {_at(two.used)}",
    ]
    if two.recommended:
        lines.append(f"  recommended: {_at(two.recommended)} ({two.criterion}, chosen on validation pictures)")
    return "\n".join(lines)


def _at(point: AtThreshold) -> str:
    return (
        f"threshold {point.threshold:.4f}: accuracy {point.accuracy.value:.2%}, precision {point.precision:.2%}, "
        f"recall {point.recall:.2%}, false positives {point.false_positive_rate.value:.2%}"
    )


def _comparison(pair: Comparison) -> str:
    holm = f", {pair.p_adjusted:.3g} for all comparisons" if pair.p_adjusted != pair.p else ""
    return (
        f"{pair.first} and {pair.second}: only the first is right {pair.only_first:,} times, only the second "
        f"{pair.only_second:,}: {pair.verdict} (McNemar p = {pair.p:.3g}{holm})"
    )
