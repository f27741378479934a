"""What a server reads of mounted Secrets, and what it says where that is nothing of use."""

from pathlib import Path

import pytest

from collectionsync.server.secrets import SecretError, read_key, read_keys, secret_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "uri").write_text("postgresql://host/name\n")
    (tmp_path / "db" / "empty").write_text(" \n")
    (tmp_path / "db" / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "db" / "lines").write_text("one\ntwo\n")
    (tmp_path / "db" / "..data").mkdir()
    return tmp_path


def test_a_key_is_its_only_line(folder: Path) -> None:
    assert read_key(folder, "db", "uri") == "postgresql://host/name"


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("db", "missing", "has nothing for `missing`"),
        ("db", "empty", "has nothing for `empty`"),
        ("db", "binary", "not text in UTF-8"),
        ("db", "lines", "control characters"),
        ("db", "../uri", "not the key of a Secret"),
        ("other", "uri", "'other' is missing"),
        ("../db", "uri", "not the name of a Secret"),
        ("Db", "uri", "not the name of a Secret"),
    ],
)
def test_what_cannot_be_used_is_told_of(folder: Path, name: str, key: str, said: str) -> None:
    with pytest.raises(SecretError, match=said):
        read_key(folder, name, key)


def test_no_message_holds_what_a_file_holds(folder: Path) -> None:
    (folder / "db" / "lines").write_text("geheim\ngeheim\n")
    with pytest.raises(SecretError) as refused:
        read_key(folder, "db", "lines")
    assert "geheim" not in str(refused.value)


def test_all_keys_are_read_with_their_lines(folder: Path) -> None:
    (folder / "db" / "binary").unlink()
    assert read_keys(folder, "db") == {"uri": "postgresql://host/name", "empty": " ", "lines": "one\ntwo"}


def test_a_secret_that_is_not_there_has_no_keys(folder: Path) -> None:
    with pytest.raises(SecretError, match="Secret 'other' cannot be read"):
        read_keys(folder, "other")


def test_without_a_folder_for_secrets_the_option_is_named() -> None:
    with pytest.raises(SecretError, match="--secrets DIR"):
        secret_folder(None, "access")
