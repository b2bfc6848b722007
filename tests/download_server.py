"""The internet as the child process of a test sees it: a loopback proxy that is the download host itself."""

import contextlib
import socketserver
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import trustme

HOST = "storage.googleapis.com"  # where Keras keeps the weights of its applications


@dataclass(frozen=True)
class Answer:
    """What the server sends for every request."""

    body: bytes = b""
    status: str = "200 OK"
    missing: int = 0  # bytes that the header promises beyond the body
    silent: bool = False  # take the request and say nothing


class DownloadServer(socketserver.ThreadingTCPServer):
    """Answers CONNECT, ends TLS with its own certificate for HOST, and gives `answer` to any request."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = Answer()
        self.requests: list[str] = []
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "authority.pem"))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(self.tls)
        self.environment = {
            "https_proxy": f"http://127.0.0.1:{self.server_address[1]}",
            "no_proxy": "",
            "SSL_CERT_FILE": str(folder / "authority.pem"),
        }

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path):
        """Serve from a thread for the length of a `with` block."""
        with cls(folder) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server
            server.shutdown()


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        _read_head(self.request)
        self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with contextlib.suppress(OSError), self.server.tls.wrap_socket(self.request, server_side=True) as connection:
            self.server.requests.append(_read_head(connection).split()[1])
            answer = self.server.answer
            if answer.silent:
                connection.recv(1)  # returns when the client has given up
                return
            length = len(answer.body) + answer.missing
            connection.sendall(f"HTTP/1.1 {answer.status}\r\nContent-Length: {length}\r\n\r\n".encode())
            connection.sendall(answer.body)


def _read_head(connection) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(4096)
    return head.decode()
