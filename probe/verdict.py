"""One verdict from the reports of all backends."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.reports import BackendReport, Proof

#   verdict  exit code
EXIT_CODES = {
    "usable": 0,
    "none":   1,
    "broken": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What the machine can compute on: "usable" is a GPU, "none" the CPU only, "broken" cannot be trusted."""

    verdict: str  # one of EXIT_CODES
    exit_code: int
    reason: str


def status(report: BackendReport) -> str:
    """Return "usable" (a GPU, all proofs right), "cpu" (no GPU, the CPU computes right), "missing" or "broken".

    "failed" is a backend that does not work, on a machine where no GPU is seen.
    """
    if not report.installed:
        return "missing"
    if report.error or not report.proofs or any(proof.error for proof in report.proofs):
        sees_gpu = report.devices or report.driver.gpus
        return "broken" if sees_gpu or any(_is_wrong(proof) for proof in report.proofs) else "failed"
    if any(not proof.right for proof in report.proofs):
        return "broken"
    return "usable" if report.devices else "cpu"


def judge(reports: Sequence[BackendReport]) -> Verdict:
    """Return the verdict: one broken backend is enough for "broken", one usable GPU for "usable"."""
    groups: dict[str, list[BackendReport]] = {}
    for report in reports:
        groups.setdefault(status(report), []).append(report)
    failures = "".join(f"; {problem(report)}" for report in groups.get("failed", ()))
    if broken := groups.get("broken"):
        return _verdict("broken", "; ".join(problem(report) for report in [*broken, *groups.get("failed", ())]))
    if usable := groups.get("usable"):
        models = ", ".join(dict.fromkeys(device.model for report in usable for device in report.devices))
        return _verdict("usable", f"{models} computes right with {_names(usable)}{failures}")
    if able := groups.get("cpu"):
        return _verdict(
            "none", f"no usable GPU: {_why_none(able)}; the CPU computes right with {_names(able)}{failures}"
        )
    return _verdict("broken", "nothing works: " + "; ".join(problem(report) for report in reports))


def problem(report: BackendReport) -> str:
    """Return in a line what is wrong with a backend."""
    if report.error:
        return f"{report.backend}: {report.error}"
    wrong = next((proof for proof in report.proofs if not proof.right), None)
    return f"{report.backend} on {wrong.device}: {describe(wrong)}" if wrong else f"{report.backend} computed nothing"


def describe(proof: Proof) -> str:
    """Return in a line what a wrong proof says."""
    task = proof.task.replace("_", " ")
    if proof.error:
        return f"{task} failed: {proof.error}"
    if proof.task == "classification":
        return f"classification names class {proof.class_index}"
    return f"{task} is wrong by {proof.difference:.1e}, more than {proof.tolerance:.0e}"


def _is_wrong(proof: Proof) -> bool:
    return not proof.right and not proof.error


def _why_none(reports: Sequence[BackendReport]) -> str:
    """Return the driver's reason where all share it; else each backend's own."""
    if not reports[0].driver.gpus:
        return reports[0].driver.error or reports[0].why_no_gpu
    return "; ".join(f"{report.backend}: {report.why_no_gpu}" for report in reports)


def _names(reports: Sequence[BackendReport]) -> str:
    return ", ".join(report.backend for report in reports)


def _verdict(name: str, reason: str) -> Verdict:
    return Verdict(name, EXIT_CODES[name], reason)
