"""Ray on this machine, which ends with the run, or one that runs already; quiet, and with errors in words."""

import contextlib
import logging
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import portalocker

from errors import UsageError

LOCAL, AUTO = "local", "auto"
CLIENT = "ray://"  # a cluster that this machine is no part of
NAMESPACE = "image-classifier"
ADDRESS = re.compile(rf"(?:{CLIENT})?(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{{1,5}})")
SECONDS = 5  # that an address may take to answer
SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # the frame that both sides of HTTP/2 begin with
OBJECT_STORE = 200 * 2**20  # bytes of shared memory on this machine: only names and counts go through it
PREFIX, LOCK_FILE = "classify-ray-", "lock"  # of folders for Ray's files on this machine
LONGEST_TMPDIR = 20  # characters: the path of a Unix socket in it has 107 at most
SUITE = Path(__file__).resolve().parent.parent
UNWATCHED = {  # what Ray's processes on this machine would tell its dashboard, several times a second each
    "RAY_enable_metrics_collection": "0", "RAY_event_stats": "0", "RAY_task_events_report_interval_ms": "0",
}  # fmt: skip
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1", "RAY_SCHEDULER_EVENTS": "0"}


def check_address(address: str) -> None:
    """Raise UsageError for what is no address, and when a package is missing."""
    if address not in (LOCAL, AUTO) and not ADDRESS.fullmatch(address):
        raise UsageError(f"--cluster {address} is not local, auto, HOST:PORT or ray://HOST:PORT")
    missing = [name for name in ("ray", "pandas", "pyarrow") if find_spec(name) is None]
    if missing:
        raise UsageError(f"--cluster needs the package {missing[0]}; pip install -r requirements-cluster.txt")


@contextlib.contextmanager
def connected(address: str) -> Iterator[Path]:
    """Have Ray at hand, and give a folder of this machine that is gone at the end; raises UsageError."""
    os.environ.update(QUIET | os.environ)
    with _folder() as folder:
        options = _of_this_machine(folder) if address == LOCAL else _of_others(address, folder)
        try:
            _start(options)
            yield Path(folder)
        finally:
            _end(address)


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """Give a folder that is gone at the end, or after the next run if this one is killed: its lock tells."""
    place = None if len(tempfile.gettempdir()) <= LONGEST_TMPDIR else "/tmp"
    for lock in Path(place or tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK_FILE}"):
        with contextlib.suppress(OSError, portalocker.LockException), open(lock, "ab") as file:
            portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=place, ignore_cleanup_errors=True) as folder:
        unlocked = Path(folder, f".{LOCK_FILE}")  # which no other run looks at
        with open(unlocked, "ab") as file:
            with contextlib.suppress(portalocker.LockException):  # where files cannot be locked
                portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
            unlocked.rename(Path(folder, LOCK_FILE))
            yield folder


def _end(address: str) -> None:
    """Let go of Ray, and of its processes on this machine if they are the run's own."""
    import psutil  # of Ray's own
    import ray

    own = psutil.Process().children(recursive=True) if address == LOCAL else []
    ray.shutdown()
    _gone, alive = psutil.wait_procs(own, timeout=SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=SECONDS)


def _of_this_machine(folder: str) -> dict[str, Any]:
    """Return what starts Ray here: its processes take the suite from where it is, and nobody else may give orders."""
    os.environ.update(UNWATCHED | os.environ)
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # which Ray reads once in a process
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(SUITE), os.environ.get("PYTHONPATH"))))
    return {
        "address": LOCAL,
        "_temp_dir": folder,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE,
    }


def _of_others(address: str, folder: str) -> dict[str, Any]:
    """Return what connects with a cluster, which gets the suite's code; raises UsageError when nobody answers."""
    if match := ADDRESS.fullmatch(_of_running() if address == AUTO else address):
        try:
            with socket.create_connection((match["host"].strip("[]"), int(match["port"])), SECONDS) as connection:
                _check_speaks_grpc(connection)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"--cluster {address} does not answer ({reason}); ray status on its head says whether it runs"
            ) from error
    return {"address": address, "runtime_env": {"working_dir": _copy_code(Path(folder, "suite"))}}


def _check_speaks_grpc(connection: socket.socket) -> None:
    """Raise OSError for what is no server of Ray's, which Ray itself would wait for, for minutes (RFC 9113, 3.4)."""
    if os.environ.get("RAY_USE_TLS", "0") == "0":
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS)
        if connection.recv(len(SETTINGS))[3:4] != SETTINGS[3:4]:
            raise OSError("what is there is not Ray")


def _of_running() -> str:
    """Return the address of the cluster that this machine is part of; raises UsageError."""
    from ray._private.services import canonicalize_bootstrap_address_or_die

    try:
        return canonicalize_bootstrap_address_or_die(AUTO)
    except ConnectionError as error:
        raise UsageError(
            f"--cluster auto: no Ray runs on this machine ({_line(error)}); start it with ray start, or give local"
        ) from error


def _copy_code(target: Path) -> str:
    target.mkdir()
    for path in SUITE.iterdir():
        if path.is_dir() and (path / "__init__.py").exists():
            shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.suffix == ".py":
            shutil.copy(path, target)
    return str(target)


def _start(options: dict[str, Any]) -> None:
    import ray

    ray._private.worker._worker_logs_enabled = False  # what it says of workers that died would go to stdout
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "logging_level": logging.CRITICAL}
    try:
        ray.init(namespace=NAMESPACE, **quiet, **options)
    except (ConnectionError, RuntimeError) as error:  # of versions that differ, among others
        raise UsageError(f"Ray on --cluster {options['address']} cannot be used: {_line(error)}") from error


@contextlib.contextmanager
def errors_of_ray() -> Iterator[None]:
    """Raise UsageError for what goes wrong between the processes of a cluster."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        raise UsageError(
            f"the cluster cannot go on ({_line(error)}); finished parts are kept, and --resume goes on with them"
        ) from error


def _line(error: Exception) -> str:
    """Return what an error says, of one with the traceback of another process its last line."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[\d;]*m", "", str(error)).splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (named or lines or [type(error).__name__])[-1]
