"""Watches of ConfigMaps over a socket: what is told, and how they end. A real API server is in tests/cluster."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from collectionsync.controller.cluster import Cluster, ClusterError, ExpiredError, ForbiddenError
from collectionsync.controller.watched import Identity

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
Write = Callable[[bytes], None]


def event(kind: str, version: int, **fields: Any) -> bytes:
    metadata = {"name": "wanted", "namespace": "mirrors", "uid": "1", "resourceVersion": str(version)}
    return json.dumps({"type": kind, "object": {"metadata": metadata, **fields}}).encode() + b"\n"


class ApiServer(ThreadingHTTPServer):
    """Answers each request with a status and what `answer` writes, and notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.answer: Callable[[Write], None] = lambda write: None
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ApiServer

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.server.asked.append((path, query, self.headers["Accept"]))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.server.answer(self._write)
        self.wfile.write(b"0\r\n\r\n")

    def _write(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as started:
        thread = threading.Thread(target=started.serve_forever)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


@pytest.fixture
def cluster(server: ApiServer, tmp_path: Path) -> Cluster:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {}}],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    return Cluster(str(file))


async def test_a_watch_tells_of_each_change_and_how_far_it_came(server: ApiServer, cluster: Cluster) -> None:
    told: list[tuple[str, bool]] = []
    body = event("ADDED", 8) + event("DELETED", 9) + event("BOOKMARK", 12)

    def answer(write: Write) -> None:
        write(body[:30])
        write(body[30:])

    server.answer = answer
    version = await cluster.watch_config_maps(
        "mirrors", "7", lambda found, deleted: told.append((found.version, deleted))
    )
    assert told == [("1/8", False), ("1/9", True)]
    assert version == "12"
    ((path, query, accept),) = server.asked
    assert path == "/api/v1/namespaces/mirrors/configmaps"
    assert (query["watch"], query["resourceVersion"], accept) == (["true"], ["7"], METADATA)


async def test_a_change_is_told_while_the_watch_goes_on(server: ApiServer, cluster: Cluster) -> None:
    heard, over = asyncio.Event(), threading.Event()

    def answer(write: Write) -> None:
        write(event("MODIFIED", 8))
        over.wait(60)

    server.answer = answer
    watching = asyncio.create_task(cluster.watch_config_maps(None, "7", lambda found, deleted: heard.set()))
    try:
        await asyncio.wait_for(heard.wait(), 60)
        assert not watching.done()
    finally:
        over.set()
    assert await watching == "8"


async def test_who_stops_watching_is_told_nothing_more(server: ApiServer, cluster: Cluster) -> None:
    told: list[Identity] = []
    first, go_on = asyncio.Event(), threading.Event()

    def answer(write: Write) -> None:
        write(event("MODIFIED", 8))
        go_on.wait(60)
        write(event("MODIFIED", 9))

    def take(found: Identity, deleted: bool) -> None:
        told.append(found)
        first.set()

    server.answer = answer
    watching = asyncio.create_task(cluster.watch_config_maps(None, "7", take))
    await asyncio.wait_for(first.wait(), 60)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    (thread,) = (each for each in threading.enumerate() if each.name == "watch-config-maps")
    go_on.set()
    await asyncio.to_thread(thread.join, 60)
    await asyncio.sleep(0)
    assert [each.resource_version for each in told] == ["8"]


@pytest.mark.parametrize(("status", "error"), [(403, ForbiddenError), (410, ExpiredError), (500, ClusterError)])
async def test_a_watch_that_is_refused_says_why(
    server: ApiServer, cluster: Cluster, status: int, error: type[ClusterError]
) -> None:
    server.status = status
    server.answer = lambda write: write(b'{"message": "because"}')
    with pytest.raises(error, match="because"):
        await cluster.watch_config_maps(None, "7", lambda found, deleted: None)


async def test_a_watch_that_expires_says_so_whatever_the_status_was(server: ApiServer, cluster: Cluster) -> None:
    server.answer = lambda write: write(event("ERROR", 0, code=410, message="too old resource version"))
    with pytest.raises(ExpiredError, match="too old resource version"):
        await cluster.watch_config_maps(None, "7", lambda found, deleted: None)


async def test_what_is_no_watch_is_an_error_like_any_other(server: ApiServer, cluster: Cluster) -> None:
    server.answer = lambda write: write(b"<html>\n")
    with pytest.raises(ClusterError, match="cannot be read"):
        await cluster.watch_config_maps(None, "7", lambda found, deleted: None)


async def test_a_server_that_goes_away_is_an_error_like_any_other(server: ApiServer, cluster: Cluster) -> None:
    def answer(write: Write) -> None:
        write(event("MODIFIED", 8))
        raise ConnectionError("the test ends it")

    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.answer = answer
    with pytest.raises(ClusterError, match="cannot be asked"):
        await cluster.watch_config_maps(None, "7", lambda found, deleted: None)


async def test_of_a_config_map_only_metadata_are_asked_for(server: ApiServer, cluster: Cluster) -> None:
    metadata = {"name": "wanted", "namespace": "mirrors", "uid": "1", "resourceVersion": "5"}
    server.answer = lambda write: write(json.dumps({"metadata": metadata}).encode())
    found = await cluster.config_map("mirrors", "wanted")
    assert found == Identity(name="wanted", namespace="mirrors", uid="1", resource_version="5")
    ((path, _, accept),) = server.asked
    assert (path, accept) == ("/api/v1/namespaces/mirrors/configmaps/wanted", METADATA)


async def test_a_config_map_that_is_missing_is_none(server: ApiServer, cluster: Cluster) -> None:
    server.status = 404
    assert await cluster.config_map("mirrors", "wanted") is None


async def test_how_far_all_config_maps_are_is_asked_with_the_least_of_them(server: ApiServer, cluster: Cluster) -> None:
    server.answer = lambda write: write(b'{"metadata": {"resourceVersion": "77"}, "items": [{}]}')
    assert await cluster.config_maps_version("mirrors") == "77"
    ((_, query, _),) = server.asked
    assert query["limit"] == ["1"]
