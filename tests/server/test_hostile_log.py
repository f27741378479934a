"""What the log does not say, whoever asks for what: credentials, signed URLs, and the mistakes of clients."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from commandline import Commands
from postgres import execute
from server.access_files import write
from server.attacked import API, ARTIFACT, COLLECTIONS, DETAIL
from server.wire import Wire, connected, request
from servingmirror import filled, mirror_process
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow

TOKEN, PASSWORD, KEY = "tokenThatIsRight", "passwordOfTheDatabase", "keyOfTheObjectStore"
STORE = {"endpoint": "https://s3.example.invalid", "region": "eu", "access_key_id": "id", "secret_access_key": KEY}
SECRETS = (TOKEN, PASSWORD, KEY, "passwordOfAUser", "tokenThatIsWrong", "dXNlcjpwYXNz", "Signature")
RIGHT = f"Authorization: Token {TOKEN}"


async def told(wire: Wire, *requests: bytes) -> list[int]:
    """The statuses of answers to requests over one connection, one after the other."""
    statuses = []
    for each in requests:
        await wire.send(each)
        reply = await wire.reply()
        assert reply is not None
        statuses.append(reply.status)
    return statuses


async def test_neither_a_credential_nor_a_mistake_of_a_client_is_in_the_log(
    commands: Commands, database: str, postgres_uri: str, tmp_path: Path
) -> None:
    await filled(database, small_catalog({"acme.alpha": ["1.0.0"]}))
    write(tmp_path / "access", {"default": f"{TOKEN}\nuser:passwordOfAUser\n"})
    write(tmp_path / "store", STORE)
    secrets = ("--secrets", tmp_path, "--access-secret", "access", "--artifacts-secret", "store")
    artifacts = ("--artifacts", "s3://bucket/artifacts", "--redirect-artifacts")
    # A server that asks for no password takes any.
    uri = database if urlsplit(database).password else database.replace("@", f":{PASSWORD}@", 1)
    async with mirror_process(commands, uri, *secrets, *artifacts) as server:
        process = server.process
        assert process is not None
        before = process.err
        async with connected(server.port) as wire:
            assert await told(
                wire,
                request(ARTIFACT, RIGHT),
                request(DETAIL, "Authorization: Token tokenThatIsWrong"),
                request(DETAIL, "Authorization: Basic dXNlcjpwYXNz"),
                request(f"{API}/v3/nothing/", RIGHT),
                request(f"{COLLECTIONS}/?limit=-1", RIGHT),
                request(DETAIL, RIGHT, method="DELETE"),
            ) == [302, 401, 401, 404, 400, 405]
            await wire.send(b"GARBAGE\r\n\r\n")
            await wire.rest()
        assert process.err == before
        name = urlsplit(database).path[1:]
        execute(postgres_uri, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        async with connected(server.port) as wire:
            assert set(await told(wire, *[request(DETAIL, RIGHT)] * 20)) <= {200, 503}
        assert [secret for secret in SECRETS if secret in process.err] == []
        assert "Traceback" not in process.err


async def test_what_a_client_asked_for_is_one_line_of_the_log(commands: Commands) -> None:
    async with mirror_process(commands, "postgresql://nobody@127.0.0.1:9/none", ready=False) as server:
        process = server.process
        assert process is not None
        async with connected(server.port) as wire:
            targets = [f"{COLLECTIONS}/?x=%0aERROR:%20forged", f"{API}/\x1b[31m", f"{API}/?{'x' * 7000}"]
            for target in targets:
                await wire.send(request(target))
                await wire.reply()
        assert not [
            line for line in process.err.splitlines() if not line.startswith(("INFO: ", "WARNING: ", "ERROR: "))
        ]
        assert "\x1b" not in process.err
        assert len(process.err) < 3000
