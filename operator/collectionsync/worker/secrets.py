"""Credentials, read from mounted Secrets: DIR/<secret name>/<key>, and never from arguments or the environment.

No message holds a byte of what a file holds: messages end in logs and in the status of the resource.
"""

import re
import ssl
from pathlib import Path

from yarl import URL

from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.tls import client_context
from collectionsync.manifest import ManifestError
from collectionsync.resource import Source

_FIELD = "spec.source"
# A DNS subdomain (RFC 1123), as the API server has it: no separator of folders, nor a name that leads upwards.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)


class SecretError(ManifestError):
    """A Secret that the manifest names is not there, or does not hold what it should."""


def credentials(source: Source, folder: Path | None) -> Credentials:
    """Return who the worker is to the source: nobody where no Secret is named.

    The Secret holds `token`, or `username` and `password`.

    Raises:
        SecretError: the Secret cannot be used; the message names the file.
    """
    url = URL(source.url)
    if source.secret_ref is None:
        return Credentials(url.origin())
    where = f"{_FIELD}.secretRef"
    secret = _folder(where, source.secret_ref.name, folder)
    if _holds(where, secret, "auth_url"):
        raise SecretError(where, f"{secret / 'auth_url'}: refreshed tokens (auth_url) are not supported yet")
    if _holds(where, secret, "token"):
        return Credentials.token(url, _text(where, secret / "token").strip())
    if _holds(where, secret, "username"):
        return Credentials.basic(url, _username(where, secret / "username"), _text(where, secret / "password"))
    raise SecretError(where, f"{secret} holds neither `token` nor `username` and `password`")


def ssl_context(source: Source, folder: Path | None) -> ssl.SSLContext | None:
    """Return how the source is trusted; None for plain HTTP. The Secret holds `ca.crt`, `tls.crt` and `tls.key`.

    Raises:
        SecretError: a file is missing or is not PEM.
    """
    if URL(source.url).scheme != "https":
        return None
    if source.cert_secret_ref is None:
        return client_context()
    where = f"{_FIELD}.certSecretRef"
    secret = _folder(where, source.cert_secret_ref.name, folder)
    paths = {key: str(secret / key) for key in ("ca.crt", "tls.crt", "tls.key") if _holds(where, secret, key)}
    if not paths:
        raise SecretError(where, f"{secret} holds none of `ca.crt`, `tls.crt` and `tls.key`")
    if ("tls.crt" in paths) != ("tls.key" in paths):
        raise SecretError(where, f"{secret}: `tls.crt` and `tls.key` need each other")
    try:
        if "tls.key" in paths and b"ENCRYPTED" in (secret / "tls.key").read_bytes():
            raise SecretError(where, f"{secret / 'tls.key'} is encrypted, and nobody is there to type a pass phrase")
        return client_context(ca=paths.get("ca.crt"), certificate=paths.get("tls.crt"), key=paths.get("tls.key"))
    except OSError as error:  # ssl.SSLError is one
        raise SecretError(where, f"{', '.join(paths.values())}: not a usable PEM file ({_said(error)})") from error


def _folder(where: str, name: str, folder: Path | None) -> Path:
    if not _NAME.fullmatch(name):
        raise SecretError(where, f"{name!r} is not the name of a Secret")
    if folder is None:
        raise SecretError(where, f"Secret {name!r} is needed; pass --secrets DIR, where DIR/{name}/ holds its keys")
    if not _holds(where, folder, name) or not (folder / name).is_dir():
        raise SecretError(where, f"there is no folder {folder / name} for Secret {name!r}")
    return folder / name


def _holds(where: str, folder: Path, key: str) -> bool:
    try:
        return (folder / key).exists()
    except OSError as error:  # the folder may not be looked into
        raise SecretError(where, f"{folder / key} cannot be read ({_said(error)})") from error


def _username(where: str, path: Path) -> str:
    text = _text(where, path)
    if ":" in text:
        raise SecretError(where, f"{path} holds a colon, which no user name can (RFC 7617)")
    return text


def _text(where: str, path: Path) -> str:
    """Return the only line of a file; files that people write end in a line break, which nobody means."""
    try:
        text = path.read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise SecretError(where, f"{path} cannot be read ({_said(error)})") from error
    except UnicodeDecodeError:  # not as its cause: it holds the file's bytes
        raise SecretError(where, f"{path} is not text in UTF-8") from None
    if not text.strip() or not text.isprintable():
        raise SecretError(where, f"{path} is empty or holds control characters")
    return text


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__
