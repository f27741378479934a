"""Signatures that a requirement names by their URLs."""

import pytest

from collectionsync.galaxy.client import SIGNATURE_LIMIT_BYTES
from collectionsync.galaxy.errors import ContentError, NotFoundError
from galaxy.wire import connected
from testgalaxy import TestGalaxy
from testgalaxy.catalog import signature_text

TEXT = signature_text("acme.tools 1.0.0")


async def signature(galaxy: TestGalaxy, data: bytes) -> str:
    url = galaxy.put_file("tools.asc", data)
    async with connected(galaxy.url) as client:
        return await client.signature(url)


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n"), f"Comment: é\n{TEXT}", TEXT + TEXT])
async def test_it_comes_as_it_is(galaxy: TestGalaxy, text: str) -> None:
    assert await signature(galaxy, text.encode()) == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>Log in</html>",
        b"\x88\x75\x04\x00",
        TEXT.encode() + b"\xff",
        TEXT.encode() + b"\0",
        b"-----BEGIN PGP",
    ],
    ids=["nothing", "HTML", "not armoured", "not UTF-8", "NUL", "half"],
)
async def test_what_is_no_armoured_signature_is_refused(galaxy: TestGalaxy, data: bytes) -> None:
    with pytest.raises(ContentError, match=r"/files/tools\.asc is no OpenPGP signature") as caught:
        await signature(galaxy, data)
    assert caught.value.reason == "InvalidSignature"


async def test_one_above_the_limit_is_refused(galaxy: TestGalaxy) -> None:
    with pytest.raises(ContentError) as caught:
        await signature(galaxy, TEXT.encode() + b"\n" * SIGNATURE_LIMIT_BYTES)
    assert caught.value.reason == "TooLarge"


async def test_one_that_is_not_there_is_not_found(galaxy: TestGalaxy) -> None:
    async with connected(galaxy.url) as client:
        with pytest.raises(NotFoundError):
            await client.signature(f"{galaxy.origin}/files/none.asc")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/tools.asc", "http://["])
async def test_only_the_web_is_asked(galaxy: TestGalaxy, url: str) -> None:
    async with connected(galaxy.url) as client:
        galaxy.requests.clear()
        with pytest.raises(ContentError):
            await client.signature(url)
    assert len(galaxy.requests) == 0


async def test_a_query_is_in_no_message(galaxy: TestGalaxy) -> None:
    url = galaxy.put_file("tools.asc", b"no signature")
    async with connected(galaxy.url) as client:
        with pytest.raises(ContentError) as caught:
            await client.signature(f"{url}?token=s3cret")
    assert "s3cret" not in str(caught.value)
