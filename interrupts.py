"""Ctrl-C ends a script at any moment, in one line and with exit code 130.

A script calls `exit_at_once` before it imports anything else, and `console.run_script` the rest.
Before that Python itself answers Ctrl-C, with a traceback.
"""

import _signal as signal  # type: ignore[import-not-found]  # `signal` without its enumerations: 1 ms, not 10
import atexit
import os
import sys
import time
from types import TracebackType

TYPE_CHECKING = False  # as in `typing`, which takes too long to import here
if TYPE_CHECKING:
    from typing import NoReturn

EXIT_INTERRUPTED = 130
SAME_SECONDS = 1.0  # in which another Ctrl-C counts as the same: it was pressed twice, or a wrapper passed it on

_answered = -SAME_SECONDS  # when Ctrl-C was answered, or the script was over


def exit_at_once() -> None:
    """Let Ctrl-C end the process at once, while modules are imported and there is nothing to tidy up."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as in a background job
        signal.signal(signal.SIGINT, _exit)
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # runs last, as it is the first to be registered


def raise_interrupts() -> None:
    """From here on let Ctrl-C raise KeyboardInterrupt, so that what is open is closed."""
    if signal.getsignal(signal.SIGINT) is _exit:
        sys.excepthook, sys.unraisablehook = _on_printed, _on_unraisable
        signal.signal(signal.SIGINT, _raise)


def was_raised() -> bool:
    """Return whether Ctrl-C has raised KeyboardInterrupt, which a library may have turned into another exception."""
    return _answered >= 0


def end() -> None:
    """From here on let Ctrl-C do nothing, unless the process takes long to end."""
    global _answered
    if signal.getsignal(signal.SIGINT) is _raise:
        signal.signal(signal.SIGINT, _exit_if_late)
        _answered = time.monotonic()


def leave() -> "NoReturn":
    """End an interrupted process, tidied up, but without taking Python apart.

    A thread of a library that comes back into Python meanwhile, as OpenVINO's do, would abort the process.
    """
    try:
        atexit._run_exitfuncs()
        if sys.stdout is not None:
            sys.stdout.flush()
    finally:
        os._exit(EXIT_INTERRUPTED)


def _exit(*_: object) -> None:
    try:
        if sys.stderr is not None:
            os.write(sys.stderr.fileno(), b"interrupted\n")
    finally:
        os._exit(EXIT_INTERRUPTED)


def _raise(*_: object) -> None:
    global _answered
    now = time.monotonic()
    if now - _answered >= SAME_SECONDS:
        _answered = now
        raise KeyboardInterrupt


def _exit_if_late(*_: object) -> None:
    if time.monotonic() - _answered >= SAME_SECONDS:
        os._exit(EXIT_INTERRUPTED)


def _on_printed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Called by Python where C code, as of a framework, calls Python code and prints what that raises."""
    if isinstance(error, KeyboardInterrupt):
        _raise_again()
    else:
        sys.__excepthook__(kind, error, trace)


def _on_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """Called by Python where nobody can catch what is raised: in a destructor, in the callback of a weak reference."""
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        _raise_again()
    else:
        sys.__unraisablehook__(unraisable)


def _raise_again() -> None:
    import threading

    global _answered
    _answered = -SAME_SECONDS
    threading.Thread(target=_signal_main_thread, daemon=True).start()


def _signal_main_thread() -> None:
    """Send the signal until it is answered: one that comes just before the main thread waits does not wake it."""
    import _thread
    import threading

    main = threading.main_thread().ident
    while not was_raised():
        time.sleep(0.01)
        if main is not None and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main, signal.SIGINT)
        else:
            _thread.interrupt_main()
        time.sleep(0.1)
