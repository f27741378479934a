"""What a publisher has signed is verified by whoever has the publisher's key."""

import pytest

from testansible import Client, Key

pytestmark = pytest.mark.slow

_STRICTLY = ("--required-valid-signature-count", "+1")


async def test_a_signed_collection_is_installed_and_verified_by_its_signature(
    client: Client, server: str, key: Key
) -> None:
    with_key = ("--keyring", key.keyring, *_STRICTLY)
    done = await client.run("install", "acme.signed", *with_key, "--server", server)
    assert client.installed == {"acme.signed": "1.0.0"}, done.said
    done = await client.run("verify", "acme.signed", *with_key, "--offline")
    assert done.code == 0, done.said


async def test_a_collection_without_a_signature_is_refused_where_one_is_required(
    client: Client, server: str, key: Key
) -> None:
    done = await client.run("install", "acme.old", "--keyring", key.keyring, *_STRICTLY, "--server", server)
    assert (done.code, client.installed) == (1, {}), done.said
    assert "signature verification failed" in done.said, done.said
