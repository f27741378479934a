"""A source that wants credentials, that cannot be trusted, or that is not there."""

import socket
from typing import Any

import pytest

from commandline import Commands
from serving import Serve, hold_after
from syncing import manifest, names, published, rows
from testgalaxy import Catalog, small_catalog

pytestmark = pytest.mark.slow

TOKEN = "f1a2c3d4e5f60718293a4b5c6d7e8f90"
USER, PASSWORD = "mirror", "correct horse battery"


def tools() -> Catalog:
    return small_catalog({"acme.tools": [f"1.{minor}.0" for minor in range(8)]})


def with_secret(url: str, field: str = "secretRef", name: str = "login") -> dict[str, Any]:
    return manifest(url, "acme.tools", source={field: {"name": name}})


async def test_a_token_opens_the_source(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools(), token=TOKEN)
    secrets = commands.secret("login", token=f"{TOKEN}\n")
    ended = await commands.sync(with_secret(galaxy.url), "--secrets", secrets, database=database)
    assert ended.code == 0, ended.err
    assert await published(database) == names(galaxy.catalog)


async def test_a_user_name_and_a_password_open_the_source(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools(), username=USER, password=PASSWORD)
    secrets = commands.secret("login", username=USER, password=PASSWORD)
    ended = await commands.sync(with_secret(galaxy.url), "--secrets", secrets, database=database)
    assert ended.code == 0, ended.err
    assert await published(database) == names(galaxy.catalog)


async def test_a_wrong_token_exits_with_77_and_names_the_field(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools(), token=TOKEN)
    secrets = commands.secret("login", token="another one")
    ended = await commands.sync(with_secret(galaxy.url), "--secrets", secrets, database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (77, "AuthenticationFailed")
    assert "spec.source.secretRef" in ended.err


async def test_no_token_where_one_is_needed_exits_with_77(commands: Commands, serve: Serve, database: str) -> None:
    galaxy = await serve(tools(), token=TOKEN)
    assert (await commands.sync(manifest(galaxy.url, "acme.tools"), database=database)).code == 77


@pytest.mark.parametrize("opens", [True, False], ids=["right token", "wrong token"])
async def test_a_token_is_nowhere_but_in_its_file_and_on_the_wire(
    commands: Commands, serve: Serve, database: str, opens: bool
) -> None:
    galaxy = await serve(tools(), token=TOKEN if opens else TOKEN[::-1])
    secrets = commands.secret("login", token=TOKEN)
    running = commands.start_sync(
        with_secret(galaxy.url), "--secrets", secrets, "--log", "json", "--progress", "plain", database=database
    )
    ended = await running.ended()
    assert ended.code == (0 if opens else 77)
    assert TOKEN not in ended.out + ended.err
    assert TOKEN.encode() not in running.report_path.read_bytes()
    runs = await rows(database, "SELECT sync_run::text FROM sync_run")
    assert TOKEN not in str(runs)


async def test_a_token_is_in_neither_arguments_nor_environment_of_the_process(
    commands: Commands, serve: Serve, database: str
) -> None:
    held = hold_after(await serve(tools(), token=TOKEN), 2)
    secrets = commands.secret("login", token=TOKEN)
    running = commands.start_sync(with_secret(held.galaxy.url), "--secrets", secrets, database=database)
    await held.reached(database)
    assert TOKEN.encode() not in running.proc("cmdline") + running.proc("environ")
    held.release()
    assert (await running.ended()).code == 0


async def test_a_private_authority_is_trusted_through_its_secret(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(), tls=True)
    secrets = commands.secret("authority", ca_crt=galaxy.ca_pem)
    document = with_secret(galaxy.url, "certSecretRef", "authority")
    ended = await commands.sync(document, "--secrets", secrets, database=database)
    assert ended.code == 0, ended.err
    assert await published(database) == names(galaxy.catalog)


async def test_a_certificate_that_nobody_vouches_for_exits_with_69_and_says_what_to_do(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools(), tls=True)
    ended = await commands.sync(manifest(galaxy.url, "acme.tools"), database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (69, "CertificateNotTrusted")
    assert "spec.source.certSecretRef" in ended.err
    assert "ca.crt" in ended.err


async def test_a_source_that_refuses_connections_exits_with_69(commands: Commands, database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ended = await commands.sync(manifest(f"http://127.0.0.1:{port}/api/", "acme.tools"), database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["result"], ended.report["reason"]) == (69, "Failed", "SourceUnavailable")


async def test_a_server_that_is_no_galaxy_exits_with_69_and_says_so(
    commands: Commands, serve: Serve, database: str
) -> None:
    galaxy = await serve(tools())
    ended = await commands.sync(manifest(f"{galaxy.origin}/elsewhere/", "acme.tools"), database=database)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (69, "NotGalaxy")
