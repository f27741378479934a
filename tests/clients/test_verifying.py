"""What is installed is held against the mirror."""

import pytest

from clients.releases import every_release
from testansible import Client

pytestmark = pytest.mark.slow


@every_release
async def test_what_was_installed_is_verified_against_the_server(client: Client, server: str) -> None:
    await client.run("install", "acme.base:1.1.0", "--server", server)
    done = await client.run("verify", "acme.base", "--server", server)
    assert (done.code, "match the remote collection" in done.said) == (0, True), done.said


async def test_a_file_that_was_changed_is_noticed_online_and_offline(client: Client, server: str) -> None:
    await client.run("install", "acme.base:1.1.0", "--server", server)
    done = await client.run("verify", "acme.base", "--offline")
    assert done.code == 0, done.said
    client.path("acme.base").joinpath("README.md").write_text("Somebody else's.\n")
    for where in (("--offline",), ("--server", server)):
        done = await client.run("verify", "acme.base", *where)
        assert (done.code, "modified content in the following files: README.md" in done.said) == (1, True), done.said
