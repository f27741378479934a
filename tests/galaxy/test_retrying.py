"""What passes is asked for again, so often and no more; what lasts is not."""

import asyncio
import contextlib
import email.utils
import socket
import time

import pytest
from yarl import URL

from collectionsync.galaxy import transport as transport_module
from collectionsync.galaxy.errors import ContentError, NotFoundError, RateLimitedError, TransientError
from collectionsync.galaxy.retry import RetryPolicy, parse_retry_after
from galaxy.wire import LIMIT, QUICK, Collected, Recorder, answered, scripted, transport_to, until
from testgalaxy import Fault, TestGalaxy, kind, wirefaults
from testgalaxy.faults import Action

DOCS = "v3/plugin/ansible/content/lab/collections/index/acme/tools/versions/1.0.0/docs-blob/"

PASSING: dict[str, Action] = {
    "500": wirefaults.status(500),
    "502": wirefaults.status(502),
    "503": wirefaults.status(503, retry_after="0"),
    "504": wirefaults.status(504),
    "520": wirefaults.status(520),
    "403": wirefaults.status(403),
    "408": wirefaults.status(408),
    "dropped": wirefaults.drop(),
    "truncated": wirefaults.truncate(100),
    "truncated in chunks": wirefaults.truncate_chunked(100),
    "cut before the body": wirefaults.truncate(0),
    "Content-Length too long": wirefaults.claim_more(10),
    "Content-Length too short": wirefaults.claim_less(10),
    "gzip truncated": wirefaults.gzip_truncated(),
}


def url_of(galaxy: TestGalaxy) -> URL:
    return URL(galaxy.url + DOCS)


def honest(galaxy: TestGalaxy) -> bytes:
    version = galaxy.catalog.version("acme", "tools", "1.0.0")
    assert version is not None
    assert version.docs is not None
    return bytes(version.docs)


@pytest.fixture(params=PASSING)
def passing(request: pytest.FixtureRequest) -> Action:
    return PASSING[str(request.param)]


async def test_a_passing_failure_is_retried_and_the_body_is_right(
    galaxy: TestGalaxy, watcher: Recorder, passing: Action
) -> None:
    fault = galaxy.faults.add(Fault(kind("docs"), passing, times=QUICK.attempts - 1))
    sink = Collected()
    async with transport_to(galaxy.url, observer=watcher) as transport:
        await transport.get("docs-blob", url_of(galaxy), sink, limit=LIMIT)
    assert (bytes(sink.data), fault.hits) == (honest(galaxy), QUICK.attempts - 1)
    # aiohttp itself asks once more where a connection breaks off before the head.
    assert len(watcher.retries) == (1 if passing is PASSING["dropped"] else QUICK.attempts - 1)


async def test_a_failure_that_does_not_pass_is_given_up(galaxy: TestGalaxy, watcher: Recorder, passing: Action) -> None:
    galaxy.faults.add(Fault(kind("docs"), passing))
    async with transport_to(galaxy.url, observer=watcher) as transport:
        with pytest.raises(TransientError):
            await transport.get("docs-blob", url_of(galaxy), Collected(), limit=LIMIT)
    assert len(watcher.ended) == watcher.started == QUICK.attempts
    assert len(watcher.retries) == QUICK.attempts - 1
    assert len(galaxy.requests) == QUICK.attempts * (2 if passing is PASSING["dropped"] else 1)


async def test_a_stalled_body_is_given_up_and_asked_for_again(galaxy: TestGalaxy, watcher: Recorder) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.stall(100), times=1))
    sink = Collected()
    patient = RetryPolicy(attempts=20, base_seconds=0.002)
    async with transport_to(galaxy.url, observer=watcher, stall_seconds=0.2, retry=patient) as transport:
        await transport.get("docs-blob", url_of(galaxy), sink, limit=LIMIT)
    assert sink.data == honest(galaxy)
    assert len(sink.sizes) >= 2


@pytest.mark.parametrize("sent", [0, 100])
async def test_a_source_that_stays_silent_is_given_up(galaxy: TestGalaxy, watcher: Recorder, sent: int) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.stall(sent)))
    async with transport_to(galaxy.url, observer=watcher, stall_seconds=0.05) as transport:
        with pytest.raises(TransientError, match="did not answer in time"):
            await transport.get("docs-blob", url_of(galaxy), Collected(), limit=LIMIT)
    assert len(watcher.ended) == QUICK.attempts


async def test_a_source_that_sends_no_head_is_given_up(galaxy: TestGalaxy, watcher: Recorder) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.hold(asyncio.Event())))
    async with transport_to(galaxy.url, observer=watcher, stall_seconds=0.05) as transport:
        with pytest.raises(TransientError, match="did not answer in time"):
            await transport.get("docs-blob", url_of(galaxy), Collected(), limit=LIMIT)
    assert watcher.codes == ["error"] * QUICK.attempts


async def test_a_server_that_never_finishes_to_connect_is_given_up(watcher: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        async with transport_to(url, observer=watcher, connect_seconds=0.05) as transport:
            with pytest.raises(TransientError, match="did not answer in time"):
                await transport.get("root", URL(url), Collected(), limit=LIMIT)
    assert watcher.codes == ["error"] * QUICK.attempts


async def test_an_answer_that_never_ends_is_given_up_though_there_is_always_more_of_it(watcher: Recorder) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not reader.at_eof():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        ended.release()

    ended = asyncio.Semaphore(0)
    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with transport_to(url, observer=watcher, total_seconds=0.2) as transport:
            with pytest.raises(TransientError, match="did not answer in time"):
                await transport.get("root", URL(url), Collected(), limit=LIMIT)
        for _ in range(QUICK.attempts):
            await ended.acquire()
    assert watcher.codes == ["200"] * QUICK.attempts
    assert watcher.bytes > QUICK.attempts


async def test_nobody_there_is_a_passing_failure(watcher: Recorder) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        async with transport_to(url, observer=watcher) as transport:
            with pytest.raises(TransientError, match="broke off: Cannot connect"):
                await transport.get("root", URL(url), Collected(), limit=LIMIT)
    assert watcher.codes == ["error"] * QUICK.attempts


@pytest.mark.parametrize(
    ("action", "kind_of_error"),
    [
        (wirefaults.status(404), NotFoundError),
        (wirefaults.status(410), NotFoundError),
        (wirefaults.status(400), ContentError),
        (wirefaults.status(418), ContentError),
        (wirefaults.gzip_garbage(), ContentError),
        (wirefaults.oversized(LIMIT + 1), ContentError),
    ],
)
async def test_a_lasting_failure_is_not_retried(
    galaxy: TestGalaxy, watcher: Recorder, action: Action, kind_of_error: type[Exception]
) -> None:
    galaxy.faults.add(Fault(kind("docs"), action))
    async with transport_to(galaxy.url, observer=watcher) as transport:
        with pytest.raises(kind_of_error):
            await transport.get("docs-blob", url_of(galaxy), Collected(), limit=LIMIT)
    assert (watcher.started, watcher.retries) == (1, [])


async def test_a_retry_begins_with_the_redirect_and_not_behind_it(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.status(503), times=1))
    async with transport_to(galaxy.url) as transport:
        legacy = URL(galaxy.url + "v3/collections/acme/tools/versions/1.0.0/docs-blob/")
        await transport.get("docs-blob", legacy, Collected(), limit=LIMIT)
    assert galaxy.requests.statuses == {302: 2, 503: 1, 200: 1}


async def test_being_slowed_down_is_met_with_more_patience(galaxy: TestGalaxy, watcher: Recorder) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.status(429)))
    async with transport_to(galaxy.url, observer=watcher) as transport:
        with pytest.raises(RateLimitedError):
            await transport.get("docs-blob", url_of(galaxy), Collected(), limit=LIMIT)
    assert watcher.codes == ["429"] * QUICK.throttled_attempts
    assert watcher.retries == ["RateLimited"] * (QUICK.throttled_attempts - 1)


@pytest.mark.parametrize("as_date", [False, True])
async def test_429_holds_every_connection_back(
    galaxy: TestGalaxy, watcher: Recorder, as_date: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def shortened(value: str | None, *, now: float) -> float:
        # A header counts in whole seconds, for which nobody shall wait here.
        asked.append((parse_retry_after(value, now=now) or 0) / 20)
        return asked[-1]

    monkeypatch.setattr(transport_module, "parse_retry_after", shortened)
    header = email.utils.formatdate(time.time() + 5, usegmt=True) if as_date else "4"
    galaxy.faults.add(Fault(kind("docs"), wirefaults.status(429, retry_after=header), times=1))
    async with transport_to(galaxy.url, observer=watcher) as transport:
        first = asyncio.create_task(transport.get("docs-blob", url_of(galaxy), Collected(), limit=LIMIT))
        await until(lambda: watcher.retries)
        await asyncio.gather(
            first, *(transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT) for _ in range(5))
        )
    slowed, *rest = galaxy.requests
    assert (slowed.status, len(rest)) == (429, 6)
    assert asked[0] > 0
    assert min(request.started for request in rest) - slowed.started >= asked[0]


async def test_429_holds_back_those_who_wait_for_a_connection(
    galaxy: TestGalaxy, watcher: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "parse_retry_after", lambda *_, **__: 0.2)
    galaxy.faults.add(Fault(kind("docs"), wirefaults.status(429), times=1))
    async with transport_to(galaxy.url, observer=watcher, connections=1) as transport:
        await asyncio.gather(*(transport.get("docs-blob", url_of(galaxy), Collected(), limit=LIMIT) for _ in range(4)))
    slowed, *rest = galaxy.requests
    assert (slowed.status, len(rest)) == (429, 4)
    assert min(request.started for request in rest) - slowed.started >= 0.2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("header", ["301", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_a_source_that_asks_for_more_patience_than_a_run_has_is_an_error_at_once(
    galaxy: TestGalaxy, watcher: Recorder, status: int, header: str
) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.status(status, retry_after=header)))
    async with transport_to(galaxy.url, observer=watcher) as transport:
        with pytest.raises(TransientError, match="longer than a run waits; run again later") as caught:
            await transport.get("docs-blob", url_of(galaxy), Collected(), limit=LIMIT)
    assert caught.value.reason == {429: "RateLimited", 503: "SourceUnavailable"}[status]
    assert (watcher.started, watcher.retries) == (1, [])


async def test_a_sink_starts_again_and_knows_the_size_each_time() -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"
    async with scripted(half, half, answered(b"abcdefghij")) as server, transport_to(server.url) as transport:
        sink = Collected()
        await transport.get("detail", URL(server.url), sink, limit=LIMIT)
    assert (sink.sizes, bytes(sink.data)) == ([10, 10, 10], b"abcdefghij")


async def test_what_a_sink_raises_is_its_own_affair(galaxy: TestGalaxy, watcher: Recorder) -> None:
    class Full(Collected):
        def write(self, chunk: bytes) -> None:
            raise LookupError("no room")

    async with transport_to(galaxy.url, observer=watcher) as transport:
        with pytest.raises(LookupError, match="no room"):
            await transport.get("docs-blob", url_of(galaxy), Full(), limit=LIMIT)
    assert (watcher.codes, watcher.retries) == (["200"], [])


async def test_requests_are_spaced(galaxy: TestGalaxy) -> None:
    async with transport_to(galaxy.url, rate=25) as transport:
        await asyncio.gather(*(transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT) for _ in range(5)))
    # Four times 40 ms lie between the first and the last; half of that is left for what happens on the way.
    assert galaxy.requests.entries[-1].started - galaxy.requests.entries[0].started >= 0.08
