"""Credentials come from files, and every way in which they can be wrong is told without telling them.

What concerns the way to a source, its headers and its proxy, is in test_secrets_of_the_way.
"""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from yarl import URL

from collectionsync.galaxy.credentials import Grant
from collectionsync.resource import DatabaseSecretRef
from collectionsync.source import SecretRef, Source
from collectionsync.worker.secrets import SecretError, SecretNotFoundError, credentials, database_uri, ssl_context

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


def refusal(folder: Path | None, name: str = "galaxy", *, missing: bool = False) -> str:
    with pytest.raises(SecretError) as caught:
        credentials(source(name), folder)
    assert isinstance(caught.value, SecretNotFoundError) == missing
    return str(caught.value)


def tls_refusal(folder: Path | None, name: str = "galaxy", *, missing: bool = False) -> str:
    with pytest.raises(SecretError) as caught:
        ssl_context(source(certificates=name), folder)
    assert isinstance(caught.value, SecretNotFoundError) == missing
    return str(caught.value)


def database_refusal(folder: Path | None, name: str = "pg", key: str = "uri", *, missing: bool = True) -> str:
    with pytest.raises(SecretError) as caught:
        database_uri(DatabaseSecretRef(name=name, key=key), folder)
    assert isinstance(caught.value, SecretNotFoundError) == missing
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
    assert "--secrets" in refusal(None, missing=True)


def test_a_secret_that_is_not_there_is_named_with_the_keys_that_it_should_have_and_its_path(tmp_path: Path) -> None:
    assert refusal(tmp_path, missing=True) == (
        "spec.source.secretRef: Secret 'galaxy' is missing, or has nothing for `token`, or `username` and `password`, "
        f"or `headers` (looked in {tmp_path}/galaxy)"
    )


def test_a_secret_that_was_mounted_though_it_is_not_there_is_missing(tmp_path: Path) -> None:
    # As the kubelet mounts it where it is optional.
    folder = write(tmp_path)
    (folder / "galaxy/..2026_11_25").mkdir()
    (folder / "galaxy/..data").symlink_to("..2026_11_25")

    assert "Secret 'galaxy' is missing" in refusal(folder, missing=True)


def test_a_folder_of_secrets_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none/galaxy") in refusal(tmp_path / "none", missing=True)


def test_a_file_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "galaxy").write_text("token")

    assert "is missing" in refusal(tmp_path, missing=True)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/token").write_text("s3cret")
    (tmp_path / "inside").mkdir()

    assert "is not the name of a Secret" in refusal(tmp_path / "inside", name)
    assert "is not the name of a Secret" in tls_refusal(tmp_path / "inside", name)
    assert "is not the name of a Secret" in database_refusal(tmp_path / "inside", name, missing=False)


@pytest.mark.parametrize(
    ("files", "at_fault", "missing"),
    [
        ({}, "`token`, or `username` and `password`", True),
        ({"token": b""}, "`token`", True),
        ({"token": b" \r\n"}, "`token`", True),
        ({"token": b"s3cret\r\nHost: evil"}, "key token: holds control characters", False),
        ({"token": b"s3cret\x00"}, "key token: holds control characters", False),
        ({"token": b"s3cret\x89PNG\xff"}, "key token: is not text in UTF-8", False),
        ({"username": b"me"}, "`password`", True),
        ({"username": b"", "password": b"s3cret"}, "`username`", True),
        ({"username": b"s3cret:me", "password": b"x"}, "key username: holds a colon", False),
        ({"username": b"me", "password": b""}, "`password`", True),
        ({"password": b"s3cret"}, "`token`, or `username` and `password`", True),
        ({"auth_url": b"https://sso.example/token"}, "`token`, the refresh token that `auth_url` takes", True),
        ({"token": b"s3cret", "auth_url": b""}, "`auth_url`", True),
        ({"token": b"s3cret", "auth_url": b"http://sso.example/s3cret"}, "key auth_url: is not https", False),
        ({"token": b"s3cret", "auth_url": b"sso.example/s3cret"}, "key auth_url: is not the URL of a token", False),
        ({"token": b"s3cret", "auth_url": b"ftp://sso.example/s3cret"}, "key auth_url: is not the URL of", False),
        ({"token": b"s3cret", "auth_url": b"https:///s3cret"}, "key auth_url: is not the URL of", False),
        ({"token": b"s3cret", "auth_url": b"https://[::s3cret"}, "key auth_url: is not the URL of", False),
        ({"token": b"s3cret", "auth_url": b"https://me:s3cret@sso.example/"}, "key auth_url: is not the URL of", False),
        ({"token": b"", "auth_url": b"https://sso.example/token"}, "`token`", True),
        ({"token": b"x", "auth_url": b"https://sso.example/token", "client_id": b""}, "`client_id`", True),
        ({"headers": b"X-Key: s3cret", "password": b"s3cret"}, "`username` and `password`", True),
    ],
)
def test_a_secret_that_cannot_be_used_is_refused_by_field_name_and_key_and_without_its_content(
    tmp_path: Path, files: dict[str, bytes], at_fault: str, missing: bool
) -> None:
    message = refusal(write(tmp_path, **files), missing=missing)

    assert message.startswith("spec.source.secretRef: Secret 'galaxy'")
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

    message = refusal(folder)
    assert "cannot be read (File name too long)" in message
    assert f"{folder}/galaxy" in message


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


def test_a_token_with_an_auth_url_is_a_refresh_token(tmp_path: Path) -> None:
    folder = write(tmp_path, token=b" s3cret\n", auth_url=b"https://sso.example/realms/x/token\n")
    found = credentials(source("galaxy"), folder)

    assert found.headers(URL(URL_)) == {}
    assert found.are_for(URL(URL_))
    assert found.grant == Grant(URL("https://sso.example/realms/x/token"), "s3cret", "cloud-services")


def test_who_asks_for_a_token_may_be_said(tmp_path: Path) -> None:
    folder = write(tmp_path, token=b"s3cret", auth_url=b"https://sso.example/token", client_id=b"mirror\n")
    grant = credentials(source("galaxy"), folder).grant

    assert grant is not None
    assert grant.client_id == "mirror"


def test_a_token_endpoint_may_be_plain_http_where_the_source_is_meant_to_be(tmp_path: Path) -> None:
    folder = write(tmp_path, token=b"s3cret", auth_url=b"http://sso.example/token")
    insecure = Source(url="http://galaxy.example/", insecure=True, secret_ref=SecretRef(name="galaxy"))

    assert credentials(insecure, folder).grant is not None


def test_a_secret_with_nothing_but_headers_is_nobodys(tmp_path: Path) -> None:
    found = credentials(source("galaxy"), write(tmp_path, headers=b"X-Key: s3cret"))

    assert (found.headers(URL(URL_)), found.grant) == ({}, None)


@pytest.mark.parametrize(
    ("read", "field"),
    [
        (lambda each: credentials(each, None, field="spec.sources[2]"), "spec.sources[2].secretRef"),
        (lambda each: ssl_context(each, None, field="spec.sources[2]"), "spec.sources[2].certSecretRef"),
    ],
)
def test_the_source_that_is_at_fault_is_named_by_its_place(read: Callable[[Source], object], field: str) -> None:
    with pytest.raises(SecretNotFoundError) as caught:
        read(source("galaxy", certificates="galaxy"))
    assert caught.value.path == field


def test_without_a_secret_the_systems_authorities_are_trusted_by_the_context_that_is_there_already() -> None:
    trust = ssl_context(source(), None)

    assert (trust.own, trust.others, trust.has_certificate) == (True, True, False)


def test_an_authority_of_ones_own_replaces_the_systems(tmp_path: Path) -> None:
    folder = write(tmp_path, ca__crt=trustme.CA().cert_pem.bytes())
    context = ssl_context(source(certificates="galaxy"), folder).own

    assert isinstance(context, ssl.SSLContext)
    assert (context.cert_store_stats()["x509_ca"], context.check_hostname) == (1, True)


def test_it_counts_for_plain_http_too_which_may_lead_to_a_redirect_or_a_proxy(tmp_path: Path) -> None:
    folder = write(tmp_path, ca__crt=trustme.CA().cert_pem.bytes())
    trust = ssl_context(source(certificates="galaxy", url="http://galaxy.example/"), folder)

    assert isinstance(trust.own, ssl.SSLContext)


def test_a_certificate_of_ones_own_is_loaded_with_its_key(tmp_path: Path) -> None:
    own = trustme.CA().issue_cert("client")
    folder = write(tmp_path, tls__crt=own.cert_chain_pems[0].bytes(), tls__key=own.private_key_pem.bytes())

    trust = ssl_context(source(certificates="galaxy"), folder)

    assert trust.has_certificate
    assert trust.own is not True
    assert trust.others is True


@pytest.mark.parametrize(
    ("files", "said", "missing"),
    [
        ({}, "`ca.crt`, or `tls.crt` and `tls.key`", True),
        ({"tls__crt": b"x"}, "`tls.key`, which `tls.crt` needs", True),
        ({"tls__key": b"s3cret"}, "`tls.crt`, which `tls.key` needs", True),
        ({"ca__crt": b"no PEM"}, "key ca.crt: not usable as PEM", False),
        ({"ca__crt": b""}, "`ca.crt`", True),
        ({"tls__crt": b"no PEM", "tls__key": b"s3cret"}, "key tls.crt, tls.key: not usable as PEM", False),
        ({"tls__crt": b"x", "tls__key": b"-----BEGIN ENCRYPTED PRIVATE KEY-----\ns3cret"}, "is encrypted", False),
    ],
)
def test_certificates_that_cannot_be_used_are_refused_by_field_name_and_key(
    tmp_path: Path, files: dict[str, bytes], said: str, missing: bool
) -> None:
    message = tls_refusal(write(tmp_path, **files), missing=missing)

    assert message.startswith("spec.source.certSecretRef: Secret 'galaxy'")
    assert str(tmp_path / "galaxy") in message
    assert said in message
    assert "s3cret" not in message


URI = "postgresql://mirror:s3cret@db.example.org/mirror"


@pytest.mark.parametrize("content", [URI, f"{URI}\n", f" {URI} \r\n"])
def test_the_uri_of_the_database_is_read_without_the_white_space_around_it(tmp_path: Path, content: str) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg/mirror.uri").write_text(content)

    assert database_uri(DatabaseSecretRef(name="pg", key="mirror.uri"), tmp_path) == URI


def test_a_uri_without_a_folder_of_secrets_says_which_option_is_missing() -> None:
    message = database_refusal(None)

    assert message.startswith("spec.target.databaseSecretRef: Secret 'pg' is needed")
    assert "--secrets" in message
    assert "--database" in message


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_uri_that_is_not_there_or_empty_is_missed_by_secret_and_key(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "pg").mkdir()
    if content is not None:
        (tmp_path / "pg/uri").write_text(content)

    assert database_refusal(tmp_path) == (
        f"spec.target.databaseSecretRef: Secret 'pg' is missing, or has nothing for `uri` (looked in {tmp_path}/pg)"
    )


def test_a_uri_of_several_lines_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg/uri").write_text(f"{URI}\n{URI}")

    message = database_refusal(tmp_path, missing=False)
    assert "Secret 'pg', key uri: holds control characters" in message
    assert "s3cret" not in message


@pytest.mark.parametrize("key", ["..", "../outside", "a/b", "/etc/passwd", "", "a\0b", "a\n", "..data", "x" * 254])
def test_a_key_cannot_lead_out_of_its_secret(tmp_path: Path, key: str) -> None:
    (tmp_path / "outside").write_text("s3cret")
    (tmp_path / "pg").mkdir()

    assert "is not the key of a Secret" in database_refusal(tmp_path, key=key, missing=False)
