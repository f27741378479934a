"""Who may read which repository: by which credentials, in which form."""

import base64
import hmac
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from collectionsync.server import credentials
from collectionsync.server.access import Access
from server.access_files import write


def basic(user: str | bytes, password: str | bytes) -> str:
    pair = b":".join(text.encode() if isinstance(text, str) else text for text in (user, password))
    return f"Basic {base64.b64encode(pair).decode()}"


def opened(tmp_path: Path, files: Mapping[str, str | bytes]) -> Access:
    return Access.open(write(tmp_path / "access", files))


def test_without_a_secret_everybody_may_read_everything() -> None:
    access = Access.open(None)
    assert access.allows("default", "demo", None)
    assert access.allows("default", "demo", "Token whatever")
    assert access.is_open("default", "demo")


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("_all", {"a/x", "a/y", "b/x"}),
        ("a", {"a/x", "a/y"}),
        ("a.x", {"a/x"}),
        ("b", {"b/x"}),
        ("a.z", set()),
        ("c", set()),
    ],
)
def test_a_file_opens_what_it_is_named_after(tmp_path: Path, file: str, read: set[str]) -> None:
    access = opened(tmp_path, {file: "secret"})
    found = {
        f"{namespace}/{repository}"
        for namespace, repository in (("a", "x"), ("a", "y"), ("b", "x"))
        if access.allows(namespace, repository, "Token secret")
    }
    assert found == read


@pytest.mark.parametrize("authorization", ["Token all", "Token namespace", "Token repository"])
def test_one_of_the_files_that_apply_is_enough(tmp_path: Path, authorization: str) -> None:
    access = opened(tmp_path, {"_all": "all", "a": "namespace", "a.x": "repository"})
    assert access.allows("a", "x", authorization)


def test_what_no_file_names_is_closed(tmp_path: Path) -> None:
    access = opened(tmp_path, {"a": "secret"})
    assert not access.allows("b", "x", "Token secret")
    assert not access.allows("b", "x", None)
    assert not access.is_open("b", "x")


def test_a_namespace_with_a_dot_is_no_repository(tmp_path: Path) -> None:
    access = opened(tmp_path, {"a.x": "secret"})
    assert not access.allows("a.x", "y", "Token secret")


def test_no_namespace_is_called_as_the_file_for_all(tmp_path: Path) -> None:
    assert not opened(tmp_path, {"_all.x": "secret"}).allows("_all", "x", "Token secret")


@pytest.mark.parametrize(
    "authorization",
    [
        "Token secret",
        "Bearer secret",
        "token secret",
        "BEARER  secret ",
        basic("anybody", "secret"),
        basic("", "secret"),
        basic(b"\xff\xfe", "secret"),
        basic("anybody", "secret").replace("Basic", "basic"),
    ],
)
def test_a_token_is_taken_in_every_form_that_clients_have(tmp_path: Path, authorization: str) -> None:
    assert opened(tmp_path, {"a": "other\nsecret\n"}).allows("a", "x", authorization)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "secret",
        "Token",
        "Token ",
        "Token wrong",
        "Token secret secret",
        "Token secret, Token secret",
        "Digest secret",
        "Token\nsecret",
        "Token: secret",
        "Token Secret",
        "Token secret\x00",
        "Basic secret",
        "Basic ====",
        "Basic " + base64.b64encode(b"secret").decode(),
        basic("secret", ""),
        basic("anybody", "wrong"),
        basic("anybody", "secret ").rstrip("=") + "!",
        "Token \udcff",
        "Token " + chr(0xD800),
        "Token " + "x" * 100_000,
        "Token secret" + " " * 100_000,
    ],
)
def test_nothing_else_is_taken(tmp_path: Path, authorization: str | None) -> None:
    assert not opened(tmp_path, {"a": "secret"}).allows("a", "x", authorization)


def test_a_user_needs_the_password_that_is_theirs(tmp_path: Path) -> None:
    access = opened(tmp_path, {"a": "bob:pass:word\nalice:word"})
    assert access.allows("a", "x", basic("bob", "pass:word"))
    assert access.allows("a", "x", basic("alice", "word"))
    assert not access.allows("a", "x", basic("alice", "pass:word"))
    assert not access.allows("a", "x", basic("bob", "word"))
    assert not access.allows("a", "x", "Token bob:pass:word")
    assert not access.allows("a", "x", "Token word")


def test_a_password_may_hold_any_bytes(tmp_path: Path) -> None:
    access = opened(tmp_path, {"a": "bob:grün €".encode() + b"\neve:\xff\xfe"})
    assert access.allows("a", "x", basic("bob", "grün €"))
    assert access.allows("a", "x", basic("eve", b"\xff\xfe"))
    assert not access.allows("a", "x", basic("eve", "ÿþ"))


def test_a_token_of_any_text_is_taken_as_http_servers_hand_it_on(tmp_path: Path) -> None:
    header = "Token grün".encode().decode("utf-8", "surrogateescape")
    assert opened(tmp_path, {"a": "grün"}).allows("a", "x", header)
    odd = b"Token gr\xfcn".decode("utf-8", "surrogateescape")
    assert opened(tmp_path, {"a": b"gr\xfcn"}).allows("a", "x", odd)


@pytest.mark.parametrize(
    "content", ["\ufeffsecret", "secret\r\n", "# who\r\n\r\nsecret\r\n", "\n  secret  \n#end", "a\rsecret"]
)
def test_lines_are_read_as_people_write_them(tmp_path: Path, content: str) -> None:
    access = opened(tmp_path, {"a": content})
    assert access.allows("a", "x", "Token secret")
    assert not access.allows("a", "x", "Token ")
    assert not access.allows("a", "x", "Token # who")


def test_everybody_may_read_where_there_is_an_asterisk(tmp_path: Path) -> None:
    access = opened(tmp_path, {"a.x": "*", "a": "secret"})
    for authorization in (None, "Token wrong", "nonsense", basic("a", "b")):
        assert access.allows("a", "x", authorization)
    assert access.is_open("a", "x")
    assert not access.is_open("a", "y")
    assert not access.allows("a", "y", None)


@pytest.mark.parametrize("content", ["", "\n\n", "# nobody yet\n", "bob:\n", "x" * 5000])
def test_a_file_that_names_nobody_closes_and_is_told_of(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    access = opened(tmp_path, {"a.x": content})
    assert not access.allows("a", "x", None)
    assert not access.allows("a", "x", basic("bob", ""))
    assert not access.allows("a", "x", f"Token {content.strip()}")
    assert "the key a.x of the Secret with who may read what: it names nobody" in caplog.text


@pytest.mark.parametrize("name", ["A", "a_b", "a.b.c", "-a", "a b", "tls.crt ", ".hidden", "_every"])
def test_a_key_that_can_open_nothing_is_told_of(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    opened(tmp_path, {name: "secret"})
    assert f"the key {name!r} of the Secret with who may read what opens nothing" in caplog.text


@pytest.mark.parametrize("name", ["a", "a-b", "a-1.x", "a.x_y", "_all", "1.2"])
def test_a_key_that_opens_something_is_not_told_of(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    opened(tmp_path, {name: "secret"})
    assert not caplog.records


def test_no_secret_is_in_a_log_or_a_repr(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        access = opened(tmp_path, {"a": "hunter2\nbob:hunter2\nbob:\n" + "hunter2" * 1000, "b!": "hunter2"})
        access.allows("a", "x", "Token hunter2")
        access.allows("a", "x", "Token hunter2-wrong")
    assert "hunter2" not in caplog.text
    assert "hunter2" not in repr(vars(access))


def test_every_credential_is_compared_whichever_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = opened(tmp_path, {"_all": "one\ntwo", "a": "three\nfour:5", "a.x": "six"})
    compared = []

    def counted(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(credentials, "compare_digest", counted)
    numbers = set()
    for authorization in ("Token one", "Token six", "Token wrong", "Bearer x"):
        compared.clear()
        access.allows("a", "x", authorization)
        numbers.add(len(compared))
        assert set(compared) == {(32, 32)}
    assert numbers == {5}
