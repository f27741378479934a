"""TLS: who is trusted, who we are, and how little memory it takes."""

import asyncio
import asyncio.sslproto
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from yarl import URL

from collectionsync.galaxy.errors import GalaxyError, UntrustedError
from collectionsync.galaxy.tls import READ_BUFFER_BYTES, client_context, shrink_read_buffers
from galaxy.wire import LIMIT, Collected, Recorder, transport_to
from testgalaxy import Fault, TestGalaxy, kind, wirefaults
from testgalaxy.certificates import Certificates

AUTHORITY = trustme.CA()
STRANGER = trustme.CA()


@pytest.fixture(autouse=True)
def _original_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio.sslproto.SSLProtocol, "max_size", 256 * 1024)


@pytest.fixture
def ca(tmp_path: Path) -> str:
    return written(tmp_path / "ca.crt", AUTHORITY.cert_pem.bytes())


def written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def certificates(*names: str, wants_client: bool = False) -> Certificates:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(*names or ("127.0.0.1",)).configure_cert(server)
    if wants_client:
        server.verify_mode = ssl.CERT_REQUIRED
        AUTHORITY.configure_trust(server)
    return Certificates(server, AUTHORITY.cert_pem.bytes())


async def root_of(galaxy: TestGalaxy, context: ssl.SSLContext, watcher: Recorder | None = None) -> None:
    async with transport_to(galaxy.url, tls=context, insecure=False, observer=watcher) as transport:
        await transport.get("root", URL(galaxy.url), Collected(), limit=LIMIT)


async def test_a_private_authority_is_trusted_when_it_is_named(ca: str) -> None:
    async with TestGalaxy(tls=certificates()) as galaxy:
        await root_of(galaxy, client_context(ca=ca))
        assert galaxy.requests.count("root") == 1


@pytest.fixture(params=["another authority", "the public ones", "another name"])
def mistrust(request: pytest.FixtureRequest, tmp_path: Path, ca: str) -> Iterator[tuple[Certificates, ssl.SSLContext]]:
    if request.param == "another authority":
        yield certificates(), client_context(ca=written(tmp_path / "other.crt", STRANGER.cert_pem.bytes()))
    elif request.param == "the public ones":
        yield certificates(), client_context()
    else:
        yield certificates("elsewhere.example"), client_context(ca=ca)


async def test_a_certificate_that_does_not_verify_ends_the_run_and_says_what_to_do(
    mistrust: tuple[Certificates, ssl.SSLContext], watcher: Recorder
) -> None:
    shows, context = mistrust
    async with TestGalaxy(tls=shows) as galaxy:
        with pytest.raises(UntrustedError, match=r"spec\.source\.certSecretRef") as caught:
            await root_of(galaxy, context, watcher)
    assert caught.value.reason == "CertificateNotTrusted"
    assert (watcher.codes, watcher.retries) == (["error"], [])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_shown(ca: str, tmp_path: Path, version: ssl.TLSVersion) -> None:
    issued = AUTHORITY.issue_cert("worker.example")
    certificate = written(tmp_path / "tls.crt", issued.cert_chain_pems[0].bytes())
    key = written(tmp_path / "tls.key", issued.private_key_pem.bytes())
    wanting = certificates(wants_client=True)
    wanting.server.maximum_version = version
    async with TestGalaxy(tls=wanting) as galaxy:
        await root_of(galaxy, client_context(ca=ca, certificate=certificate, key=key))
        with pytest.raises(GalaxyError):
            await root_of(galaxy, client_context(ca=ca))


@pytest.mark.parametrize("content", [b"", b"no PEM at all", STRANGER.private_key_pem.bytes()])
def test_an_authority_that_is_none_is_an_error_at_once(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ssl.SSLError):
        client_context(ca=written(tmp_path / "ca.crt", content))


def test_a_file_that_is_missing_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client_context(ca=str(tmp_path / "ca.crt"))


def test_an_encrypted_key_is_an_error_and_asks_nobody(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    issued = AUTHORITY.issue_cert("worker.example")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pass phrase"),
    )
    with pytest.raises(ssl.SSLError):
        client_context(
            certificate=written(tmp_path / "tls.crt", issued.cert_chain_pems[0].bytes()),
            key=written(tmp_path / "tls.key", key),
        )


def test_contexts_verify_names_and_certificates(ca: str) -> None:
    for context in (client_context(), client_context(ca=ca)):
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_connections_have_small_read_buffers(ca: str) -> None:
    goes_on = asyncio.Event()
    seen: list[int] = []

    class Looking(Collected):
        def write(self, chunk: bytes) -> None:
            pool = transport._session.connector
            assert pool is not None
            seen.extend(len(each.transport._ssl_protocol._ssl_buffer) for each in pool._acquired)  # type: ignore[union-attr]
            goes_on.set()

    async with TestGalaxy(tls=certificates()) as galaxy:
        galaxy.faults.add(Fault(kind("root"), wirefaults.stall(10, goes_on)))
        async with transport_to(galaxy.url, tls=client_context(ca=ca), insecure=False) as transport:
            await transport.get("root", URL(galaxy.url), Looking(), limit=LIMIT)
    assert seen[0] == READ_BUFFER_BYTES


def test_a_python_without_the_private_attribute_is_told_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(asyncio.sslproto.SSLProtocol, "max_size")
    with caplog.at_level(logging.WARNING):
        assert shrink_read_buffers() is False
    assert "cannot be shrunk" in caplog.text
    assert not hasattr(asyncio.sslproto.SSLProtocol, "max_size")


@pytest.mark.parametrize("odd", [None, "256 KiB", lambda: 1])
def test_an_attribute_of_another_kind_is_left_alone(odd: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio.sslproto.SSLProtocol, "max_size", odd)
    assert shrink_read_buffers() is False


def test_buffers_are_shrunk_where_they_can_be() -> None:
    assert shrink_read_buffers() is True
    assert asyncio.sslproto.SSLProtocol.max_size == READ_BUFFER_BYTES


async def test_tls_goes_on_working_where_buffers_cannot_be_shrunk(ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectionsync.galaxy.transport.shrink_read_buffers", lambda: False)
    async with TestGalaxy(tls=certificates()) as galaxy:
        await root_of(galaxy, client_context(ca=ca))
