"""Which epoch is the best one. Plain numbers; imports no framework."""

from collections.abc import Sequence

LEAST_GAIN = 1e-3  # in validation loss, for an epoch to count as better
KEPT = "kept"  # marks a start that is kept, whatever the figures of the epochs are

Row = dict[str, float]  # of an epoch: epoch, and what Keras logs: loss, accuracy, val_loss, val_accuracy


def best_row(rows: Sequence[Row]) -> Row:
    """Return the epoch whose weights are kept.

    It is the one with the lowest validation loss. Where rows begin with a start (epoch 0), which an earlier training
    has reached, it is the last of those with the highest accuracy: a learning rate that falls to 0 makes later
    weights the better ones, though surer of their few mistakes. The start stays unless both figures beat it.
    """
    start = best = rows[0]
    if KEPT in start:
        return start
    for row in rows[1:]:
        if start["epoch"]:
            is_better = row["val_loss"] < best["val_loss"] - LEAST_GAIN
        else:
            is_better = row["val_loss"] < start["val_loss"] - LEAST_GAIN and row["val_accuracy"] >= best["val_accuracy"]
        best = row if is_better else best
    return best


def keep_start(rows: Sequence[Row]) -> None:
    """Have `best_row` choose the start."""
    rows[0][KEPT] = 1.0
