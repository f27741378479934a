"""Where a resource's repository is served, as its status tells: the operator is told so, and asks no server."""

from dataclasses import replace

import pytest

from collectionsync import cli
from collectionsync.controller.served import served_at, server_url
from collectionsync.report import ExitCode
from collectionsync.resource import DatabaseSecretRef
from controller.planning import decide, seen
from controller.samples import DEFAULTS, resource

SERVER = "https://mirror.example.com/galaxy"


def test_it_is_the_repository_within_the_namespace_below_the_server() -> None:
    given = resource(target={"repository": "published"})
    assert served_at(given, below=SERVER, defaults=DEFAULTS) == f"{SERVER}/mirrors/published/api/"


def test_a_resource_that_names_no_repository_has_the_default_one() -> None:
    assert served_at(resource(), below=SERVER, defaults=DEFAULTS) == f"{SERVER}/mirrors/default/api/"


def test_without_a_server_there_is_none() -> None:
    assert served_at(resource(), below=None, defaults=DEFAULTS) is None


def test_a_resource_with_a_database_of_its_own_is_not_served() -> None:
    own = resource(target={"databaseSecretRef": {"name": "own"}})
    assert served_at(own, below=SERVER, defaults=DEFAULTS) is None
    assert served_at(own, below=SERVER, defaults=replace(DEFAULTS, database_secret=DatabaseSecretRef(name="own"))), (
        "it names what is the default anyway"
    )


def test_the_status_tells_it_and_forgets_it_with_the_server() -> None:
    told = decide(seen(url=f"{SERVER}/mirrors/default/api/")).status
    assert told.url == f"{SERVER}/mirrors/default/api/"
    assert decide(seen(status=told)).status.url is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://mirror", "http://mirror"),
        ("https://mirror.example.com/", "https://mirror.example.com"),
        ("https://mirror.example.com:8443/galaxy/", "https://mirror.example.com:8443/galaxy"),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
    ],
)
def test_a_server_is_known_by_its_url_without_the_last_slash(text: str, url: str) -> None:
    assert server_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        *("", "mirror.example.com", "ftp://mirror", "http://", "https:///galaxy", "http://[2001:db8::1"),
        *("http://mirror?a=b", "http://mirror?", "http://mirror#part", "http://user:hush@mirror", "http://a b"),
        *("http://mirror\n", "http://mirror:http", "http://mirror:65536"),
    ],
)
def test_what_is_no_url_of_a_server_ends_the_operator_at_its_start(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["run-operator", "--worker-image=image", f"--server-url={text}"])
    assert ended.value.code == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "argument --server-url: " in told
    assert "hush" not in told
