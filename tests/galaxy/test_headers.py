"""Further headers: which a request can carry, how a Secret writes them, and that they arrive as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.headers import problem_of, read_lines
from collectionsync.source import RESERVED_HEADERS
from galaxy.wire import body_of, transport_to
from wayside import Origin


@pytest.mark.parametrize(
    "name",
    [
        "User-Agent",
        "X-API-Key",
        "Authorization",
        "Cookie",
        "Accept-Language",
        "x-forwarded-for",
        "a",
        "!#$%&'*+-.^_`|~",
    ],
)
def test_most_headers_can_be_carried(name: str) -> None:
    assert problem_of(name, "any thing; at=all") is None


@pytest.mark.parametrize("name", [*RESERVED_HEADERS, "Host", "ACCEPT-ENCODING", "Transfer-Encoding", "TE", "Range"])
def test_those_that_answers_and_connections_depend_on_are_refused(name: str) -> None:
    assert "is for collectionsync itself" in (problem_of(name, "v4lue") or "")
    assert "v4lue" not in (problem_of(name, "v4lue") or "")


def test_credentials_for_a_proxy_are_not_for_the_source() -> None:
    assert "proxySecretRef" in (problem_of("proxy-Authorization", "v4lue") or "")


@pytest.mark.parametrize("name", ["", "X Key", "X-Kéy", "X-Key:", "X-Key\n", "x" * 129])
def test_a_name_is_one_word(name: str) -> None:
    assert problem_of(name, "value") == "is not the name of a header"


@pytest.mark.parametrize("value", ["a\nHost: evil", "a\rb", "a\0", "\x7f", "tab\there", "é", "x" * 8193])
def test_a_value_cannot_end_its_header(value: str) -> None:
    assert "line breaks" in (problem_of("X-Key", value) or "")


def test_a_text_has_one_header_a_line() -> None:
    text = "X-Key:  one: two \n\nCookie:a=b\n  \nX-Empty:\n"
    assert read_lines(text) == [("X-Key", "one: two"), ("Cookie", "a=b"), ("X-Empty", "")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("X-Key: a\ns3cret", "line 2 is not a header"),
        ("X Key: s3cret", "line 1 is not a header"),
        (" X-Key: s3cret", "line 1 is not a header"),
        (": s3cret", "line 1 is not a header"),
        ("X-Key: a\nx-KEY: s3cret", "line 2: x-KEY is there twice"),
        ("A: b\n\nHost: s3cret", "line 3: Host is for collectionsync"),
        ("X-Key: s3cret\0", "line 1: X-Key has a value"),
        ("\n".join(f"X-{number}: s3cret" for number in range(65)), "more than 64"),
    ],
)
def test_a_line_that_is_no_header_is_named_by_its_number_and_not_repeated(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_lines(text)
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


@given(st.text() | st.from_regex(r"([A-Z]{1,3}: ?[a-z\x00-\x1f]{0,3}\n?){0,5}", fullmatch=True))
def test_whatever_a_text_holds_what_is_read_of_it_can_be_carried(text: str) -> None:
    try:
        found = read_lines(text)
    except ValueError:
        return
    assert not [name for name, value in found if problem_of(name, value)]
    assert len({name.lower() for name, _ in found}) == len(found)


async def test_they_arrive_with_every_request_as_they_are_written() -> None:
    headers = {"X-API-Key": "k3y: =\"'`\\", "Accept-Language": "de, en;q=0.5"}
    async with Origin() as source, transport_to(source.url, headers=headers) as transport:
        source.redirects("/", "/there")
        await body_of(transport, source.url)
        assert [{name: request.headers[name] for name in headers} for request in source.requests] == [headers] * 2


async def test_the_user_agent_may_be_another() -> None:
    async with Origin() as source, transport_to(source.url, headers={"user-agent": "mirror/1"}) as transport:
        await body_of(transport, source.url)
        sent = source.requests[0].headers
        assert [value for name, value in sent.items() if name.lower() == "user-agent"] == ["mirror/1"]
        assert sent["Accept-Encoding"] == "gzip"
