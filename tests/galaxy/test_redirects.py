"""Redirects: learned where every path has one, followed as they were sent, and never a way to credentials."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.errors import AuthenticationError, ContentError, TransientError
from collectionsync.galaxy.transport import MAX_REDIRECTS
from galaxy.wire import LIMIT, Collected, Recorder, answered, connected, redirected, scripted, transport_to
from testgalaxy import Fault, TestGalaxy, kind, small_catalog, wirefaults

ROOT = answered(b'{"available_versions": {"v3": "v3/"}}')


@pytest.fixture
async def other(galaxy: TestGalaxy) -> AsyncIterator[TestGalaxy]:
    """Serve the same content at another port, which is another origin."""
    async with TestGalaxy(galaxy.catalog, redirects=False) as server:
        yield server


def token(galaxy: TestGalaxy) -> Credentials:
    return Credentials.token(URL(galaxy.url), "t0ken")


async def test_the_redirect_of_legacy_paths_is_learned_once(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        assert await client.collection("acme", "tools")
        assert await client.collection("acme", "other")
        await client.versions("acme", "tools")
        await client.detail("acme", "tools", "1.0.0", Collected(), limit=LIMIT)
        await client.docs_blob("acme", "tools", "1.0.0", Collected(), limit=LIMIT)
    assert galaxy.requests.statuses[302] == 1


async def test_it_is_learned_from_a_list_as_well(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        await client.versions("acme", "tools")
        await client.versions("acme", "other")
        assert await client.collection("acme", "tools")
    assert galaxy.requests.statuses[302] == 1


async def test_it_is_learned_as_well_where_the_first_requests_are_many_at_once(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        found = await asyncio.gather(*(client.collection("acme", name) for name in ["tools", "other"] * 5))
        first = galaxy.requests.statuses[302]
        assert (all(found), first <= 10) == (True, True)
        await client.versions("acme", "tools")
        assert await client.collection("acme", "other")
    assert galaxy.requests.statuses[302] == first
    assert galaxy.requests.count("versions") == 1


async def test_a_server_that_answers_directly_has_nothing_to_learn(other: TestGalaxy) -> None:
    async with connected(other.url) as client:
        assert await client.collection("acme", "tools")
        await client.versions("acme", "tools")
    assert set(other.requests.statuses) == {200}


async def test_a_redirect_to_another_host_is_not_learned(galaxy: TestGalaxy, other: TestGalaxy) -> None:
    galaxy.faults.add(
        Fault(
            "v3/collections/acme/tools/",
            wirefaults.redirect_to(f"{other.url}v3/collections/acme/tools/"),
            times=1,
            on_redirects=True,
        )
    )
    async with connected(galaxy.url) as client:
        assert await client.collection("acme", "tools")
        assert (await client.versions("acme", "tools")).complete
    assert (other.requests.count("collection"), other.requests.count("versions")) == (1, 0)


@pytest.mark.parametrize("location", ["/elsewhere", "/x/acme/to%6Fls/", "/x/acme/tools/?a=b"])
async def test_only_what_is_a_prefix_is_learned(location: str) -> None:
    async with scripted(ROOT, redirected(location), answered(b"{}")) as server, connected(server.url) as client:
        await client.collection("acme", "tools")
        await client.collection("acme", "other")
        learned = "/x/" if "?" in location else "/v3/collections/"
        assert server.heads[-1].split()[1] == f"{learned}acme/other/"


async def test_a_missing_slash_costs_one_redirect(galaxy: TestGalaxy, watcher: Recorder) -> None:
    async with transport_to(galaxy.url, observer=watcher) as transport:
        sink = Collected()
        at = await transport.get("root", URL(galaxy.url.rstrip("/")), sink, limit=LIMIT)
    assert (str(at.url), watcher.codes) == (galaxy.url, ["301", "200"])
    assert sink.data.startswith(b'{"available_versions"')


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_every_kind_of_redirect_is_followed(galaxy: TestGalaxy, watcher: Recorder, status: int) -> None:
    galaxy.faults.add(Fault(kind("root"), wirefaults.redirect_to("{path}?again", status), times=1))
    async with transport_to(galaxy.url, observer=watcher) as transport:
        at = await transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT)
    assert (at.url, watcher.codes) == (URL(galaxy.url + "?again"), [str(status), "200"])


async def test_a_redirect_without_a_location_is_no_answer(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("root"), wirefaults.status(302)))
    async with transport_to(galaxy.url) as transport:
        with pytest.raises(ContentError, match="answered 302"):
            await transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT)


async def test_a_loop_of_redirects_ends(galaxy: TestGalaxy, watcher: Recorder) -> None:
    galaxy.faults.add(Fault(kind("root"), wirefaults.redirect_to("{path}"), on_redirects=True))
    async with transport_to(galaxy.url, observer=watcher) as transport:
        with pytest.raises(ContentError) as caught:
            await transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT)
    assert caught.value.reason == "TooManyRedirects"
    assert (watcher.codes, watcher.retries) == (["302"] * (MAX_REDIRECTS + 1), [])


async def test_a_location_is_not_quoted_again() -> None:
    location = "/bucket/a%2Fb+c%7e(d)?X-Amz-Signature=a%2Fb%3D%3d+%7E~/:@!$&'*,;=|^`{}\"<>[]\\"
    async with scripted(redirected(location), answered(b"{}")) as server, transport_to(server.url) as transport:
        await transport.get("detail", URL(server.url), Collected(), limit=LIMIT)
        assert server.heads[1].split()[1] == location


async def test_what_no_url_can_hold_is_quoted_in_a_location() -> None:
    async with scripted(redirected("/a b\t/ü\udcff"), answered(b"{}")) as server, transport_to(server.url) as transport:
        await transport.get("detail", URL(server.url), Collected(), limit=LIMIT)
        assert server.heads[1].split()[1] == "/a%20b%09/%C3%BC%FF"


@pytest.mark.parametrize(
    "location", ["http://[::1/", "http://h:99999/", "http://h:abc/", "mailto:a@example.com", "http://h\\@evil/"]
)
async def test_a_location_that_is_no_url_is_the_items_error(location: str) -> None:
    async with scripted(redirected(location)) as server, transport_to(server.url) as transport:
        with pytest.raises(ContentError) as caught:
            await transport.get("detail", URL(server.url), Collected(), limit=LIMIT)
        assert (caught.value.reason, len(server.heads)) == ("InvalidRedirect", 1)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"], ids=["long label", "empty label"])
async def test_a_host_that_cannot_be_asked_is_the_items_error(host: str) -> None:
    async with scripted(redirected(f"http://{host}/")) as server, transport_to(server.url) as transport:
        with pytest.raises(ContentError) as caught:
            await transport.get("detail", URL(server.url), Collected(), limit=LIMIT)
    assert caught.value.reason == "InvalidURL"


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "file:///etc/passwd", "ws://127.0.0.1/"])
async def test_only_the_web_is_followed(location: str) -> None:
    async with scripted(redirected(location)) as server, transport_to(server.url) as transport:
        with pytest.raises(ContentError):
            await transport.get("detail", URL(server.url), Collected(), limit=LIMIT)


async def test_credentials_are_sent_with_every_request_to_their_origin(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url, credentials=token(galaxy)) as client:
        assert await client.collection("acme", "tools")
        await client.versions("acme", "tools")
    assert galaxy.requests.statuses[302] == 1
    assert {request.headers.get("Authorization") for request in galaxy.requests} == {"Token t0ken"}


async def test_credentials_are_not_sent_to_where_a_redirect_leads(galaxy: TestGalaxy, other: TestGalaxy) -> None:
    elsewhere = f"{other.url}v3/collections/acme/tools/versions/1.0.0/docs-blob/"
    galaxy.faults.add(Fault(kind("docs"), wirefaults.redirect_to(elsewhere)))
    sink = Collected()
    async with connected(galaxy.url, credentials=token(galaxy)) as client:
        assert await client.docs_blob("acme", "tools", "1.0.0", sink, limit=LIMIT)
    assert sink.data.startswith(b'{"docs_blob"')
    assert [request.headers.get("Authorization") for request in other.requests] == [None]


async def test_credentials_are_sent_again_where_a_redirect_leads_back(galaxy: TestGalaxy, other: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("root"), wirefaults.redirect_to(other.url), times=1))
    other.faults.add(Fault(kind("root"), wirefaults.redirect_to(galaxy.url)))
    async with connected(galaxy.url, credentials=token(galaxy)):
        pass
    assert [request.headers.get("Authorization") for request in other.requests] == [None]
    assert [request.headers.get("Authorization") for request in galaxy.requests] == ["Token t0ken"] * 2


async def test_a_source_cannot_make_up_credentials_for_another_request(galaxy: TestGalaxy) -> None:
    host = galaxy.origin.removeprefix("http://")
    galaxy.faults.add(Fault(kind("root"), wirefaults.redirect_to(f"http://user:pass@{host}{{path}}"), times=1))
    async with connected(galaxy.url, credentials=token(galaxy)):
        pass
    assert [request.headers.get("Authorization") for request in galaxy.requests] == ["Token t0ken"] * 2


async def test_wrong_credentials_are_not_tried_twice(watcher: Recorder) -> None:
    async with (
        TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), token="right") as galaxy,
        connected(galaxy.url, observer=watcher, credentials=token(galaxy)) as client,
    ):
        with pytest.raises(AuthenticationError, match=r"answered 401.*spec\.source\.secretRef"):
            await client.collection("acme", "tools")
    assert (watcher.codes, watcher.retries) == (["200", "401"], [])


@pytest.mark.parametrize("scheme", ["token", "basic"])
async def test_right_credentials_open_the_source(scheme: str) -> None:
    expected = {"token": "s3cret"} if scheme == "token" else {"username": "ann", "password": "pä:ss"}
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), **expected) as galaxy:  # type: ignore[arg-type]
        url = URL(galaxy.url)
        credentials = Credentials.token(url, "s3cret") if scheme == "token" else Credentials.basic(url, "ann", "pä:ss")
        async with connected(galaxy.url, credentials=credentials) as client:
            assert await client.collection("acme", "tools")


async def test_401_of_another_host_is_not_taken_for_the_sources(galaxy: TestGalaxy) -> None:
    async with TestGalaxy(galaxy.catalog, redirects=False, token="other") as closed:
        closed_docs = f"{closed.url}v3/collections/acme/tools/versions/1.0.0/docs-blob/"
        galaxy.faults.add(Fault(kind("docs"), wirefaults.redirect_to(closed_docs)))
        async with connected(galaxy.url, credentials=token(galaxy)) as client:
            with pytest.raises(TransientError, match=r"only sent to .*change spec\.source\.url") as caught:
                await client.docs_blob("acme", "tools", "1.0.0", Collected(), limit=LIMIT)
    assert caught.value.reason == "Forbidden"


async def test_plain_http_is_refused_unless_it_was_asked_for(galaxy: TestGalaxy, watcher: Recorder) -> None:
    async with transport_to(galaxy.url, observer=watcher, insecure=False) as transport:
        with pytest.raises(ContentError, match=r"spec\.source\.insecure") as caught:
            await transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT)
    assert (caught.value.reason, watcher.started) == ("InsecureURL", 0)


async def test_https_does_not_lead_to_plain_http(galaxy: TestGalaxy, watcher: Recorder) -> None:
    async with TestGalaxy(galaxy.catalog, tls=True) as safe:
        safe.faults.add(Fault(kind("root"), wirefaults.redirect_to(galaxy.url)))
        assert safe.certificates
        tls = safe.certificates.client()
        async with transport_to(safe.url, observer=watcher, tls=tls, insecure=False) as transport:
            with pytest.raises(ContentError, match=r"spec\.source\.insecure"):
                await transport.get("root", URL(safe.url), Collected(), limit=LIMIT)
    assert (watcher.codes, len(galaxy.requests)) == (["302"], 0)


async def test_a_presigned_query_is_in_no_message(galaxy: TestGalaxy, other: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("docs"), wirefaults.redirect_to(f"{other.origin}/bucket?X-Amz-Signature=s3cret")))
    other.faults.add(Fault("bucket", wirefaults.status(500)))
    async with connected(galaxy.url) as client:
        with pytest.raises(TransientError, match="/bucket answered 500") as caught:
            await client.docs_blob("acme", "tools", "1.0.0", Collected(), limit=LIMIT)
    assert "s3cret" not in str(caught.value)
