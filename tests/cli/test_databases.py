"""Which database a run uses, and what it says when that one cannot be used."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from commandline import Commands
from postgres import execute, short_folder
from serving import Serve
from syncing import Manifest, manifest, names, published
from testgalaxy import Catalog, small_catalog

pytestmark = pytest.mark.slow


def tools() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0"]})


@pytest.fixture
def data_home() -> Iterator[Path]:
    """A folder for XDG_DATA_HOME, through which the account may pass that root's PostgreSQL runs as."""
    with short_folder() as folder:
        yield folder


def found(data_home: Path, pattern: str) -> list[Path]:
    """What there is below the folder that a command made in this XDG_DATA_HOME."""
    return list(data_home.joinpath("collectionsync").glob(pattern))


async def test_the_database_comes_from_database_url(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), environment={"DATABASE_URL": database})
    assert ended.code == 0, ended.err
    assert await published(database) == names(galaxy.catalog)


async def test_the_option_counts_more_than_database_url(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools())
    environment = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), database=database, environment=environment)
    assert ended.code == 0, ended.err


def with_secret(url: str, name: str = "pg", key: str = "uri") -> Manifest:
    return manifest(url, "acme.tools", target={"databaseSecretRef": {"name": name, "key": key}})


async def test_the_database_comes_from_the_secret_that_the_manifest_names(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    secrets = commands.secret("pg", mirror=f"{database}\n")
    ended = await commands.sync(with_secret(galaxy.url, key="mirror"), "--secrets", secrets)
    assert ended.code == 0, ended.err
    assert await published(database) == names(galaxy.catalog)


@pytest.mark.parametrize("way", ["option", "environment"])
async def test_a_database_that_is_named_counts_more_than_the_secret(
    commands: Commands, serve: Serve, database: str, way: str
) -> None:
    galaxy = await serve(tools())
    secrets = commands.secret("pg", uri="postgresql://nobody@127.0.0.1:1/nothing")
    named = {"database": database} if way == "option" else {"environment": {"DATABASE_URL": database}}
    ended = await commands.sync(with_secret(galaxy.url), "--secrets", secrets, **named)
    assert ended.code == 0, ended.err
    assert await published(database) == names(galaxy.catalog)


@pytest.mark.parametrize("arguments", [[], ["--secrets", "/no/such/folder"]], ids=["no option", "no folder"])
async def test_a_secret_of_the_database_that_is_not_there_exits_with_78_and_starts_no_server(
    commands: Commands, data_home: Path, arguments: list[str]
) -> None:
    document = with_secret("http://127.0.0.1:1/")
    ended = await commands.sync(document, *arguments, environment={"XDG_DATA_HOME": data_home})
    assert ended.report is not None
    assert (ended.code, ended.report["result"], ended.report["reason"]) == (78, "Failed", "SecretNotFound")
    assert ended.report["message"].startswith("spec.target.databaseSecretRef: Secret 'pg'")
    assert ended.report["message"] in ended.err
    assert not found(data_home, "*")


async def test_an_empty_key_of_the_database_exits_with_78_and_is_named(commands: Commands) -> None:
    secrets = commands.secret("pg", uri="\n")
    ended = await commands.sync(with_secret("http://127.0.0.1:1/"), "--secrets", secrets)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (78, "SecretNotFound")
    assert "Secret 'pg' is missing, or has nothing for `uri`" in ended.err


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("postgresql://mirror:hunter2@127.0.0.1:1/mirror", 69),
        ("postgresql://mirror:hunter2/@127.0.0.1:1/mirror", 78),
        ("mysql://mirror:hunter2@127.0.0.1/mirror", 78),
        ("hunter2", 78),
    ],
)
async def test_a_uri_from_a_secret_is_not_told_whatever_is_wrong_with_it(
    commands: Commands, uri: str, code: int
) -> None:
    secrets = commands.secret("pg", uri=uri)
    ended = await commands.sync(with_secret("http://127.0.0.1:1/"), "--secrets", secrets)
    assert ended.code == code, ended.err
    assert "hunter2" not in ended.out + ended.err + str(ended.report)


async def test_without_a_database_an_embedded_one_in_the_data_folder_is_used_and_stopped(
    commands: Commands, serve: Serve, data_home: Path
) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), environment={"XDG_DATA_HOME": data_home})
    assert ended.code == 0, ended.err
    assert len(found(data_home, "postgresql-*/PG_VERSION")) == 1
    assert not found(data_home, "postgresql-*/postmaster.pid")


async def test_the_embedded_database_keeps_what_was_stored(commands: Commands, serve: Serve, data_home: Path) -> None:
    galaxy = await serve(tools())
    document, environment = manifest(galaxy.url, "acme.tools"), {"XDG_DATA_HOME": data_home}
    await commands.sync(document, environment=environment)
    again = await commands.sync(document, environment=environment)
    assert again.report is not None
    assert (again.code, again.report["result"]) == (0, "NoChange")


@pytest.mark.parametrize("place", ["a file", "a file system that is read-only"])
async def test_a_data_folder_that_cannot_be_written_exits_with_69_and_says_what_to_do(
    commands: Commands, place: str
) -> None:
    if place == "a file":
        data_home = commands.folder / "data"
        data_home.touch()
    else:
        data_home = Path("/sys")  # not even root makes folders there
    document = manifest("http://127.0.0.1:1/", "acme.tools")
    ended = await commands.sync(document, environment={"XDG_DATA_HOME": data_home})
    assert ended.report is not None
    assert (ended.code, ended.report["result"], ended.report["reason"]) == (69, "Failed", "DatabaseUnavailable")
    assert f"{data_home}/collectionsync" in ended.err
    assert "XDG_DATA_HOME" in ended.err
    assert "Traceback" not in ended.err


async def test_a_database_that_nobody_listens_for_exits_with_69(commands: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    document = manifest("http://127.0.0.1:1/", "acme.tools")
    ended = await commands.sync(document, database=f"postgresql://mirror@127.0.0.1:{port}/mirror")
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (69, "DatabaseUnavailable")


async def test_a_database_that_does_not_exist_exits_with_78_and_is_named(commands: Commands, database: str) -> None:
    elsewhere = urlunsplit(urlsplit(database)._replace(path="/no_such_database"))
    ended = await commands.sync(manifest("http://127.0.0.1:1/", "acme.tools"), database=elsewhere)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (78, "DatabaseMisconfigured")
    assert "no_such_database" in ended.err


async def test_a_uri_that_is_none_exits_with_78_and_is_not_repeated(commands: Commands) -> None:
    document = manifest("http://127.0.0.1:1/", "acme.tools")
    ended = await commands.sync(document, database="mysql://mirror:hunter2@127.0.0.1/mirror")
    assert ended.code == 78
    assert "hunter2" not in ended.err + str(ended.report)


async def test_a_password_of_the_database_is_not_told(commands: Commands) -> None:
    document = manifest("http://127.0.0.1:1/", "acme.tools")
    ended = await commands.sync(document, database="postgresql://mirror:hunter2@127.0.0.1:1/mirror")
    assert ended.code == 69
    assert "hunter2" not in ended.out + ended.err + str(ended.report)


async def test_a_schema_that_a_newer_release_made_exits_with_78(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    await commands.run("migrate", "--database", database)
    execute(database, "INSERT INTO schema_migration (number, name) VALUES (9999, 'future')")
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (78, "SchemaMismatch")
    assert len(galaxy.requests) == 0
