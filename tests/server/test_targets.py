"""What is read off a request line: nothing that is escaped, doubled or odd leads anywhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.server.target import read_query, read_target

API = ("team", "main", "api")


@pytest.mark.parametrize("raw", ["/team/main/api", "/team/main/api/", "/team/main/api?a=b", "/team/main/api/?a=b"])
def test_a_slash_at_the_end_is_of_no_meaning(raw: str) -> None:
    target = read_target(raw)
    assert target is not None
    assert target.segments == API


def test_the_path_is_kept_as_it_was_asked() -> None:
    target = read_target("/team/%6dain/api/?limit=1&offset=2")
    assert target is not None
    assert (target.path, target.query) == ("/team/%6dain/api/", "limit=1&offset=2")
    assert target.segments == API


@pytest.mark.parametrize("raw", ["/v/1.0.0+build", "/v/1.0.0%2Bbuild", "/v/1.0.0%2bbuild"])
def test_a_plus_is_a_plus_in_a_path(raw: str) -> None:
    target = read_target(raw)
    assert target is not None
    assert target.segments == ("v", "1.0.0+build")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "*",
        "team",
        "//team",
        "/team//main",
        "/team/main//",
        "/team/%2Fmain",
        "/./team",
        "/team/..",
        "/%2e%2E/x",
        "/team/%00",
        "/team/%ff",
        "/team/\udcff",
        "host:80",
        "ftp://host/team",
        "/%E0%80%AF",
    ],
)
def test_what_no_path_of_ours_can_be_leads_nowhere(raw: str) -> None:
    assert read_target(raw) is None


@pytest.mark.parametrize("raw", ["http://host/team/main/api/", "HTTPS://host:8080/team/main/api"])
def test_the_host_of_a_request_to_a_proxy_is_left_out(raw: str) -> None:
    target = read_target(raw)
    assert target is not None
    assert target.segments == API


def test_the_root_has_no_segments() -> None:
    for raw in ("/", "/?a=b", "http://host"):
        target = read_target(raw)
        assert target is not None
        assert target.segments == ()


@pytest.mark.parametrize(("raw", "prefixed"), [("/galaxy/eu/team/main/api", True), ("/team/main/api", False)])
def test_a_prefix_may_be_there_or_have_been_taken_away(raw: str, prefixed: bool) -> None:
    target = read_target(raw, ("galaxy", "eu"))
    assert target is not None
    assert (target.segments, target.prefixed) == (API, prefixed)


def test_a_part_of_a_segment_is_no_prefix() -> None:
    target = read_target("/galaxyx/team/main/api", ("galaxy",))
    assert target is not None
    assert target.segments == ("galaxyx", *API)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_segment_has_what_would_lead_elsewhere(text: str) -> None:
    target = read_target(f"/a/{text}")
    for segment in target.segments if target else ():
        assert segment not in ("", ".", "..")
        assert "/" not in segment
        assert "\0" not in segment


def test_a_query_is_read_as_a_form_is() -> None:
    assert read_query("namespace=a+b&name=%2B&empty=&namespace=last") == {
        "namespace": "last",
        "name": "+",
        "empty": "",
    }
    assert read_query("") == {}


@pytest.mark.parametrize("query", ["a=%ff", "a=\udcff", "&" * 100])
def test_a_query_that_is_no_text_or_far_too_many_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="query"):
        read_query(query)
