"""Credentials come from files, and every way in which they can be wrong is told without telling them."""

import os
from pathlib import Path

import pytest
import trustme
from yarl import URL

from collectionsync.resource import SecretRef, Source
from collectionsync.worker.secrets import SecretError, credentials, ssl_context

URL_ = "https://galaxy.example/api/"
HOSTILE = ["../outside", "..", ".", "", "a/b", "/etc", "a\0b", "A", "-a", "a-", "a..b", "x" * 254, "a\n"]
as_ordinary_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def source(secret: str | None = None, *, certificates: str | None = None, url: str = URL_) -> Source:
    return Source(
        url=url,
        secret_ref=SecretRef(name=secret) if secret is not None else None,
        cert_secret_ref=SecretRef(name=certificates) if certificates is not None else None,
    )


def write(folder: Path, **files: bytes) -> Path:
    secret = folder / "galaxy"
    secret.mkdir()
    for name, data in files.items():
        (secret / name.replace("__", ".")).write_bytes(data)
    return folder


def header(folder: Path) -> str | None:
    return credentials(source("galaxy"), folder).headers(URL(URL_)).get("Authorization")


def refusal(folder: Path | None, name: str = "galaxy") -> str:
    with pytest.raises(SecretError) as caught:
        credentials(source(name), folder)
    return str(caught.value)


def tls_refusal(folder: Path | None, name: str = "galaxy") -> str:
    with pytest.raises(SecretError) as caught:
        ssl_context(source(certificates=name), folder)
    return str(caught.value)


def test_without_a_secret_the_worker_is_nobody() -> None:
    assert credentials(source(), None).headers(URL(URL_)) == {}


@pytest.mark.parametrize("data", [b"s3cret", b"s3cret\n", b"s3cret\r\n", b" s3cret \n"])
def test_a_token_is_read_without_the_white_space_around_it(tmp_path: Path, data: bytes) -> None:
    assert header(write(tmp_path, token=data)) == "Token s3cret"


def test_a_password_keeps_its_spaces_and_loses_its_line_break(tmp_path: Path) -> None:
    folder = write(tmp_path, username=b"me\n", password=b" p:ss \n")

    assert header(folder) == "Basic bWU6IHA6c3Mg"


def test_a_key_may_be_a_link_as_the_kubelet_makes_them(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "galaxy/..data").mkdir()
    (folder / "galaxy/..data/token").write_bytes(b"s3cret")
    (folder / "galaxy/token").symlink_to("..data/token")

    assert header(folder) == "Token s3cret"


def test_a_secret_needs_a_folder_of_secrets() -> None:
    assert "--secrets" in refusal(None)


def test_a_secret_that_is_not_there_is_named_with_its_path(tmp_path: Path) -> None:
    assert str(tmp_path / "galaxy") in refusal(tmp_path)


def test_a_folder_of_secrets_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none/galaxy") in refusal(tmp_path / "none")


def test_a_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "galaxy").write_text("token")

    assert "no folder" in refusal(tmp_path)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/token").write_text("s3cret")
    (tmp_path / "inside").mkdir()

    assert "is not the name of a Secret" in refusal(tmp_path / "inside", name)
    assert "is not the name of a Secret" in tls_refusal(tmp_path / "inside", name)


@pytest.mark.parametrize(
    ("files", "at_fault"),
    [
        ({}, "galaxy"),
        ({"token": b""}, "token"),
        ({"token": b" \r\n"}, "token"),
        ({"token": b"s3cret\r\nHost: evil"}, "token"),
        ({"token": b"s3cret\x00"}, "token"),
        ({"token": b"s3cret\x89PNG\xff"}, "token"),
        ({"username": b"me"}, "password"),
        ({"username": b"s3cret:me", "password": b"x"}, "username"),
        ({"username": b"me", "password": b""}, "password"),
        ({"password": b"s3cret"}, "galaxy"),
        ({"token": b"s3cret", "auth_url": b"https://sso.example"}, "auth_url"),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_by_field_and_file_and_without_its_content(
    tmp_path: Path, files: dict[str, bytes], at_fault: str
) -> None:
    message = refusal(write(tmp_path, **files))

    assert message.startswith("spec.source.secretRef: ")
    assert str(tmp_path / "galaxy") in message
    assert at_fault in message
    assert "s3cret" not in message
    assert "0x89" not in message


def test_neither_does_the_error_carry_the_content_as_its_cause(tmp_path: Path) -> None:
    folder = write(tmp_path, token=b"s3cret\xff")
    with pytest.raises(SecretError) as caught:
        credentials(source("galaxy"), folder)

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_key_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "galaxy/token").mkdir()

    assert "directory" in refusal(folder)


def test_a_folder_that_cannot_be_looked_into_is_refused_with_its_path() -> None:
    folder = Path("/" + "x" * 300)

    assert f"{folder}/galaxy cannot be read (File name too long)" in refusal(folder)


@as_ordinary_user
@pytest.mark.parametrize("closed", ["", "galaxy", "galaxy/token"])
def test_what_may_not_be_read_is_refused_with_its_path(tmp_path: Path, closed: str) -> None:
    folder = write(tmp_path, token=b"s3cret")
    (folder / closed).chmod(0)
    try:
        assert "Permission denied" in refusal(folder)
    finally:
        (folder / closed).chmod(0o700)


def test_credentials_do_not_show_in_a_repr(tmp_path: Path) -> None:
    assert "s3cret" not in repr(credentials(source("galaxy"), write(tmp_path, token=b"s3cret")))


def test_plain_http_needs_no_trust(tmp_path: Path) -> None:
    assert ssl_context(source(url="http://localhost/"), None) is None


def test_without_a_secret_the_systems_authorities_are_trusted() -> None:
    context = ssl_context(source(), None)

    assert context is not None
    assert context.check_hostname


def test_an_authority_of_ones_own_replaces_the_systems(tmp_path: Path) -> None:
    folder = write(tmp_path, ca__crt=trustme.CA().cert_pem.bytes())
    context = ssl_context(source(certificates="galaxy"), folder)

    assert context is not None
    assert context.cert_store_stats()["x509_ca"] == 1


def test_a_certificate_of_ones_own_is_loaded_with_its_key(tmp_path: Path) -> None:
    own = trustme.CA().issue_cert("client")
    folder = write(tmp_path, tls__crt=own.cert_chain_pems[0].bytes(), tls__key=own.private_key_pem.bytes())

    assert ssl_context(source(certificates="galaxy"), folder) is not None


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "none of"),
        ({"tls__crt": b"x"}, "need each other"),
        ({"tls__key": b"x"}, "need each other"),
        ({"ca__crt": b"no PEM"}, "ca.crt"),
        ({"ca__crt": b""}, "ca.crt"),
        ({"tls__crt": b"no PEM", "tls__key": b"s3cret"}, "tls.crt"),
        ({"tls__crt": b"x", "tls__key": b"-----BEGIN ENCRYPTED PRIVATE KEY-----\ns3cret"}, "encrypted"),
    ],
)
def test_certificates_that_cannot_be_used_are_refused_by_field_and_file(
    tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    message = tls_refusal(write(tmp_path, **files))

    assert message.startswith("spec.source.certSecretRef: ")
    assert str(tmp_path / "galaxy") in message
    assert said in message
    assert "s3cret" not in message
