"""How scripts speak and end: messages on stderr, results on stdout, exit codes."""

import gc
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable

import interrupts
from console.text import printable
from errors import UsageError

NO_CURRENT_FOLDER = "error: the current folder has been deleted; change to one that exists"
EXIT_OK, EXIT_FAILED_INPUTS, EXIT_USAGE = 0, 1, 2

logger = logging.getLogger("suite")


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(printable(line) for line in super().format(record).split("\n"))


def configure_messages(quiet: bool, debug: bool) -> None:
    """Send the suite's notes to stderr, and keep the libraries' to themselves unless debugging."""
    if not debug:
        _hide_native_messages()
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.CRITICAL, handlers=[handler], force=True)
    logger.setLevel(logging.DEBUG if debug else logging.WARNING if quiet else logging.INFO)
    if not debug:
        logger.addHandler(handler)
        logger.propagate = False
        warnings.simplefilter("ignore")


def bar_is_off() -> bool | None:
    """Return tqdm's `disable`: with --quiet there is no bar, and otherwise (None) only on a terminal."""
    return None if logger.isEnabledFor(logging.INFO) else True


def _hide_native_messages() -> None:
    """Let what C libraries write to stderr (libtiff does, of damaged pictures) vanish, but not what Python writes."""
    own = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = open(own, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors)  # noqa: SIM115


def run_script(main: Callable[[], int]) -> int:
    """Run a script's main() and return its exit code; say in a line what went wrong, and with --debug where."""
    _open_closed_streams()
    _choose_encoding()
    try:
        exit_code = _run(main)
        if exit_code and _has_no_current_folder():
            print(NO_CURRENT_FOLDER, file=sys.stderr)
        gc.freeze()  # or Python would search all of a framework's objects for garbage, in half a second, before it ends
        return exit_code
    except KeyboardInterrupt as error:
        interrupts.end()
        print(f"interrupted: {printable(str(error))}" if str(error) else "interrupted", file=sys.stderr)
        interrupts.leave()


def _open_closed_streams() -> None:
    """Let stdin, stdout and stderr lead nowhere where they are closed, as by `2>&-`: no file may take their numbers."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _choose_encoding() -> None:
    """Write UTF-8 to files and pipes, whatever the locale; to a terminal what it can show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if not sys.stdout.isatty():
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        is_unicode = sys.stdout.encoding.lower().startswith("utf")
        sys.stdout.reconfigure(errors="surrogateescape" if is_unicode else "backslashreplace")


def _run(main: Callable[[], int]) -> int:
    try:
        interrupts.raise_interrupts()
        exit_code = main()
        sys.stdout.flush()
        return exit_code
    except BrokenPipeError:  # the reader has enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED_INPUTS
    except Exception as error:
        if interrupts.was_raised():
            raise KeyboardInterrupt from error
        _explain(error)
        return EXIT_USAGE
    finally:
        interrupts.end()


def _explain(error: Exception) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    elif isinstance(error, UsageError):
        print(f"error: {error}", file=sys.stderr)
    elif not (isinstance(error, FileNotFoundError) and _has_no_current_folder()):  # which is said then
        text = " ".join(str(error).split())  # OpenVINO's have several lines
        print(f"error: unexpected {type(error).__name__}: {text} (--debug shows where)", file=sys.stderr)


def _has_no_current_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False
