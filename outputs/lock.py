"""One run at a time writes results."""

import logging
from os import PathLike
from typing import BinaryIO

import portalocker

from errors import UsageError

logger = logging.getLogger("suite")


def lock(file: BinaryIO, results: str | PathLike[str]) -> None:
    """Lock an open file, so that no other run writes these results; raises UsageError when one does."""
    try:
        portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
    except portalocker.AlreadyLocked as error:
        file.close()
        raise UsageError(f"another run is writing {results}; wait for it, or give another --output") from error
    except portalocker.LockException:
        logger.warning("%s is where files cannot be locked: let no other run write it", results)
