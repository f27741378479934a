"""Credentials, read from mounted Secrets: DIR/<secret name>/<key>, and never from arguments or the environment."""

from pathlib import Path

from yarl import URL

from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.tls import client_context
from collectionsync.manifest import ManifestError
from collectionsync.resource import Source

_FIELD = "spec.source"


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
    if (secret / "auth_url").exists():
        raise SecretError(where, f"{secret / 'auth_url'}: refreshed tokens (auth_url) are not supported yet")
    if (secret / "token").exists():
        return Credentials.token(url, _text(where, secret / "token"))
    if (secret / "username").exists():
        return Credentials.basic(url, _text(where, secret / "username"), _text(where, secret / "password"))
    raise SecretError(where, f"{secret} holds neither `token` nor `username` and `password`")


def ssl_context(source: Source, folder: Path | None) -> "ssl.SSLContext | None":
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
    paths = {key: secret / key for key in ("ca.crt", "tls.crt", "tls.key") if (secret / key).exists()}
    if not paths:
        raise SecretError(where, f"{secret} holds none of `ca.crt`, `tls.crt` and `tls.key`")
    if ("tls.crt" in paths) != ("tls.key" in paths):
        raise SecretError(where, f"{secret}: `tls.crt` and `tls.key` need each other")
    try:
        return client_context(ca=paths.get("ca.crt"), certificate=paths.get("tls.crt"), key=paths.get("tls.key"))
    except OSError as error:  # ssl.SSLError is one
        raise SecretError(where, f"{', '.join(map(str, paths.values()))}: not a usable PEM file ({error})") from error


def _folder(where: str, name: str, folder: Path | None) -> Path:
    if folder is None:
        raise SecretError(where, f"Secret {name!r} is needed; pass --secrets DIR, where DIR/{name}/ holds its keys")
    if not (folder / name).is_dir():
        raise SecretError(where, f"there is no folder {folder / name} for Secret {name!r}")
    return folder / name


def _text(where: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(where, f"{path} cannot be read ({error})") from error
    if not text or not text.isprintable():
        raise SecretError(where, f"{path} is empty or holds control characters")
    return text
