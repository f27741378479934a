"""Finding the v3 API at or below the URL that a person wrote down."""

import json

import pytest
from yarl import URL

from collectionsync.galaxy.client import GalaxyClient
from collectionsync.galaxy.discovery import discovery_urls
from collectionsync.galaxy.errors import AuthenticationError, ContentError, GalaxyError, TransientError
from galaxy.wire import Recorder, answered, connected, redirected, scripted, transport_to
from testgalaxy import Fault, TestGalaxy, contentfaults, kind, small_catalog, wirefaults
from testgalaxy.faults import Action

ROOT = json.dumps({"available_versions": {"v3": "v3/"}}).encode()
COLLECTION = b"{}"


def refusal(status: int) -> bytes:
    return f"HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\n\r\n".encode()


def root(v3: object, **others: object) -> bytes:
    return answered(json.dumps({"available_versions": {"v3": v3, **others}}).encode())


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://galaxy.ansible.com/", ["https://galaxy.ansible.com/api/"]),
        (
            "https://galaxy.ansible.com/api/",
            ["https://galaxy.ansible.com/api/", "https://galaxy.ansible.com/api/api/"],
        ),
        ("https://hub.example.com/", ["https://hub.example.com/", "https://hub.example.com/api/"]),
        ("https://hub.example.com/a/b/", ["https://hub.example.com/a/b/", "https://hub.example.com/a/b/api/"]),
    ],
)
def test_the_api_is_looked_for_where_ansible_galaxy_looks(url: str, asked: list[str]) -> None:
    assert [str(each) for each in discovery_urls(URL(url))] == asked


@pytest.mark.parametrize("redirects", [True, False])
@pytest.mark.parametrize("ending", ["/", ""])
async def test_the_slash_at_the_end_makes_no_difference(redirects: bool, ending: str) -> None:
    async with TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), redirects=redirects) as galaxy:
        async with connected(galaxy.url.rstrip("/") + ending) as client:
            assert await client.collection("acme", "tools")
        assert galaxy.requests.count("root") == 1
        assert 301 not in galaxy.requests.statuses


@pytest.mark.parametrize(
    "first",
    [
        refusal(404),
        answered(b"<!doctype html><html></html>"),
        answered(b'{"hello": "world"}'),
        answered(b"[1, 2]"),
        answered(b""),
        refusal(400),
        redirected("/"),
    ],
    ids=["404", "HTML", "other JSON", "a list", "nothing", "400", "a redirect to itself"],
)
async def test_the_api_may_be_at_api_below_the_url(first: bytes) -> None:
    attempts = 6 if b" 302 " in first else 1
    async with scripted(*[first] * attempts, answered(ROOT), answered(COLLECTION)) as server:
        async with connected(server.url + "hub") as client:
            assert await client.collection("acme", "tools")
        assert [head.split()[1] for head in server.heads[attempts:]] == [
            "/hub/api/",
            "/hub/api/v3/collections/acme/tools/",
        ]


@pytest.mark.parametrize(
    ("v3", "path"),
    [
        ("v3/", "/hub/v3/"),
        ("v3", "/hub/v3/"),
        # ansible-galaxy joins with a slash whatever the value, so no server that works with it means the host's root.
        ("/v3/", "/hub/v3/"),
        ("api/v3/", "/hub/api/v3/"),
    ],
)
async def test_the_path_of_v3_is_read_as_ansible_galaxy_reads_it(v3: str, path: str) -> None:
    async with scripted(root(v3), answered(COLLECTION)) as server, connected(server.url + "hub") as client:
        await client.collection("acme", "tools")
        assert server.heads[1].split()[1] == f"{path}collections/acme/tools/"


async def test_the_api_is_below_the_place_that_the_root_was_redirected_to() -> None:
    async with scripted(redirected("/real/api"), answered(ROOT), answered(COLLECTION)) as server:
        async with connected(server.url) as client:
            await client.collection("acme", "tools")
        assert server.heads[2].split()[1] == "/real/api/v3/collections/acme/tools/"


@pytest.mark.parametrize(
    ("document", "spoken"),
    [
        ({"available_versions": {"v1": "v1/", "v2": "v2/"}}, "v1, v2"),
        ({"available_versions": {}}, "nothing"),
        ({"available_versions": {"v3": None}}, "v3"),
        ({"available_versions": {"v3": ""}}, "v3"),
        ({"available_versions": {"v2\x1b[31m": "v2/"}}, "'v2\\x1b[31m'"),
    ],
)
async def test_a_server_that_does_not_speak_v3_is_told_by_what_it_speaks(document: object, spoken: str) -> None:
    async with scripted(answered(json.dumps(document).encode())) as server:
        with pytest.raises(ContentError) as caught:
            async with connected(server.url):
                pass
        assert caught.value.reason == "NotGalaxy"
        assert f"speaks {spoken}; a Galaxy v3 API is needed" in str(caught.value)
        assert len(server.heads) == 1


async def test_versions_of_other_kinds_do_no_harm() -> None:
    async with scripted(root("v3/", v1={"at": "v1/"}, v2=None)) as server, connected(server.url):
        pass


@pytest.mark.parametrize("v3", ["https://elsewhere.example/v3/", "http://127.0.0.1:1/v3/", "mailto:v3", "http://[v3"])
async def test_the_api_may_not_be_on_another_host(v3: str) -> None:
    async with scripted(root(v3)) as server:
        with pytest.raises(ContentError) as caught:
            async with connected(server.url):
                pass
        assert caught.value.reason == "InvalidLink"


async def test_what_was_found_at_both_places_is_told(galaxy: TestGalaxy) -> None:
    with pytest.raises(ContentError) as caught:
        async with connected(galaxy.origin + "/nowhere/"):
            pass
    assert caught.value.reason == "NotGalaxy"
    assert "/nowhere/ answered 404; " in str(caught.value)
    assert "/nowhere/api/ answered 404" in str(caught.value)


@pytest.mark.parametrize("beside", [403, 404])
async def test_403_at_the_root_is_an_authentication_error(galaxy: TestGalaxy, beside: int) -> None:
    galaxy.faults.add(Fault(kind("root"), wirefaults.status(403)))
    galaxy.faults.add(Fault("/api/api/", wirefaults.status(beside)))
    with pytest.raises(AuthenticationError, match=r"answered 403.*check the Secret with its credentials"):
        async with connected(galaxy.url):
            pass


async def test_403_at_the_root_is_no_error_where_the_api_is_below() -> None:
    async with scripted(*[refusal(403)] * 3, answered(ROOT)) as server, connected(server.url):
        assert server.heads[-1].split()[1] == "/api/"


async def test_401_at_the_root_ends_the_search(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("root"), wirefaults.status(401)))
    with pytest.raises(AuthenticationError, match=r"spec\.source\.secretRef"):
        async with connected(galaxy.url):
            pass
    assert len(galaxy.requests) == 1


async def test_a_root_that_is_down_is_no_other_kind_of_server(galaxy: TestGalaxy) -> None:
    galaxy.faults.add(Fault(kind("root"), wirefaults.status(503)))
    with pytest.raises(TransientError):
        async with connected(galaxy.url):
            pass


@pytest.mark.parametrize(
    "action",
    [
        contentfaults.deep_nesting(),
        contentfaults.bad_body("bad utf-8"),
        contentfaults.bad_body("cut off"),
        wirefaults.endless(),
        wirefaults.gzip_garbage(),
    ],
    ids=["deep", "bad UTF-8", "cut off", "endless", "garbage as gzip"],
)
async def test_no_root_is_odd_enough_to_be_anything_but_a_galaxy_error(galaxy: TestGalaxy, action: Action) -> None:
    galaxy.faults.add(Fault(kind("root"), action))
    with pytest.raises(GalaxyError, match="no Galaxy API at"):
        async with connected(galaxy.url):
            pass


async def test_a_query_in_the_url_is_not_taken_for_a_part_of_the_path(galaxy: TestGalaxy, watcher: Recorder) -> None:
    async with transport_to(galaxy.url, observer=watcher) as transport:
        await GalaxyClient(transport, f"{galaxy.url.rstrip('/')}?a=b#c").connect()
    assert watcher.codes == ["200"]
