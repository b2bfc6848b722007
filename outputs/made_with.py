"""What a run was made with, which one that goes on with it has to share."""

from errors import UsageError


def check_same(name: str, was: dict, now: dict) -> None:
    """Raise UsageError unless the results called `name` were made with the same; by the option that says it."""
    for option in sorted(was.keys() | now.keys()):
        if was.get(option) != now.get(option):
            raise UsageError(
                f"{name} was made with {option} {was.get(option)}, and not {now.get(option)}; "
                "give the same options to go on with it, or --force without --resume to start anew"
            )
