"""What Secrets say of the way to a source, its headers and its proxy, and of the store that artifacts go to."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import trustme

from collectionsync.source import Header, SecretRef, Source
from collectionsync.worker.secrets import SecretError, SecretNotFoundError, headers, proxy, store_settings

URL = "https://galaxy.example/api/"
PROXY = b"http://proxy.example:3128"


def source(
    public: Mapping[str, str] | None = None, *, secret: bool = False, certificates: bool = False, way: bool = True
) -> Source:
    return Source(
        url=URL,
        secret_ref=SecretRef(name="galaxy") if secret else None,
        cert_secret_ref=SecretRef(name="certificates") if certificates else None,
        proxy_secret_ref=SecretRef(name="way") if way else None,
        headers=tuple(Header(name=name, value=value) for name, value in (public or {}).items()),
    )


def write(folder: Path, secret: str, **files: bytes) -> Path:
    (folder / secret).mkdir()
    for name, data in files.items():
        (folder / secret / name.replace("__", ".")).write_bytes(data)
    return folder


def refusal(read: Callable[[], object], *, missing: bool = False) -> SecretError:
    with pytest.raises(SecretError) as caught:
        read()
    assert isinstance(caught.value, SecretNotFoundError) == missing
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_without_any_there_are_no_headers() -> None:
    assert headers(source(), None) == {}


def test_headers_of_the_manifest_and_of_the_secret_are_sent(tmp_path: Path) -> None:
    write(tmp_path, "galaxy", token=b"t", headers=b"X-Key: s3cret\r\n\r\nCookie: a=b; c=d\n")

    found = headers(source({"X-Team": "mirrors", "User-Agent": "mirror/1"}, secret=True), tmp_path)
    assert found == {"X-Team": "mirrors", "User-Agent": "mirror/1", "X-Key": "s3cret", "Cookie": "a=b; c=d"}


def test_a_secret_need_not_have_any(tmp_path: Path) -> None:
    assert headers(source(secret=True), write(tmp_path, "galaxy", token=b"t")) == {}


def test_authorization_may_be_a_header_where_there_are_no_other_credentials(tmp_path: Path) -> None:
    write(tmp_path, "galaxy", headers=b"Authorization: Custom s3cret")

    assert headers(source(secret=True), tmp_path) == {"Authorization": "Custom s3cret"}


@pytest.mark.parametrize(
    "others", [{"token": b"t"}, {"username": b"me", "password": b"x"}, {"auth_url": b"https://sso.example/"}]
)
def test_beside_others_it_is_refused(tmp_path: Path, others: dict[str, bytes]) -> None:
    write(tmp_path, "galaxy", headers=b"X: y\naUTHORIZATION: s3cret", **others)

    error = refusal(lambda: headers(source(secret=True), tmp_path))
    assert "key headers: Authorization and the key" in str(error)


@pytest.mark.parametrize(
    ("content", "said", "missing"),
    [
        (b"Host: s3cret", "line 1: Host is for collectionsync", False),
        (b"X-Key: a\ns3cret", "line 2 is not a header", False),
        (b"X-Key: s3cret\x00", "holds control characters", False),
        (b"X-Key: s3cr\xc3\xa9t\nX: s3cret", "line 1: X-Key has a value", False),
        (b"X-Key: s3cret\xff", "is not text in UTF-8", False),
        (b"x-team: s3cret", "x-team is in spec.source.headers as well", False),
        (b" \n", "`headers`", True),
    ],
)
def test_headers_of_a_secret_that_cannot_be_sent_are_refused_without_their_values(
    tmp_path: Path, content: bytes, said: str, missing: bool
) -> None:
    write(tmp_path, "galaxy", headers=content)

    error = refusal(lambda: headers(source({"X-Team": "a"}, secret=True), tmp_path), missing=missing)
    assert error.path == "spec.source.secretRef"
    assert said in str(error)


def test_without_a_secret_there_is_no_proxy() -> None:
    assert proxy(source(way=False), None) is None


def test_a_proxy_is_an_address(tmp_path: Path) -> None:
    found = proxy(source(), write(tmp_path, "way", address=PROXY + b"\n"))

    assert found is not None
    assert (str(found), found.authorization) == ("http://proxy.example:3128", None)


def test_and_credentials_where_it_wants_them(tmp_path: Path) -> None:
    found = proxy(source(), write(tmp_path, "way", address=PROXY, username=b"me\n", password=b" p:ss \n"))

    assert found is not None
    assert found.authorization == "Basic bWU6IHA6c3Mg"


@pytest.mark.parametrize(
    ("files", "said", "missing"),
    [
        ({}, "`address`", True),
        ({"address": b""}, "`address`", True),
        ({"username": b"me", "password": b"s3cret"}, "`address`", True),
        ({"address": PROXY, "username": b"me"}, "`password`", True),
        ({"address": PROXY, "password": b"s3cret"}, "`username`", True),
        ({"address": PROXY, "username": b"me:s3cret", "password": b"x"}, "key username: holds a colon", False),
        ({"address": b"s3cret.example:3128"}, "key address: is not a proxy's address", False),
        ({"address": b"http://me:s3cret@proxy.example"}, "key address: holds credentials", False),
        ({"address": b"http://proxy.example\nhttp://s3cret"}, "key address: holds control characters", False),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_by_field_name_and_key(
    tmp_path: Path, files: dict[str, bytes], said: str, missing: bool
) -> None:
    write(tmp_path, "way", **files)

    error = refusal(lambda: proxy(source(), tmp_path, field="spec.sources[4]"), missing=missing)
    assert error.path == "spec.sources[4].proxySecretRef"
    assert f"{tmp_path}/way" in str(error)
    assert said in str(error)


def test_a_proxy_over_tls_would_be_shown_the_client_certificate_so_they_exclude_each_other(tmp_path: Path) -> None:
    write(tmp_path, "way", address=b"https://proxy.example:3129")
    write(tmp_path, "certificates", tls__crt=b"x", tls__key=b"x")

    error = refusal(lambda: proxy(source(certificates=True), tmp_path))
    assert "key address: is https" in str(error)
    assert "client certificate of spec.source.certSecretRef" in str(error)


@pytest.mark.parametrize(("address", "key"), [(b"https://proxy.example", "ca__crt"), (PROXY, "tls__crt")])
def test_otherwise_a_proxy_and_certificates_go_together(tmp_path: Path, address: bytes, key: str) -> None:
    write(tmp_path, "way", address=address)
    write(tmp_path, "certificates", **{key: trustme.CA().cert_pem.bytes()})

    assert proxy(source(certificates=True), tmp_path) is not None


def test_the_settings_of_a_store_are_the_keys_of_its_secret(tmp_path: Path) -> None:
    account = b'{\n\t"private_key": "s3cret"\n}\n'
    write(tmp_path, "store", aws_access_key_id=b"me\n", google_service_account_key=account)
    (tmp_path / "store/..2026_11_25").mkdir()
    (tmp_path / "store/..data").symlink_to("..2026_11_25")

    assert store_settings(SecretRef(name="store"), tmp_path) == {
        "aws_access_key_id": "me",
        "google_service_account_key": '{\n\t"private_key": "s3cret"\n}',
    }


def test_a_store_may_need_none() -> None:
    assert store_settings(None, None) == {}


@pytest.mark.parametrize(
    ("files", "said", "missing"),
    [
        ({}, "a setting of the store, such as `aws_access_key_id`", True),
        ({"aws_access_key_id": b"s3cret", "aws_secret_access_key": b""}, "`aws_secret_access_key`", True),
        ({"aws_access_key_id": b"s3cret\x00"}, "key aws_access_key_id: holds control characters", False),
        ({"aws_access_key_id": b"s3cret\xff"}, "key aws_access_key_id: is not text", False),
    ],
)
def test_settings_that_cannot_be_used_are_refused_by_field_name_and_key(
    tmp_path: Path, files: dict[str, bytes], said: str, missing: bool
) -> None:
    write(tmp_path, "store", **files)

    error = refusal(lambda: store_settings(SecretRef(name="store"), tmp_path), missing=missing)
    assert error.path == "spec.target.artifacts.secretRef"
    assert said in str(error)


def test_a_store_whose_secret_is_not_there_is_told_of_as_missing(tmp_path: Path) -> None:
    refusal(lambda: store_settings(SecretRef(name="store"), tmp_path), missing=True)
    refusal(lambda: store_settings(SecretRef(name="store"), None), missing=True)


def test_a_folder_among_the_settings_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "store")
    (tmp_path / "store/aws_access_key_id").mkdir()

    assert "directory" in str(refusal(lambda: store_settings(SecretRef(name="store"), tmp_path)))
