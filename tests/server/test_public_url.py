"""The address that clients reach a server by: told by an option, else claimed by themselves."""

import pytest

from collectionsync.server.public_url import PublicUrlError, claimed_origin, read_public_url


@pytest.mark.parametrize(
    ("text", "origin", "prefix"),
    [
        ("https://galaxy.example.org", "https://galaxy.example.org", ""),
        ("https://galaxy.example.org/", "https://galaxy.example.org", ""),
        ("http://127.0.0.1:8080/mirror/eu/", "http://127.0.0.1:8080", "/mirror/eu"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443", "/a"),
        ("https://Galaxy.Example.org", "https://galaxy.example.org", ""),
    ],
)
def test_an_address_has_an_origin_and_perhaps_a_prefix(text: str, origin: str, prefix: str) -> None:
    read = read_public_url(text)
    assert (read.origin, read.prefix) == (origin, prefix)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "galaxy.example.org",
        "ftp://host/",
        "https://",
        "https://user:word@host/",
        "https://host/?a=b",
        "https://host/#part",
        "https://host:99999/",
        "https://host:0/",
        "https://ho st/",
        "https://host/a/../b",
        "https://host/a//b",
        "https://host/ä",
        "https://host/%2F",
        "https://[::1/",
        "https://host\n/",
    ],
)
def test_an_address_that_clients_could_not_use_is_refused(text: str) -> None:
    with pytest.raises(PublicUrlError):
        read_public_url(text)


def test_credentials_in_an_address_are_not_repeated() -> None:
    with pytest.raises(PublicUrlError) as refused:
        read_public_url("https://user:geheim@host/")
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("host", ["galaxy.example.org", "localhost:8080", "10.0.0.1", "[::1]:8080", "svc_a.ns:80"])
def test_a_host_is_believed(host: str) -> None:
    assert claimed_origin([host], None) == f"http://{host}"


@pytest.mark.parametrize(
    "hosts", [[], ["a", "a"], [""], ["a b"], ["a/b"], ["user@a"], ["a:b"], ["a:123456"], ['a"'], ["[::1"], ["-a"]]
)
def test_what_is_no_host_is_not_believed(hosts: list[str]) -> None:
    assert claimed_origin(hosts, None) is None


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        (" http ", "http"),
        (None, "http"),
        ("https,http", "http"),
        ("ws", "http"),
    ],
)
def test_a_proxy_may_say_that_it_was_https_and_nothing_else(proto: str | None, scheme: str) -> None:
    assert claimed_origin(["a"], proto) == f"{scheme}://a"
