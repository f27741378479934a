"""The small commands beside sync."""

from pathlib import Path

import pytest

from collectionsync import __version__
from collectionsync.store.migrate import migrations
from commandline import Commands

pytestmark = pytest.mark.slow

CRD = Path(__file__).parents[2] / "crds" / "collectionsync.yaml"


async def test_the_version_is_told(commands: Commands) -> None:
    ended = await commands.run("--version")
    assert (ended.code, ended.out) == (0, f"collectionsync {__version__}\n")


async def test_help_is_on_standard_output(commands: Commands) -> None:
    ended = await commands.run("sync", "--help")
    assert (ended.code, ended.err) == (0, "")
    assert "--metrics-address" in ended.out


async def test_the_crd_is_the_one_that_is_kept_in_the_repository(commands: Commands) -> None:
    ended = await commands.run("crd")
    assert (ended.code, ended.out) == (0, CRD.read_text())


async def test_migrate_names_what_it_applies(commands: Commands, database: str) -> None:
    ended = await commands.run("migrate", "--database", database)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [f"applied {path.stem}" for path in migrations().values()]


async def test_migrate_for_the_second_time_has_nothing_to_do(commands: Commands, database: str) -> None:
    await commands.run("migrate", "--database", database)
    ended = await commands.run("migrate", "--database", database)
    assert (ended.code, ended.out) == (0, "")


async def test_two_migrations_at_once_wait_for_each_other(commands: Commands, database: str) -> None:
    both = [commands.start("migrate", "--database", database) for _ in range(2)]
    ended = [await running.ended() for running in both]
    assert [each.code for each in ended] == [0, 0], [each.err for each in ended]
    assert sorted(len(each.out.splitlines()) for each in ended) == [0, len(migrations())]


async def test_migrate_takes_the_database_from_database_url(commands: Commands, database: str) -> None:
    ended = await commands.run("migrate", environment={"DATABASE_URL": database})
    assert (ended.code, len(ended.out.splitlines())) == (0, len(migrations()))


async def test_migrate_exits_with_69_where_there_is_no_database(commands: Commands) -> None:
    ended = await commands.run("migrate", "--database", "postgresql://mirror@127.0.0.1:1/mirror")
    assert ended.code == 69
    assert "Traceback" not in ended.err
