"""Values of a query that no list can be asked by: refused or clamped, and never PostgreSQL's problem."""

import pytest

from server.attacked import COLLECTIONS, DETAIL, VERSIONS, Attacked, shown

pytestmark = pytest.mark.slow

LISTS = [f"{COLLECTIONS}/", f"{VERSIONS}/", "/default/default/api/v3/namespaces/"]
NO_NUMBERS = [
    "-1",
    "",
    "abc",
    "1.5",
    "1e3",
    "0x10",
    "1_000",
    "+1",
    "%2B1",
    "%201",
    "1%20",
    "1%00",
    "null",
    "true",
    "[]",
    "{}",
    "NaN",
    "Infinity",
    "%D9%A1%D9%A2",  # digits, but Arabic ones
    "%EF%BC%91",
    "%C2%B2",
    "1;DROP%20TABLE%20repository",
    "1'--",
    "9" * 5000,
]


@pytest.mark.parametrize("text", NO_NUMBERS, ids=shown)
@pytest.mark.parametrize("name", ["limit", "offset"], ids=shown)
async def test_what_is_no_number_is_refused(attacked: Attacked, name: str, text: str) -> None:
    for at in LISTS:
        reply = await attacked.ask(f"{at}?{name}={text}")
        assert reply.status == 400, reply
        assert name in reply.detail


async def test_a_page_of_nothing_is_refused(attacked: Attacked) -> None:
    reply = await attacked.ask(f"{COLLECTIONS}/?limit=0")
    assert reply.status == 400
    assert "limit" in reply.detail


@pytest.mark.parametrize(
    "text", ["101", "1000000000", "99999999999999999999", "9" * 300, "000000000000000000000100"], ids=shown
)
async def test_a_limit_beyond_the_largest_is_the_largest(attacked: Attacked, text: str) -> None:
    reply = await attacked.ask(f"{VERSIONS}/?limit={text}")
    assert reply.status == 200
    assert "limit=100&" in reply.json["links"]["first"]


@pytest.mark.parametrize(
    "text", ["3", "1000000000", "9223372036854775808", "99999999999999999999", "9" * 300], ids=shown
)
async def test_an_offset_beyond_the_end_is_an_empty_page_with_a_way_back(attacked: Attacked, text: str) -> None:
    for at in LISTS[:2]:
        found = (await attacked.ask(f"{at}?offset={text}")).json
        assert found["data"] == []
        assert found["links"]["next"] is None
        assert found["links"]["previous"].startswith(at)
        assert (await attacked.ask(found["links"]["previous"])).json["data"]


async def test_of_a_field_that_is_there_twice_the_last_counts(attacked: Attacked) -> None:
    assert len((await attacked.ask(f"{VERSIONS}/?limit=100&limit=1")).json["data"]) == 1


@pytest.mark.parametrize(
    "query",
    ["limit[]=1", "limit[0]=1", "LIMIT=1", "page_size=1", "sort=version", "fields=name", "x"],
    ids=shown,
)
async def test_a_field_that_is_not_known_is_passed_over(attacked: Attacked, query: str) -> None:
    assert len((await attacked.ask(f"{VERSIONS}/?{query}")).json["data"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        "%00",
        "limit=1%00",
        "namespace=%00",
        "namespace=%ff",
        "namespace=%ed%a0%80",
        "%ff=1",
        "name=%",
        "=",
        "&&&&",
        "?",
        "?limit=1",
        "a=b=c",
        "\N{LATIN SMALL LETTER E WITH ACUTE}=1",
        "name=%f0%9f%92%a9",
    ],
    ids=shown,
)
async def test_a_query_that_no_text_can_hold_is_refused_or_matches_nothing(attacked: Attacked, query: str) -> None:
    for at in (*LISTS, DETAIL):
        reply = await attacked.ask(f"{at}?{query}")
        assert reply.status in (200, 400), reply


@pytest.mark.parametrize(
    "text",
    ["%00", "a%00", "'", "%25", "_", "*", "acme'%20OR%20'1'='1", "a" * 5000, "%F0%9F%92%A9", ""],
    ids=shown,
)
async def test_a_filter_that_is_no_name_matches_nothing(attacked: Attacked, text: str) -> None:
    for name in ("namespace", "name"):
        reply = await attacked.ask(f"{COLLECTIONS}/?{name}={text}")
        assert reply.status == 200, reply
        assert reply.json["data"] == []


@pytest.mark.parametrize("text", ["yes", "2", "", "nul", "%00", "tru%C3%A9", "[]"], ids=shown)
async def test_what_is_neither_true_nor_false_is_refused(attacked: Attacked, text: str) -> None:
    reply = await attacked.ask(f"{COLLECTIONS}/?deprecated={text}")
    assert reply.status == 400
    assert "deprecated" in reply.detail


async def test_a_query_of_very_many_fields_is_refused(attacked: Attacked) -> None:
    assert (await attacked.ask(f"{VERSIONS}/?{'a=1&' * 1500}")).status == 400


@pytest.mark.parametrize("name", ["limit", "namespace", "deprecated", "x"], ids=shown)
async def test_a_query_of_a_hundred_kilobytes_is_refused(attacked: Attacked, name: str) -> None:
    reply = await attacked.ask(f"{COLLECTIONS}/?{name}={'1' * 100_000}")
    assert reply.status == 400
    assert len(reply.body) < 1000


async def test_what_is_said_in_links_is_escaped(attacked: Attacked) -> None:
    links = (await attacked.ask(f"{VERSIONS}/?limit=1&x=%22%3E%3Cscript%3E%0d%0a%26limit%3D7")).json["links"]
    assert "<" not in links["next"]
    assert links["next"].startswith(f"{VERSIONS}/?")
    assert (await attacked.ask(links["next"])).json["data"][0]["version"] == "1.0.0"
