"""The process behind `isolated.py`: decodes the pictures on stdin, one after the other, until stdin ends.

Started as `python -I -S child.py SYS_PATH`, without `site`: it takes over where its parent finds packages.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from decoding.readers import Allow

Answer = tuple[dict[str, Any], int, Iterable[bytes]]  # its header, and how many bytes follow

IDLE_SECONDS = 60  # after which the process ends by itself
GRACE_SECONDS = 5  # more than the parent waits, should it have gone
BASE_BYTES = 2**30  # of memory, beside what a picture's pixels take
PIXEL_BYTES = 32  # of memory, at most, for a pixel; libjxl takes half of it


def main() -> None:
    """Answer orders until there are none."""
    sys.path[:] = [os.path.dirname(os.path.dirname(__file__)), *json.loads(sys.argv[1])]
    pipe_in, pipe_out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    _limit("RLIMIT_CORE", 0)
    from decoding.protocol import receive, send_parts

    while True:
        _limit("RLIMIT_AS", BASE_BYTES)
        _alarm(IDLE_SECONDS)
        try:
            order, data = receive(pipe_in)
        except EOFError:
            return
        _alarm(order["seconds"] + GRACE_SECONDS)
        send_parts(pipe_out, *_answer(order, data, pipe_in, pipe_out))


def _answer(order: dict[str, Any], data: bytes, pipe_in: BinaryIO, pipe_out: BinaryIO) -> Answer:
    from decoding.limits import check_memory, check_size
    from decoding.protocol import receive, send
    from errors import ImageError

    def allow(width: int, height: int, pixel_bytes: float) -> None:
        check_size(width, height, order["max_pixels"])
        needed = int(width * height * pixel_bytes)
        check_memory(width, height, needed, order["format"], order["max_pixels"])
        _limit("RLIMIT_AS", BASE_BYTES + PIXEL_BYTES * width * height)
        _alarm(0)
        send(pipe_out, {"needed": needed})
        receive(pipe_in)  # when there is room
        _alarm(order["seconds"] + GRACE_SECONDS)

    try:
        return _decoded(order["format"], data, order["min_side"], allow)
    except ImageError as error:
        reason = str(error)
    except ImportError as error:
        reason = f"what reads {order['format']} pictures cannot be loaded: {error}"
    except MemoryError:
        reason = f"damaged {order['format']} picture: it wants more memory than its pixels take"
    except Exception as error:  # what decoders raise for hostile bytes
        from decoding.diagnosis import reason_of

        reason = f"damaged {order['format']} picture: {reason_of(error)}"
    return {"error": reason}, 0, ()


def _decoded(format: str, data: bytes, min_side: int | None, allow: "Allow") -> Answer:
    """Decode and return the answer: the size, and the bytes of the colour profile and of the pixels."""
    from decoding.readers import opaque, reader_of, reduced, strips

    image = opaque(reader_of(format)(data, min_side, allow))
    profile = image.info.get("icc_profile") or b""
    if image.mode != "RGB" or profile[16:20] != b"RGB ":  # one of grey, or of inks that are gone
        profile = b""
    full_size, image = image.size, reduced(image, min_side)
    header = {"mode": image.mode, "size": image.size, "full_size": full_size, "profile_bytes": len(profile)}
    length = len(profile) + image.width * image.height * len(image.mode)
    return header, length, chain([profile], strips(image))


def _limit(name: str, value: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):  # not every system has them
        import resource

        kind = getattr(resource, name)
        resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


def _alarm(seconds: float) -> None:
    with contextlib.suppress(AttributeError):  # Windows has none
        import signal

        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
