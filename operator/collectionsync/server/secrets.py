"""What mounted Secrets hold for a server, DIR/<secret name>/<key>: the database's URI, and the store's settings.

They are never read from arguments, and no message holds a byte of what a file holds.
"""

import re
from pathlib import Path

# A DNS subdomain (RFC 1123), as the API server has it: no separator of folders, nor a name that leads upwards.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_KEY = re.compile(r"[-_A-Za-z0-9][-._A-Za-z0-9]{0,252}", re.ASCII)


class SecretError(Exception):
    """A Secret is missing, or holds what cannot be used."""


def secret_folder(folder: Path | None, name: str) -> Path:
    """Return where a Secret is mounted.

    Raises:
        SecretError: it is no name of a Secret, or nobody said where Secrets are.
    """
    if not _NAME.fullmatch(name):
        raise SecretError(f"{name!r} is not the name of a Secret")
    if folder is None:
        raise SecretError(f"Secret {name!r} is needed; pass --secrets DIR, where the folder DIR/{name} holds its keys")
    return folder / name


def read_key(folder: Path | None, name: str, key: str) -> str:
    """Return the only line of a key.

    Raises:
        SecretError: it is not there, empty, or no line of text.
    """
    path = secret_folder(folder, name) / key
    if not _KEY.fullmatch(key):
        raise SecretError(f"{key!r} is not the key of a Secret")
    text = _text(path, name).strip()
    if not text:
        raise SecretError(f"Secret {name!r} is missing, or has nothing for `{key}` (looked in {path.parent})")
    if not text.isprintable():
        raise SecretError(f"Secret {name!r}, key {key}: holds control characters (in {path.parent})")
    return text


def read_keys(folder: Path | None, name: str) -> dict[str, str]:
    """Return all keys of a Secret, each without the line break at its end.

    Raises:
        SecretError: there is none, or a key is no text.
    """
    place = secret_folder(folder, name)
    try:
        keys = sorted(path.name for path in place.iterdir() if _KEY.fullmatch(path.name))
    except OSError as error:
        raise SecretError(f"Secret {name!r} cannot be read: {error.strerror} (looked in {place})") from error
    if not keys:
        raise SecretError(f"Secret {name!r} has no keys (looked in {place})")
    return {key: _text(place / key, name).replace("\r\n", "\n").rstrip("\n") for key in keys}


def _text(path: Path, name: str) -> str:
    try:
        return path.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise SecretError(f"Secret {name!r}, key {path.name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError:  # not as its cause: it holds the file's bytes
        raise SecretError(f"Secret {name!r}, key {path.name}: is not text in UTF-8") from None
