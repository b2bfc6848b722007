"""The parser of every script: help that opens with examples, and errors that suggest the option meant."""

import argparse
import difflib
from typing import Any, NoReturn

from console import EXIT_USAGE

RANGE = "-1..1"  # a value that begins like an option


class ArgumentParser(argparse.ArgumentParser):
    """Help that opens with the script's examples, and errors that suggest the option meant."""

    def __init__(self, description: str | None) -> None:
        super().__init__(usage="%(prog)s [options]", formatter_class=_HelpFormatter, allow_abbrev=False)
        self.opening = (description or "python -OO leaves the examples out.").strip()

    def format_help(self) -> str:
        """Return the script's docstring, which shows the commands, and then the options."""
        return f"{self.opening}\n\n{super().format_help()}"

    def _parse_optional(self, arg_string: str) -> Any:
        return None if arg_string == RANGE else super()._parse_optional(arg_string)

    def error(self, message: str) -> NoReturn:
        """Print one line that says what to do, and exit with 2."""
        if message.startswith("unrecognized arguments: --"):
            given = message.partition(": ")[2].split()[0].partition("=")[0]
            close = difflib.get_close_matches(given, self._option_string_actions, n=1)
            message += f"; did you mean {close[0]}?" if close else ""
        where = "" if "(see " in message else " (see --help)"
        self.exit(EXIT_USAGE, f"error: {message}{where}\n")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)
