"""Targets that lead elsewhere, or nowhere: none is decoded twice, joined or normalised, or an error of ours."""

import pytest

from server.attacked import API, ARTIFACT, ARTIFACTS, COLLECTIONS, DETAIL, VERSIONS, Attacked, shown

pytestmark = pytest.mark.slow

ELSEWHERE = [
    "/..",
    "/../etc/passwd",
    "/../../../../../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/..%5c..%5cetc%5cpasswd",
    "/..\\..\\etc\\passwd",
    "/%252e%252e/etc/passwd",
    "/%c0%ae%c0%ae/etc/passwd",
    "/%uff0e%uff0e/etc/passwd",
    "/default/../default/default/api/",
    f"{API}/../../../healthz",
    f"{API}/v3/../v3/collections/",
    f"{API}/./v3/collections/",
    f"{API}/v3/collections/%2e/",
    f"{COLLECTIONS}/acme%2falpha/",
    f"{COLLECTIONS}/acme/alpha%2fversions/",
    f"{COLLECTIONS}%2facme%2falpha/",
    f"{COLLECTIONS}/acme/..%2f..%2f..%2f/versions/",
    f"{VERSIONS}/..%2f1.0.0/",
    f"{VERSIONS}/1.0.0%2fdocs-blob/",
    f"{VERSIONS}/1.0.0/../1.1.0/",
    f"{API}/v3/namespaces/..%2f..%2f/avatar/",
    f"{API}/v3/plugin/ansible/content/..%2fdefault/collections/index/",
    f"{API}/v3/plugin/ansible/content/other/collections/index/",
]
SLASHES = [
    "//",
    "//etc/passwd",
    "//default/default/api/",
    f"/{API}/",
    f"{API}//",
    f"{API}//v3/collections/",
    f"{COLLECTIONS}//alpha/",
    f"{COLLECTIONS}/acme//",
    f"{DETAIL}/",
]
NO_TEXT = [
    "/%00",
    f"{COLLECTIONS}/acme%00/alpha/",
    f"{COLLECTIONS}/acme/alpha%00.txt/",
    f"{VERSIONS}/1.0.0%00/",
    f"{COLLECTIONS}/%ff%fe/alpha/",
    f"{COLLECTIONS}/%ed%a0%80/alpha/",  # half of a surrogate pair
    f"{COLLECTIONS}/%f8%80%80%80%80/alpha/",
    f"{COLLECTIONS}/%/alpha/",
    f"{COLLECTIONS}/%zz/alpha/",
    f"{COLLECTIONS}/%4/alpha/",
    f"{COLLECTIONS}/\N{LATIN SMALL LETTER E WITH ACUTE}/alpha/",
    f"{COLLECTIONS}/%f0%9f%92%a9/alpha/",
    f"{COLLECTIONS}/\N{RIGHT-TO-LEFT OVERRIDE}ahpla/alpha/",
    f"{COLLECTIONS}/acme%0d%0aSet-Cookie:%20a=b/alpha/",
    f"{COLLECTIONS}/{'a' * 7000}/alpha/",
    f"{COLLECTIONS}/{'/' * 4000}",
    "/" + "a/" * 3500,
    f"{COLLECTIONS}/%27%20OR%201=1--/alpha/",
    f"{COLLECTIONS}/acme';DROP TABLE/alpha/".replace(" ", "%20"),
    f"{COLLECTIONS}/acme%25/al%5fha/",  # % and _ are for LIKE, and this is no pattern
]
NO_FILE = [
    f"{ARTIFACTS}/..%2f..%2facme-alpha-1.0.0.tar.gz",
    f"{ARTIFACTS}/..%2f..%2f..%2fetc%2fpasswd",
    f"{ARTIFACTS}/../acme-alpha-1.0.0.tar.gz",
    f"{ARTIFACTS}/acme-alpha-..%2f..%2f1.0.0.tar.gz",
    f"{ARTIFACTS}/acme-alpha-1.0.0.tar.gz%00",
    f"{ARTIFACTS}/acme-alpha-1.0.0.tar.gz.sig",
    f"{ARTIFACTS}/acme-alpha-1.0.0.zip",
    f"{ARTIFACTS}/acme-alpha-.tar.gz",
    f"{ARTIFACTS}/-alpha-1.0.0.tar.gz",
    f"{ARTIFACTS}/--.tar.gz",
    f"{ARTIFACTS}/acme-alpha.tar.gz",
    f"{ARTIFACTS}/.tar.gz",
    f"{ARTIFACTS}/{'a-' * 3000}1.0.0.tar.gz",
    f"{ARTIFACTS}/",
    f"{ARTIFACTS}/*",
]


@pytest.mark.parametrize("target", [*ELSEWHERE, *SLASHES, *NO_TEXT, *NO_FILE], ids=shown)
async def test_a_target_that_leads_nowhere_is_not_found_and_the_error_says_so(attacked: Attacked, target: str) -> None:
    reply = await attacked.ask(target)
    assert reply.status in (400, 404), reply
    assert reply.detail
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(
    "target",
    [b"/\x00", b"/\xff\xfe", b"/\xc0\xae\xc0\xae/", b"/\x01\x7f", b"/\xed\xa0\x80", b"/a b", b"/\t", b"/\x0b"],
    ids=shown,
)
async def test_bytes_that_no_target_may_hold_are_refused_or_lead_nowhere(attacked: Attacked, target: bytes) -> None:
    reply = await attacked.ask(target)
    assert reply.status in (400, 404), reply
    assert reply.detail


@pytest.mark.parametrize(
    "target",
    ["*", "", "?", "#", "default", "server:443", "mailto:a@b", "ftp://server/", ":", "@"],
    ids=shown,
)
async def test_a_target_that_is_no_path_is_refused(attacked: Attacked, target: str) -> None:
    reply = await attacked.ask(target)
    assert reply.status in (400, 404), reply
    assert reply.detail


async def test_a_fragment_is_no_part_of_a_version(attacked: Attacked) -> None:
    assert (await attacked.ask(f"{VERSIONS}/1.0.0#/")).status in (400, 404)


async def test_a_target_may_name_the_server_as_a_proxy_is_asked(attacked: Attacked) -> None:
    reply = await attacked.ask(f"http://galaxy.example.org{DETAIL}")
    assert reply.status == 200
    assert reply.json["version"] == "1.0.0"


async def test_a_server_that_a_target_names_is_told_to_nobody(attacked: Attacked) -> None:
    """Else a cache in between would give everybody a download_url of the attacker's."""
    reply = await attacked.ask(f"http://evil.example.org{DETAIL}")
    assert b"evil" not in reply.body


async def test_the_longest_target_is_refused_and_not_read_to_its_end(attacked: Attacked) -> None:
    reply = await attacked.ask(f"{COLLECTIONS}/{'a' * 100_000}/alpha/")
    assert reply.status == 400
    assert len(reply.body) < 1000


async def test_what_is_reached_with_a_slash_at_its_end_is_reached_without(attacked: Attacked) -> None:
    for target in (DETAIL, f"{VERSIONS}/", f"{ARTIFACT}/", f"{API}/"):
        assert (await attacked.ask(target)).status == (await attacked.ask(target.rstrip("/"))).status == 200


async def test_letters_that_are_escaped_for_nothing_are_those_letters(attacked: Attacked) -> None:
    assert (await attacked.ask(DETAIL.replace("alpha", "%61lpha"))).status == 200
