"""What an export prints: a line for each file as soon as it is proved."""

from exporting.proof import Proof

HEADING = (
    f"{'file':24} {'precision':9} {'runtime':21} {'MiB':>7} {'difference':>10} {'same answer':>11} "
    f"{'ms/picture':>10} {'written, s':>10}"
)  # fmt: skip


def line(proof: Proof) -> str:
    """Return the line of a file."""
    return (
        f"{proof.paths[0]:24} {proof.precision:9} {proof.runtime:21} {proof.size / 2**20:7.1f} "
        f"{proof.largest_difference:10.1e} {proof.same_answer:11.1%} {proof.ms_per_picture:10.1f} "
        f"{proof.write_seconds:10.1f}"
    )
