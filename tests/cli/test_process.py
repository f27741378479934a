"""What the process is made of: the modules that it imports and does not, and the settings of its malloc."""

import importlib.util
from pathlib import Path

import pytest

from commandline import Commands, Finished
from serving import Serve, hold_after
from syncing import manifest
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

CATALOG = {"acme.tools": ["1.0.0", "1.1.0", "1.2.0"]}
WORK = {"aiohttp", "asyncpg", "msgspec", "collectionsync.worker.sync"}


def imported(ended: Finished) -> set[str]:
    """Every module that the process imported, as the interpreter itself told on standard error."""
    assert ended.code == 0, ended.err
    lines = (line for line in ended.err.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


async def imports_of_a_sync(
    commands: Commands, serve: Serve, database: str, *arguments: str | Path, yaml: bool = False
) -> set[str]:
    galaxy = await serve(small_catalog(CATALOG), tls=True)
    secrets = commands.secret("authority", ca_crt=galaxy.ca_pem)
    document = manifest(galaxy.url, "acme.tools", source={"certSecretRef": {"name": "authority"}})
    file = commands.write(document)
    if yaml:
        file.write_text("# JSON is YAML, too\n" + file.read_text())
    ended = await commands.sync(
        file,
        *("--secrets", secrets, *arguments),
        database=database,
        environment={"PYTHONPROFILEIMPORTTIME": "1"},
    )
    found = imported(ended)
    assert found >= WORK
    return found


@pytest.mark.parametrize("module", ["kopf", "kubernetes"])
async def test_a_worker_never_imports_what_only_the_operator_needs(
    commands: Commands, serve: Serve, database: str, module: str
) -> None:
    assert importlib.util.find_spec(module) is not None, f"without {module} installed this would prove nothing"
    found = await imports_of_a_sync(commands, serve, database, "--metrics-address", "127.0.0.1:0", yaml=True)
    assert not {name for name in found if name.partition(".")[0] == module}


async def test_a_worker_imports_neither_yaml_nor_metrics_unless_it_needs_them(
    commands: Commands, serve: Serve, database: str
) -> None:
    found = await imports_of_a_sync(commands, serve, database)
    assert not found & {"yaml", "prometheus_client", "collectionsync.store.embedded"}


async def test_a_worker_imports_yaml_for_a_manifest_in_yaml(commands: Commands, serve: Serve, database: str) -> None:
    assert "yaml" in await imports_of_a_sync(commands, serve, database, yaml=True)


async def test_a_worker_imports_metrics_when_it_serves_them(commands: Commands, serve: Serve, database: str) -> None:
    found = await imports_of_a_sync(commands, serve, database, "--metrics-address", "127.0.0.1:0")
    assert "prometheus_client" in found


async def test_the_crd_is_printed_without_the_imports_of_a_worker(commands: Commands) -> None:
    found = imported(await commands.run("crd", environment={"PYTHONPROFILEIMPORTTIME": "1"}))
    assert "collectionsync.crd" in found
    assert not found & {"aiohttp", "asyncpg"}


def environment_of(proc: bytes) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in proc.decode().split("\0") if "=" in entry)


async def test_malloc_gives_back_what_it_frees(commands: Commands, serve: Serve, database: str) -> None:
    held = hold_after(await serve(small_catalog(CATALOG)), 1)
    running = commands.start_sync(manifest(held.galaxy.url, "acme.tools"), database=database)
    await held.reached(database)
    settings = environment_of(running.proc("environ"))
    assert settings["MALLOC_ARENA_MAX"] == "1"
    assert settings["MALLOC_MMAP_THRESHOLD_"] == "524288"
    assert settings["MALLOC_TRIM_THRESHOLD_"] == "131072"
    held.release()
    assert (await running.ended()).code == 0


async def test_malloc_keeps_the_settings_that_a_user_made(commands: Commands, serve: Serve, database: str) -> None:
    held = hold_after(await serve(small_catalog(CATALOG)), 1)
    running = commands.start_sync(
        manifest(held.galaxy.url, "acme.tools"), database=database, environment={"MALLOC_ARENA_MAX": "2"}
    )
    await held.reached(database)
    settings = environment_of(running.proc("environ"))
    assert (settings["MALLOC_ARENA_MAX"], settings["MALLOC_TRIM_THRESHOLD_"]) == ("2", "131072")
    held.release()
    assert (await running.ended()).code == 0
