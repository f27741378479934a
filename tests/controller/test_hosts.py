"""The hosts that a run counts for: all that it may ask for collections, each once."""

import pytest

from collectionsync.controller.hosts import source_host, source_hosts
from controller.samples import resource

HUB = {"name": "hub", "url": "https://hub.example.com/api/galaxy/"}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Galaxy.Example.com:8443/api/", "galaxy.example.com"),
        ("https://[2001:db8::1]/api/", "2001:db8::1"),
    ],
)
def test_the_host_of_a_source_has_neither_port_nor_capitals(url: str, host: str) -> None:
    assert source_host(resource(source={"url": url})) == host
    assert source_hosts(resource(source={"url": url})) == (host,)


def test_each_further_source_counts_for_its_host() -> None:
    assert source_hosts(resource(sources=[HUB])) == ("galaxy.example.com", "hub.example.com")


def test_a_host_of_several_sources_counts_once() -> None:
    twice = {"name": "same", "url": "https://galaxy.example.com/api/other/"}
    assert source_hosts(resource(sources=[twice])) == ("galaxy.example.com",)


def test_a_server_that_only_a_collection_names_counts_too() -> None:
    collections = [{"name": "a.b", "source": "https://third.example.com:444/api/"}, {"name": "c.d"}]
    assert source_hosts(resource(collections=collections)) == ("galaxy.example.com", "third.example.com")


def test_a_source_that_a_collection_names_by_its_name_is_no_other_host() -> None:
    assert source_hosts(resource(sources=[HUB], collections=[{"name": "a.b", "source": "hub"}])) == (
        "galaxy.example.com",
        "hub.example.com",
    )


def test_the_source_of_the_resource_comes_first_whatever_mirrors_all() -> None:
    assert source_hosts(resource(collections=None, all=True, sources=[HUB]))[0] == "galaxy.example.com"
