"""What mounted Secrets hold, DIR/<secret name>/<key>: credentials, certificates, proxies, databases and stores.

They are never read from arguments or the environment, and no message holds a byte of what a file holds: messages end in
logs and in the status of the resource. A Secret that is not there may be mounted all the same, as a folder with nothing
in it, and an empty key says as little as none: both are told of as missing, which they are until somebody fills them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from collectionsync.galaxy.credentials import CLIENT_ID, Credentials
from collectionsync.galaxy.headers import read_lines
from collectionsync.galaxy.proxy import Proxy
from collectionsync.galaxy.tls import Trust
from collectionsync.manifest import ManifestError
from collectionsync.resource import DatabaseSecretRef
from collectionsync.source import SecretRef, Source

# A DNS subdomain (RFC 1123), as the API server has it: no separator of folders, nor a name that leads upwards.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_KEY = re.compile(r"[-_A-Za-z0-9][-._A-Za-z0-9]{0,252}", re.ASCII)


class SecretError(ManifestError):
    """A Secret that the manifest names holds what cannot be used. `reason` is CamelCase and stable."""

    reason = "InvalidSpec"


class SecretNotFoundError(SecretError):
    """A Secret that the manifest names is not there, or lacks a key."""

    reason = "SecretNotFound"


def credentials(source: Source, folder: Path | None, field: str = "spec.source") -> Credentials:
    """Return who the worker is to the source: nobody where no Secret is named.

    The Secret holds `token`, which with `auth_url` is a refresh token (and `client_id` who asks), or `username` and
    `password`, or nothing but `headers`. `field` is the source in the manifest.

    Raises:
        SecretError: the Secret cannot be used; the message names it and what is wrong with it.
    """
    url = URL(source.url)
    if source.secret_ref is None:
        return Credentials(url.origin())
    secret = _Secret.found(f"{field}.secretRef", source.secret_ref.name, folder)
    if secret.has("auth_url"):
        return _refreshed(source, secret)
    if secret.has("token"):
        return Credentials.token(url, secret.text("token").strip())
    if not secret.has("username"):
        if secret.has("headers") and not secret.has("password"):
            return Credentials(url.origin())
        raise secret.lacking("`token`, or `username` and `password`, or `headers`")
    return Credentials.basic(url, secret.username(), secret.text("password"))


def _refreshed(source: Source, secret: "_Secret") -> Credentials:
    if not secret.has("token"):
        raise secret.lacking("`token`, the refresh token that `auth_url` takes")
    address = secret.text("auth_url").strip()
    try:
        auth_url = URL(address)
        usable = bool(auth_url.host and auth_url.port) and auth_url.user is None and auth_url.password is None
    except ValueError:
        usable = False
    if not usable or auth_url.scheme not in ("https", "http"):
        raise secret.unusable("auth_url", "is not the URL of a token endpoint, such as https://sso.example.org/…/token")
    if auth_url.scheme == "http" and not source.insecure:
        raise secret.unusable("auth_url", "is not https, and the refresh token would be for all to read on the way")
    client_id = secret.text("client_id").strip() if secret.has("client_id") else CLIENT_ID
    return Credentials.refreshed(URL(source.url), auth_url, secret.text("token").strip(), client_id)


def headers(source: Source, folder: Path | None, field: str = "spec.source") -> dict[str, str]:
    """Return the further headers of each request to the source: those of the manifest, and the Secret's `headers`.

    The key holds one `Name: value` a line. Those of the manifest were judged with it.

    Raises:
        SecretError: one of the Secret is no header that a request can carry, is there twice, or is an Authorization
            beside other credentials; the message says which and where, and holds no value.
    """
    found = {header.name: header.value for header in source.headers}
    if source.secret_ref is None:
        return found
    secret = _Secret.found(f"{field}.secretRef", source.secret_ref.name, folder)
    if secret.has("headers"):
        for name, value in _secret_headers(secret):
            if name.lower() in map(str.lower, found):
                raise secret.unusable("headers", f"{name} is in {field}.headers as well")
            found[name] = value
    return found


def _secret_headers(secret: "_Secret") -> list[tuple[str, str]]:
    text = secret.lines("headers")
    try:
        lines = read_lines(text)
    except ValueError as error:
        raise secret.unusable("headers", str(error)) from None
    others = [key for key in ("token", "auth_url", "username") if secret.has(key)]
    if others and any(name.lower() == "authorization" for name, _ in lines):
        raise secret.unusable("headers", f"Authorization and the key {others[0]} exclude each other")
    return lines


def ssl_context(source: Source, folder: Path | None, field: str = "spec.source") -> Trust:
    """Return how TLS on the way to the source trusts, and what it shows to the source alone.

    The Secret holds `ca.crt`, `tls.crt` and `tls.key`. It is of use with plain HTTP as well, where a redirect, a proxy
    or a token endpoint is https.

    Raises:
        SecretError: a file is missing or is not PEM.
    """
    if source.cert_secret_ref is None:
        return Trust()
    secret = _Secret.found(f"{field}.certSecretRef", source.cert_secret_ref.name, folder)
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
        return Trust(ca=paths.get("ca.crt"), certificate=paths.get("tls.crt"), key=paths.get("tls.key"))
    except OSError as error:  # ssl.SSLError is one
        raise secret.unusable(", ".join(keys), f"not usable as PEM ({_said(error)})") from error


def proxy(source: Source, folder: Path | None, field: str = "spec.source") -> Proxy | None:
    """Return the proxy on the way to the source; None where none is named.

    The Secret holds `address`, and `username` and `password` where the proxy wants them.

    Raises:
        SecretError: it cannot be used; the message holds nothing of the address.
    """
    if source.proxy_secret_ref is None:
        return None
    secret = _Secret.found(f"{field}.proxySecretRef", source.proxy_secret_ref.name, folder)
    address = secret.text("address").strip()
    username = password = None
    if secret.has("username") or secret.has("password"):
        username, password = secret.username(), secret.text("password")
    try:
        found = Proxy.at(address, username, password or "")
    except ValueError as error:
        raise secret.unusable("address", str(error)) from None
    if found.url.scheme == "https" and source.cert_secret_ref is not None:
        certificates = _Secret.found(f"{field}.certSecretRef", source.cert_secret_ref.name, folder)
        if certificates.has("tls.crt"):
            problem = f"is https, and such a proxy would be shown the client certificate of {field}.certSecretRef"
            raise secret.unusable("address", f"{problem}; use the proxy over http, or no client certificate")
    return found


def store_settings(
    reference: SecretRef | None, folder: Path | None, field: str = "spec.target.artifacts.secretRef"
) -> dict[str, str]:
    """Return the settings of the artifact store that a Secret holds, by its keys; none where no Secret is named.

    Values may have several lines, as a service account's JSON has; the line break at their end is left out.

    Raises:
        SecretError: it cannot be used, or one of its keys has nothing in it.
    """
    if reference is None:
        return {}
    secret = _Secret.found(field, reference.name, folder)
    keys = secret.keys()
    if not keys:
        raise secret.lacking("a setting of the store, such as `aws_access_key_id`")
    return {key: secret.lines(key) for key in keys}


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

    def keys(self) -> list[str]:
        """Return the keys that there are; the folders and links by which the kubelet swaps contents are none."""
        try:
            return sorted(path.name for path in self.folder.iterdir() if _KEY.fullmatch(path.name))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise SecretError(
                self.field, f"Secret {self.name!r} cannot be read ({_said(error)}, in {self.folder})"
            ) from error

    def text(self, key: str) -> str:
        """Return the only line of a key; files that people write end in a line break, which nobody means."""
        text = self._decoded(key).rstrip("\r\n")
        if not text.isprintable():
            raise self.unusable(key, "holds control characters")
        return text

    def lines(self, key: str) -> str:
        """Return the lines of a key, each ended by a line feed but the last."""
        text = self._decoded(key).replace("\r\n", "\n").rstrip("\n")
        if not text.replace("\n", "").replace("\t", "").isprintable():
            raise self.unusable(key, "holds control characters")
        return text

    def username(self) -> str:
        """Return the name of a user, as Basic credentials can have it."""
        username = self.text("username")
        if ":" in username:
            raise self.unusable("username", "holds a colon, which no user name can (RFC 7617)")
        return username

    def _decoded(self, key: str) -> str:
        try:
            return self.content(key).decode()
        except UnicodeDecodeError:  # not as its cause: it holds the file's bytes
            raise self.unusable(key, "is not text in UTF-8") from None

    def lacking(self, keys: str) -> SecretNotFoundError:
        """Return the error of a Secret that is not there, or has nothing for these keys."""
        problem = f"Secret {self.name!r} is missing, or has nothing for {keys} (looked in {self.folder})"
        return SecretNotFoundError(self.field, problem)

    def unusable(self, key: str, problem: str) -> SecretError:
        """Return the error of a key that holds what cannot be used."""
        return SecretError(self.field, f"Secret {self.name!r}, key {key}: {problem} (in {self.folder})")


def _said(error: OSError) -> str:
    return error.strerror or type(error).__name__
