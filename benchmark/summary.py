"""From samples to figures: median and spread, what the machine allows, and how many times better."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmark.plan import KERAS, SUITE, TUTORIAL, Task, Way

BASELINES = (TUTORIAL, KERAS)
#   quantity               the more, the better
MORE_IS_BETTER = {
    "first_cold_s":        False,
    "first_warm_s":        False,
    "files_images_s":      True,
    "memory_mib":          False,
}  # fmt: skip

Figures = Mapping[str, float]  # by their names in the table


@dataclass(frozen=True)
class Sample:
    """What one repeat of a task measured; nothing, where it failed."""

    figures: Figures = field(default_factory=dict)
    answers: Sequence[str] = ()  # the best class of each picture


@dataclass(frozen=True)
class Summary:
    """What several samples of one quantity say."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One way to classify with all its figures."""

    way: Way
    summaries: dict[str, Summary]
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)  # baseline -> quantity -> times better
    error: str = ""


def summarize(values: Sequence[float]) -> Summary:
    """Return the median with the least and the greatest value."""
    return Summary(statistics.median(values), min(values), max(values))


def bound_images_s(figures: Figures, cores: int) -> float:
    """Return the pictures per second that no schedule of the measured work can exceed.

        bound = cores / (decode CPU seconds per picture + inference CPU seconds per picture)

    A machine has `cores` processor seconds to spend in each second of the clock, and a picture
    costs what decoding and inference alone were measured to cost, so a pipeline that reaches the
    bound keeps every core busy with these two and nothing else. Filling and draining the
    pipeline, collecting batches and naming the answers all count against it.

    The alternative from wall times, 1 / (1 / decode speed + 1 / engine speed), is lower whenever
    a stage alone leaves a core idle, which another stage could use; a pipeline could exceed it,
    and an idle core would flatter. The two are the same when each stage alone keeps all cores
    busy. Where a GPU infers, the processors' time says nothing about the inference, and the bare
    engine's speed is a limit as well.

    What the bound cannot see: threads that spin while they wait count as work, which lowers it;
    and decoding on fewer threads than cores may be cheaper per picture than on all, which raises
    it.
    """
    bound = cores / (figures["decode_cpu_s"] + figures["arrays_cpu_s"])
    return min(bound, figures["arrays_images_s"]) if figures["arrays_on_gpu"] else bound


def derive(figures: Figures, cores: int) -> dict[str, float]:
    """Add to what one repeat measured what follows from it."""
    derived = dict(figures)
    if {"files_images_s", "arrays_images_s"} <= figures.keys():
        derived["share_of_arrays"] = figures["files_images_s"] / figures["arrays_images_s"]
    if {"files_images_s", "arrays_cpu_s", "decode_cpu_s"} <= figures.keys():
        derived["bound_images_s"] = bound_images_s(figures, cores)
        derived["share_of_bound"] = figures["files_images_s"] / derived["bound_images_s"]
    return derived


def times_better(quantity: str, ours: float, theirs: float) -> float:
    """Return how many times better `ours` is: above 1 is faster, or less memory."""
    return ours / theirs if MORE_IS_BETTER[quantity] else theirs / ours


def make_rows(
    ways: Sequence[Way], samples: Mapping[Task, Sequence[Sample]], errors: Mapping[Task, str], cores: int
) -> list[Row]:
    """Return one row for each way; `samples` has one entry for each repeat."""
    rows = [_bare_row(way, samples, errors, cores) for way in ways]
    answers = {way: answer for way in ways if (answer := _answers(way, samples))}
    return [_with_agreement(_with_ratios(row, rows), answers) for row in rows]


def _answers(way: Way, samples: Mapping[Task, Sequence[Sample]]) -> Sequence[str] | None:
    """Return the best class of each picture, the same in every repeat; random weights have none worth comparing."""
    if way.name != SUITE or way.weights == "none":
        return None
    return next((sample.answers for task in way.tasks() for sample in samples[task] if sample.answers), None)


def _with_agreement(row: Row, answers: Mapping[Way, Sequence[str]]) -> Row:
    """Add the share of pictures to which this way gives the same best label as the model's first in float32."""
    reference = next((way for way in answers if way.model == row.way.model and way.precision == "float32"), None)
    if reference is None or row.way not in answers:
        return row
    same = statistics.fmean(ours == theirs for ours, theirs in zip(answers[row.way], answers[reference], strict=True))
    return replace(row, summaries=row.summaries | {"agreement": summarize([same])})


def _bare_row(way: Way, samples: Mapping[Task, Sequence[Sample]], errors: Mapping[Task, str], cores: int) -> Row:
    repeats = zip(*(samples[task] for task in way.tasks()), strict=True)
    merged = [
        derive({name: value for sample in repeat for name, value in sample.figures.items()}, cores)
        for repeat in repeats
    ]
    names = dict.fromkeys(name for figures in merged for name in figures)
    values = {name: [figures[name] for figures in merged if name in figures] for name in names}
    reasons = dict.fromkeys(errors[task] for task in way.tasks() if task in errors)
    return Row(way, {name: summarize(values[name]) for name in names}, error="; ".join(reasons))


def _with_ratios(row: Row, rows: Iterable[Row]) -> Row:
    """Add the quotients of this row's medians and those of its model's baselines."""
    ratios = {other.way.name: _ratios(row, other) for other in rows if _is_baseline_of(other.way, row.way)}
    return replace(row, ratios={name: values for name, values in ratios.items() if values})


def _is_baseline_of(other: Way, way: Way) -> bool:
    same_batch = other.name == TUTORIAL or other.batch_size == way.batch_size
    return way.name == SUITE and other.name in BASELINES and other.model == way.model and same_batch


def _ratios(ours: Row, theirs: Row) -> dict[str, float]:
    return {
        quantity: times_better(quantity, ours.summaries[quantity].median, theirs.summaries[quantity].median)
        for quantity in MORE_IS_BETTER
        if quantity in ours.summaries and quantity in theirs.summaries
    }
