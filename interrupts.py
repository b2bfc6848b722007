"""Ctrl-C ends a script at any moment, in one line and with exit code 130.

A script calls `exit_at_once` before it imports anything else, and `console.run_script` the rest.
Before that Python itself answers Ctrl-C, with a traceback.
"""

import atexit
import os
import signal
import sys
import time

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
        sys.unraisablehook = _raise_again
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


def _raise_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Raise an interrupt again that came where Python can only print it: in a destructor, in a callback."""
    global _answered
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    import _thread
    import threading

    _answered = -SAME_SECONDS
    threading.Timer(0.01, _thread.interrupt_main).start()
