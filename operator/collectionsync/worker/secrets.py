"""What mounted Secrets hold, DIR/<secret name>/<key>: credentials, certificates, and which database is meant.

They are never read from arguments or the environment, and no message holds a byte of what a file holds: messages end in
logs and in the status of the resource. A Secret that is not there may be mounted all the same, as a folder with nothing
in it, and an empty key says as little as none: both are told of as missing, which they are until somebody fills them.
"""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from collectionsync.galaxy.credentials import Credentials
from collectionsync.galaxy.tls import client_context
from collectionsync.manifest import ManifestError
from collectionsync.resource import DatabaseSecretRef, Source

# A DNS subdomain (RFC 1123), as the API server has it: no separator of folders, nor a name that leads upwards.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_KEY = re.compile(r"[-_A-Za-z0-9][-._A-Za-z0-9]{0,252}", re.ASCII)


class SecretError(ManifestError):
    """A Secret that the manifest names holds what cannot be used. `reason` is CamelCase and stable."""

    reason = "InvalidSpec"


class SecretNotFoundError(SecretError):
    """A Secret that the manifest names is not there, or lacks a key."""

    reason = "SecretNotFound"


def credentials(source: Source, folder: Path | None) -> Credentials:
    """Return who the worker is to the source: nobody where no Secret is named.

    The Secret holds `token`, or `username` and `password`.

    Raises:
        SecretError: the Secret cannot be used; the message names it and what is wrong with it.
    """
    url = URL(source.url)
    if source.secret_ref is None:
        return Credentials(url.origin())
    secret = _Secret.found("spec.source.secretRef", source.secret_ref.name, folder)
    if secret.has("auth_url"):
        raise secret.unusable("auth_url", "refreshed tokens are not supported yet")
    if secret.has("token"):
        return Credentials.token(url, secret.text("token").strip())
    if not secret.has("username"):
        raise secret.lacking("`token`, or `username` and `password`")
    username = secret.text("username")
    if ":" in username:
        raise secret.unusable("username", "holds a colon, which no user name can (RFC 7617)")
    return Credentials.basic(url, username, secret.text("password"))


def ssl_context(source: Source, folder: Path | None) -> ssl.SSLContext | None:
    """Return how the source is trusted; None for plain HTTP. The Secret holds `ca.crt`, `tls.crt` and `tls.key`.

    Raises:
        SecretError: a file is missing or is not PEM.
    """
    if URL(source.url).scheme != "https":
        return None
    if source.cert_secret_ref is None:
        return client_context()
    secret = _Secret.found("spec.source.certSecretRef", source.cert_secret_ref.name, folder)
    keys = [key for key in ("ca.crt", "tls.crt", "tls.key") if secret.has(key)]
    if not keys:
        raise secret.lacking("`ca.crt`, or `tls.crt` and `tls.key`")
    for key, other in (("tls.crt", "tls.key"), ("tls.key", "tls.crt")):
        if key in keys and other not in keys:
            raise secret.lacking(f"`{other}`, which `{key}` needs")
    contents = {key: secret.content(key) for key in keys}
    if b"ENCRYPTED" in contents.get("tls.key", b""):
        raise secret.unusable("tls.key", "is encrypted, and nobody is there to type a pass phrase")
    paths = {key: str(secret.folder / key) for key in keys}
    try:
        return client_context(ca=paths.get("ca.crt"), certificate=paths.get("tls.crt"), key=paths.get("tls.key"))
    except OSError as error:  # ssl.SSLError is one
        raise secret.unusable(", ".join(keys), f"not usable as PEM ({_said(error)})") from error


def database_uri(reference: DatabaseSecretRef, folder: Path | None) -> str:
    """Return the URI of the database that a key of a Secret holds; whether it is one, others judge.

    Raises:
        SecretError: there is none; the message names the Secret and the key.
    """
    secret = _Secret.found("spec.target.databaseSecretRef", reference.name, folder, otherwise=", or --database URI")
    if not _KEY.fullmatch(reference.key):
        raise SecretError(secret.field, f"{reference.key!r} is not the key of a Secret")
    return secret.text(reference.key).strip()


@dataclass(frozen=True, slots=True)
class _Secret:
    """A Secret and the folder that it is mounted at, if it is; `field` of the manifest names it."""

    field: str
    name: str
    folder: Path

    @classmethod
    def found(cls, field: str, name: str, folder: Path | None, *, otherwise: str = "") -> "_Secret":
        if not _NAME.fullmatch(name):
            raise SecretError(field, f"{name!r} is not the name of a Secret")
        if folder is None:
            option = f"--secrets DIR, where the folder DIR/{name} holds its keys"
            raise SecretNotFoundError(field, f"Secret {name!r} is needed; pass {option}{otherwise}")
        return cls(field, name, folder / name)

    def has(self, key: str) -> bool:
        """Whether there is such a key, with something in it or not."""
        try:
            return (self.folder / key).exists()
        except OSError as error:  # the folder may not be looked into
            raise self.unusable(key, f"cannot be read ({_said(error)})") from error

    def content(self, key: str) -> bytes:
        """Return what the key holds, which is more than white space."""
        try:
            content = (self.folder / key).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            content = b""
        except OSError as error:
            raise self.unusable(key, f"cannot be read ({_said(error)})") from error
        if not content.strip():
            raise self.lacking(f"`{key}`")
        return content

    def text(self, key: str) -> str:
        """Return the only line of a key; files that people write end in a line break, which nobody means."""
        try:
            text = self.content(key).decode().rstrip("\r\n")
        except UnicodeDecodeError:  # not as its cause: it holds the file's bytes
            raise self.unusable(key, "is not text in UTF-8") from None
        if not text.isprintable():
            raise self.unusable(key, "holds control characters")
        return text

    def lacking(self, keys: str) -> SecretNotFoundError:
        """Return the error of a Secret that is not there, or has nothing for these keys."""
        problem = f"Secret {self.name!r} is missing, or has nothing for {keys} (looked in {self.folder})"
        return SecretNotFoundError(self.field, problem)

    def unusable(self, key: str, problem: str) -> SecretError:
        """Return the error of a key that holds what cannot be used."""
        return SecretError(self.field, f"Secret {self.name!r}, key {key}: {problem} (in {self.folder})")


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__
