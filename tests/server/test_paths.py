"""Each path of the API: with and without its last slash, under every one of its names, and never a redirect."""

import pytest

from server.shown import ALPHA, API, DETAIL, DOCS, PLUGIN, VERSIONS, Shown

pytestmark = pytest.mark.slow

ALIASES = {
    f"{API}/v3/collections/": f"{PLUGIN}/collections/index/",
    f"{ALPHA}/": f"{PLUGIN}/collections/index/acme/alpha/",
    f"{ALPHA}/versions/": f"{PLUGIN}/collections/index/acme/alpha/versions/",
    DETAIL: f"{PLUGIN}/collections/index/acme/alpha/versions/1.0.0/",
    DOCS: f"{PLUGIN}/collections/index/acme/alpha/versions/1.0.0/docs-blob/",
    f"{API}/v3/collections/all/": f"{PLUGIN}/collections/all-collections/",
    f"{API}/v3/collection_versions/all/": f"{PLUGIN}/collections/all-versions/",
    f"{API}/v3/namespaces/": f"{PLUGIN}/namespaces/",
    f"{API}/v3/namespaces/acme/": f"{PLUGIN}/namespaces/acme/",
}
PATHS = ("/", "/healthz/", "/readyz/", "/openapi.json/", "/default/default/", f"{API}/", f"{API}/v3/", *ALIASES)


@pytest.mark.parametrize("path", PATHS)
async def test_with_and_without_its_last_slash_a_path_has_one_answer(shown: Shown, path: str) -> None:
    with_slash, without = await shown.ask(path), await shown.ask(path.rstrip("/") or "/")
    assert (with_slash.status, without.status) == (200, 200)
    assert with_slash.headers["content-type"] == without.headers["content-type"]
    if not path.endswith(
        ("collections/", "versions/", "namespaces/")
    ):  # lists have links, which are as they were asked
        assert with_slash.body == without.body


@pytest.mark.parametrize(("path", "alias"), ALIASES.items())
async def test_a_path_of_pulp_has_the_same_answer(shown: Shown, path: str, alias: str) -> None:
    answer, other = await shown.ask(path), await shown.ask(alias)
    assert other.status == 200
    if "data" in answer.json:
        assert answer.json["data"] == other.json["data"]
        assert all(link is None or link.startswith(alias) for link in other.json["links"].values())
    else:
        assert answer.json == other.json


async def test_the_root_is_text_unless_a_repository_is_there_by_default(shown: Shown) -> None:
    assert (await shown.ask("/")).json == {"available_versions": {"v3": "api/v3/"}, "current_version": "v3"}


async def test_the_roots_say_where_the_api_is_below_them(shown: Shown) -> None:
    above = {"available_versions": {"v3": "api/v3/"}, "current_version": "v3"}
    at = {"available_versions": {"v3": "v3/"}, "current_version": "v3"}
    assert (await shown.ask("/default/default/")).json == above
    assert (await shown.ask(f"{API}/")).json == at
    assert (await shown.ask("/api/")).json == at


async def test_hrefs_lead_on_under_the_path_that_was_asked(shown: Shown) -> None:
    for api in (API, "/api"):
        listed = (await shown.ask(f"{api}/v3/collections/")).json["data"][0]
        assert listed["href"] == f"{api}/v3/collections/acme/alpha/"
        versions = (await shown.ask(listed["versions_url"])).json["data"]
        detail = (await shown.ask(versions[0]["href"])).json
        assert detail["collection"]["href"] == listed["href"]
        assert detail["download_url"].startswith(f"http://server{api}/v3/plugin/ansible/content/default/")


async def test_pages_lead_to_every_version_once(shown: Shown) -> None:
    target: str | None = f"{ALPHA}/versions/?limit=5"
    seen: list[str] = []
    while target:
        page = (await shown.ask(target)).json
        assert page["meta"] == {"count": len(VERSIONS)}
        seen += [item["version"] for item in page["data"]]
        target = page["links"]["next"]
    assert seen == list(reversed(VERSIONS))


async def test_links_of_a_path_without_a_slash_are_without_it(shown: Shown) -> None:
    links = (await shown.ask(f"{API}/v3/collections?limit=1&namespace=acme")).json["links"]
    assert links["next"] == f"{API}/v3/collections?namespace=acme&limit=1&offset=1"


async def test_filters_leave_only_what_they_name(shown: Shown) -> None:
    async def names(query: str) -> list[str]:
        page = (await shown.ask(f"{API}/v3/collections/?{query}")).json
        assert page["meta"]["count"] == len(page["data"])
        return [item["name"] for item in page["data"]]

    assert await names("namespace=acme") == ["alpha", "beta"]
    assert await names("namespace=acme&name=beta") == ["beta"]
    assert await names("deprecated=true") == []
    assert await names("deprecated=false&name=gamma") == ["gamma"]


@pytest.mark.parametrize("version", ["1.0.0+build.7", "1.0.0%2Bbuild.7"])
async def test_a_version_with_a_plus_is_reached(shown: Shown, version: str) -> None:
    detail = await shown.ask(f"{API}/v3/collections/other/gamma/versions/{version}/")
    assert detail.json["version"] == "1.0.0+build.7"
    assert (await shown.ask(detail.json["href"])).json == detail.json


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/nothing", "/NAMESPACE/REPOSITORY/api/"),
        (f"{API}/v2/", "/NAMESPACE/REPOSITORY/api/"),
        ("/default/other/api/", "no repository default/other"),
        ("/other/default/api/v3/collections/", "no repository other/default"),
        (f"{API}/v3/collections/acme/missing/", "no collection acme.missing"),
        (f"{API}/v3/collections/acme/missing/versions/", "no collection acme.missing"),
        (f"{ALPHA}/versions/9.9.9/", "no version acme.alpha 9.9.9"),
        (f"{ALPHA}/versions/9.9.9/docs-blob/", "no version acme.alpha 9.9.9"),
        (f"{API}/v3/namespaces/missing/", "namespace missing"),
        (f"{API}/v3/namespaces/acme/avatar/", "no avatar"),
        (f"{PLUGIN}/collections/artifacts/acme.tar.gz", "NAMESPACE-NAME-VERSION.tar.gz"),
        (f"{PLUGIN}/collections/artifacts/acme-alpha-9.9.9.tar.gz", "no artifact"),
        (f"{API}/v3/plugin/ansible/content/other/collections/index/", "this is the repository 'default'"),
    ],
)
async def test_what_is_not_there_is_told_of_in_full(shown: Shown, target: str, said: str) -> None:
    reply = await shown.ask(target)
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"
    assert said in reply.detail
