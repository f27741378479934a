"""Servers of a few lines that call themselves stores, in the test's own process."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from collectionsync.artifacts import s3
from collectionsync.artifacts.store import ArtifactStore

Respond = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Respond], ArtifactStore]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server that answers each request in this way, and returns a store there."""
    monkeypatch.setattr(s3, "_BASE_SECONDS", 0.01)
    servers: list[ThreadingHTTPServer] = []

    def start(respond: Respond) -> ArtifactStore:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if self.raw_requestline and self.parse_request():
                    self.rfile.read(int(self.headers.get("content-length", "0")))
                    respond(self)
                    self.wfile.flush()
                else:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "key", "allow_http": "true"}
        return ArtifactStore.open("s3://bucket", {**keys, "endpoint": f"http://127.0.0.1:{server.server_port}"})

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def answer(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)
