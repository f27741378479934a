"""Credentials reach the origin that they are for, and no other."""

import pytest
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
    ],
)
def test_another_scheme_host_or_port_gets_nothing(url: str) -> None:
    assert Credentials.token(SOURCE, "t0ken").headers(URL(url, encoded=True)) == {}


def test_the_origin_may_be_written_with_its_usual_port() -> None:
    credentials = Credentials.token(URL("https://Hub.example.com:443/api/"), "t0ken")
    assert credentials.headers(SOURCE) == {"Authorization": "Token t0ken"}


def test_user_name_and_password_are_utf_8() -> None:
    header = Credentials.basic(SOURCE, "jürgen", "pä:ss")
    assert header.headers(SOURCE) == {"Authorization": "Basic asO8cmdlbjpww6Q6c3M="}


def test_nobody_has_no_header() -> None:
    assert Credentials(SOURCE.origin()).headers(SOURCE) == {}


def test_they_are_not_shown() -> None:
    assert "t0ken" not in repr(Credentials.token(SOURCE, "t0ken"))
