"""What `helm test` would say of an installation that lacks something. One that is whole is tested in a cluster."""

from pathlib import Path

import pytest

from commandline import Commands, Finished
from postgres import execute
from serving import Serve
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow


async def checked(
    commands: Commands, secrets: Path, health_url: str = "http://127.0.0.1:1/healthz", *options: str
) -> Finished:
    """Run every check, where there is no cluster."""
    arguments: tuple[str | Path, ...] = ("--health-url", health_url, "--namespace", "tools", "--secrets", secrets)
    nowhere = {"KUBECONFIG": commands.folder / "no-kubeconfig", "HOME": commands.folder}
    return await commands.run("check-installation", *arguments, *options, environment=nowhere)


async def checked_server(commands: Commands, url: str) -> str:
    """Run every check, and return what was said of the server."""
    return line(await checked(commands, commands.folder, "http://127.0.0.1:1/healthz", "--ready-url", url), "server")


def line(ended: Finished, check: str) -> str:
    """Return what was said of a check: one line."""
    (found,) = [each for each in ended.out.splitlines() if each[7:].startswith(f"{check}: ")]
    return found


async def test_each_check_is_made_although_others_fail(commands: Commands) -> None:
    ended = await checked(commands, commands.folder)
    assert ended.code == 69
    said = [each[7:].partition(":")[0] for each in ended.out.splitlines()]
    assert said == ["operator", "definition", "resource", "database"]


async def test_an_operator_that_does_not_answer_is_told_of_with_its_url(commands: Commands) -> None:
    told = line(await checked(commands, commands.folder), "operator")
    assert told.startswith("FAILED operator: http://127.0.0.1:1/healthz cannot be asked (")


async def test_an_operator_that_is_not_well_is_told_of(commands: Commands, serve: Serve) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    told = line(await checked(commands, commands.folder, f"{galaxy.url.removesuffix('/api/')}/healthz"), "operator")
    assert told.startswith("FAILED")
    assert "HTTP Error 404" in told


async def test_a_server_is_asked_where_there_is_one(commands: Commands, serve: Serve) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    assert await checked_server(commands, galaxy.url) == f"ok     server: {galaxy.url} says that it is ready"


async def test_a_server_that_is_not_ready_is_told_of_with_what_it_says(commands: Commands, serve: Serve) -> None:
    galaxy = await serve(small_catalog({"acme.tools": ["1.0.0"]}))
    told = await checked_server(commands, f"{galaxy.url}v3/collections/acme/missing/")
    assert told.startswith("FAILED server: ")
    assert "the server is not ready (HTTP Error 404" in told
    assert "not_found" in told


async def test_a_server_that_does_not_answer_is_told_of_with_its_url(commands: Commands) -> None:
    told = await checked_server(commands, "http://127.0.0.1:1/readyz")
    assert told.startswith("FAILED server: http://127.0.0.1:1/readyz cannot be asked (")


async def test_a_cluster_that_cannot_be_found_is_told_of(commands: Commands) -> None:
    told = line(await checked(commands, commands.folder), "definition")
    assert told.startswith("FAILED definition: no cluster to work for")


async def test_without_the_secret_nothing_is_wrong_and_that_is_said(commands: Commands) -> None:
    told = line(await checked(commands, commands.folder), "database")
    assert told.startswith(
        "-      database: not checked: no Secret collectionsync-database with the key uri in namespace"
    )


async def test_a_database_that_answers_is_told_of_with_its_version(commands: Commands, database: str) -> None:
    secrets = commands.secret("collectionsync-database", uri=database)
    told = line(await checked(commands, secrets), "database")
    assert told.startswith("ok     database: PostgreSQL 1")
    assert told.endswith("tables can be made in the database " + database.partition("?")[0].rpartition("/")[2])


async def test_a_database_that_cannot_be_reached_is_told_of_without_its_password(commands: Commands) -> None:
    secrets = commands.secret("collectionsync-database", uri="postgresql://mirror:hush@127.0.0.1:1/mirror")
    ended = await checked(commands, secrets)
    assert line(ended, "database").startswith("FAILED database: PostgreSQL is not available")
    assert "hush" not in ended.out + ended.err


async def test_a_database_that_can_only_be_read_is_told_of(commands: Commands, database: str) -> None:
    separator = "&" if "?" in database else "?"
    secrets = commands.secret("collectionsync-database", uri=f"{database}{separator}default_transaction_read_only=on")
    told = line(await checked(commands, secrets), "database")
    assert told.startswith("FAILED database: the database ")
    assert "can only be read" in told


async def test_a_role_that_may_not_make_tables_is_told_of(commands: Commands, database: str) -> None:
    role = "reader_of_" + database.partition("?")[0].rpartition("/")[2]
    execute(database, f"CREATE ROLE {role}")
    try:
        execute(database, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        separator = "&" if "?" in database else "?"
        secrets = commands.secret("collectionsync-database", uri=f"{database}{separator}role={role}")
        told = line(await checked(commands, secrets), "database")
        assert told.startswith("FAILED database: the role may not create tables in the database")
    finally:
        execute(database, f"DROP ROLE {role}")
