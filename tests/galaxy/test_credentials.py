"""Credentials reach the origin that they are for, and no other."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from collectionsync.galaxy.credentials import Credentials

SOURCE = URL("https://hub.example.com/api/")


@pytest.mark.parametrize(
    "url",
    [
        "https://hub.example.com/",
        "https://hub.example.com/other/path?query",
        "https://hub.example.com:443/",
        "HTTPS://HUB.Example.com/",
        "https://somebody@hub.example.com/",
        "https://hub.example.com?@evil.example/",
    ],
)
def test_every_url_of_the_origin_gets_them(url: str) -> None:
    assert Credentials.token(SOURCE, "t0ken").headers(URL(url, encoded=True)) == {"Authorization": "Token t0ken"}


@pytest.mark.parametrize(
    "url",
    [
        "http://hub.example.com/",
        "https://hub.example.com:8443/",
        "https://example.com/",
        "https://cdn.hub.example.com/",
        "https://hub.example.com.evil.example/",
        "https://hub.example.com@evil.example/",
        "https://evil.example/#https://hub.example.com/",
        "https://hub.example.com./",
        "https://hub.example.com:80/",
        "https://hub%2eexample%2ecom/",
        "https://xn--hub-example-com/",
        "https://hub.example.com%00.evil.example/",
    ],
)
def test_another_scheme_host_or_port_gets_nothing(url: str) -> None:
    assert Credentials.token(SOURCE, "t0ken").headers(URL(url, encoded=True)) == {}


HOSTS = ["hub.example.com", "HUB.example.COM", "hub.example.co", "evil.example", "xn--hb-xka.example", "[::1]"]
URLS = st.builds(
    "{}://{}{}{}/{}".format,
    st.sampled_from(["https", "http", "HTTPS", "hTTp"]),
    st.sampled_from(["", "user@", "user:pass@", "hub.example.com@", "hub.example.com:443@"]),
    st.sampled_from(HOSTS),
    st.sampled_from(["", ":443", ":80", ":0443", ":8443"]),
    st.sampled_from(["", "?https://hub.example.com/", "#@hub.example.com", "@hub.example.com/", "//hub.example.com"]),
)


@given(source=st.sampled_from(HOSTS), url=URLS)
@example(source="hub.example.com", url="https://hub.example.com@evil.example/")
def test_they_go_where_another_reader_of_urls_finds_the_same_origin_and_nowhere_else(source: str, url: str) -> None:
    parts = urlsplit(url)
    origin = (parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}[parts.scheme])
    expected = origin == ("https", urlsplit(f"https://{source}").hostname, 443)
    assert bool(Credentials.token(URL(f"https://{source}/api/"), "t0ken").headers(URL(url, encoded=True))) == expected


@pytest.mark.parametrize("url", ["https://hüb.example/", "https://HÜB.example/", "https://XN--HB-XKA.example:443/"])
def test_a_name_in_another_script_is_the_same_host_in_each_spelling(url: str) -> None:
    credentials = Credentials.token(URL("https://hüb.example/api/"), "t0ken")
    assert credentials.headers(URL(url, encoded=url.isascii())) == {"Authorization": "Token t0ken"}


def test_a_name_that_only_looks_alike_is_another_host() -> None:
    credentials = Credentials.token(URL("https://hub.example/api/"), "t0ken")
    assert credentials.headers(URL("https://hսb.example/")) == {}  # an Armenian letter


def test_the_origin_may_be_written_with_its_usual_port() -> None:
    credentials = Credentials.token(URL("https://Hub.example.com:443/api/"), "t0ken")
    assert credentials.headers(SOURCE) == {"Authorization": "Token t0ken"}


def test_user_name_and_password_are_utf_8() -> None:
    header = Credentials.basic(SOURCE, "jürgen", "pä:ss")
    assert header.headers(SOURCE) == {"Authorization": "Basic asO8cmdlbjpww6Q6c3M="}


def test_nobody_has_no_header() -> None:
    assert Credentials(SOURCE.origin()).headers(SOURCE) == {}


def test_a_grant_is_no_header() -> None:
    credentials = Credentials.refreshed(SOURCE, URL("https://sso.example.com/token"), "r3fresh")
    assert credentials.are_for(SOURCE)
    assert credentials.headers(SOURCE) == {}


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials.token(SOURCE, "s3cret"),
        Credentials.basic(SOURCE, "me", "s3cret"),
        Credentials.refreshed(SOURCE, URL("https://sso.example.com/token"), "s3cret", "client"),
    ],
)
def test_they_are_not_shown(credentials: Credentials) -> None:
    assert "s3cret" not in repr(credentials)
