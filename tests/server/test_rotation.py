"""The URI of the database is a Secret, which changes: a server goes on with another one, and nobody restarts it."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectionsync.server import sessions as module
from collectionsync.store.database import DatabaseConfigurationError
from commandline import Commands
from postgres import execute
from servingmirror import Mirror, filled, mirror_process
from syncing import until
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

SECRET = "collectionsync-database"
VERSIONS = "/v3/collections/acme/tools/versions/"


@contextlib.contextmanager
def role(database: str) -> Iterator[str]:
    """Make a role that may read everything."""
    name = f"reader_{secrets.token_hex(4)}"
    execute(database, f"CREATE ROLE {name} LOGIN IN ROLE pg_read_all_data")
    try:
        yield name
    finally:
        execute(database, f"DROP ROLE {name}")


def uri_of(database: str, name: str) -> str:
    """The URI by which a role uses the database."""
    scheme, _, rest = database.partition("://")
    return f"{scheme}://{name}@{rest.rpartition('@')[2]}"


def put(folder: Path, uri: str) -> None:
    """Change the Secret, all at once."""
    (folder / SECRET / ".new").write_text(uri)
    (folder / SECRET / ".new").replace(folder / SECRET / "uri")


def sessions_of(database: str, name: str) -> int:
    """How many sessions a role has."""
    found = execute(database, f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}'")
    return int(str(found))


async def asked(served: Mirror) -> int:
    return (await served.get(f"{served.api}{VERSIONS}")).status


async def test_another_uri_is_taken_up_and_no_request_is_lost(commands: Commands, database: str) -> None:
    await filled(database, small_catalog({"acme.tools": ["1.0.0"]}))
    with role(database) as first, role(database) as second:
        folder = commands.secret(SECRET, uri=uri_of(database, first))
        async with mirror_process(commands, None, "--secrets", folder) as served:
            answered: list[int] = []

            async def ask() -> None:
                while True:
                    answered.append(await asked(served))
                    await asyncio.sleep(0.01)

            asking = asyncio.create_task(ask())
            assert sessions_of(database, first)
            put(folder, uri_of(database, second))
            await until(
                lambda: bool(sessions_of(database, second)) and not sessions_of(database, first), "the other role"
            )
            count = len(answered)
            await until(lambda: len(answered) > count + 1, "answers by the other role")
            assert not asking.done()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            assert set(answered) == {200}


async def test_credentials_that_were_revoked_are_replaced_by_a_change_of_the_secret(
    commands: Commands, database: str
) -> None:
    await filled(database, small_catalog({"acme.tools": ["1.0.0"]}))
    with role(database) as first, role(database) as second:
        folder = commands.secret(SECRET, uri=uri_of(database, first))
        async with mirror_process(commands, None, "--secrets", folder) as served:
            execute(database, f"ALTER ROLE {first} NOLOGIN")
            execute(database, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{first}'")

            async def is_told() -> bool:
                return await asked(served) == 503

            async def is_answered() -> bool:
                return await asked(served) == 200

            await until(is_told, "503")
            put(folder, uri_of(database, second))
            await until(is_answered, "200")


async def test_a_secret_that_cannot_be_read_takes_no_database_away(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def current() -> str:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise DatabaseConfigurationError("the Secret is not there")
        return database

    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    sessions = module.Sessions(database, 1, current=current)
    keeping = asyncio.create_task(sessions.keep())
    await until(lambda: looks > 3, "looks at the Secret")
    assert sessions.problem is None
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
