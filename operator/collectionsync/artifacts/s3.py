"""S3 with keys from a Secret, over the standard library's HTTP and TLS.

obstore would do it too, for 16 MiB instead of one: what it sends must be in memory, 5 MiB of it at the least where
there is more. Here an object is one PUT that is read from the disk as it is sent. Its name is its SHA-256, which S3
takes as the body's part of the signature: the store itself refuses a body that is not what its name says, or that
breaks off. So there is no half object, and no multipart upload to clean up after.
"""

import contextlib
import hashlib
import random
import re
import ssl
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

from collectionsync.artifacts.answers import Answer
from collectionsync.artifacts.errors import (
    ArtifactMissingError,
    ArtifactRangeError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)
from collectionsync.artifacts.location import Location
from collectionsync.artifacts.probe import PROBE, PROBE_CONTENT
from collectionsync.artifacts.reading import WHOLE, Span
from collectionsync.artifacts.s3_reading import Answered, S3Reading
from collectionsync.artifacts.settings import Settings
from collectionsync.artifacts.sigv4 import EMPTY_SHA256, UNSIGNED, Keys, encoded, presigned, signed
from collectionsync.artifacts.threads import Content, Stop

WORKERS = 6
LARGEST_BYTES = 5 * 1024**3
"""What S3 takes in one PUT."""
ATTEMPTS = 6
CONNECT_SECONDS = 10.0
STALL_SECONDS = 60.0
"""How long a store may take to go on in the middle of a request."""

_BASE_SECONDS = 0.2
_CAP_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 30.0
_ERROR_BYTES = 64 * 1024
_KEY = re.compile(r"[!-~]+", re.ASCII)
_NEEDED = {"access_key_id", "secret_access_key"}
_KNOWN = _NEEDED | {
    "allow_http",
    "default_region",
    "endpoint",
    "region",
    "root_certificate",
    "session_token",
    "unsigned_payload",
    "virtual_hosted_style_request",
}


class _Body(NamedTuple):
    content: Content
    size: int
    sha256: str


class _Request(NamedTuple):
    method: str
    key: str
    body: _Body | None = None
    part: str | None = None  # as the header Range says it


class _Unfinished(Exception):  # noqa: N818 - it is no error yet
    """An attempt that brought no answer, or one that may pass."""

    def __init__(self, said: str, *, at_once: bool = False, after: float = 0.0) -> None:
        super().__init__(said)
        self.at_once = at_once
        self.after = after


def knows(settings: Settings) -> bool:
    """Whether these settings are all among those that this module knows, keys being there; obstore knows more."""
    names = {*settings.options, *settings.client}
    return names >= _NEEDED and names <= _KNOWN


class S3:
    """A BlockingStore in a bucket."""

    def __init__(self, location: Location, settings: Settings, url: str) -> None:
        """Read settings that `knows` is true of.

        Raises:
            ArtifactStoreConfigurationError: they cannot be used.
        """
        options = settings.options
        self._url = url
        self._keys = _keys(options)
        self._region = options.get("region", options.get("default_region", "us-east-1")).strip()
        self._unsigned = settings.on("unsigned_payload")
        hosted = settings.on("virtual_hosted_style_request")
        endpoint = settings.endpoint
        if endpoint is None:
            host = f"s3.{self._region}.amazonaws.com"
            endpoint = f"https://{location.bucket}.{host}" if hosted else f"https://{host}"
        split = urlsplit(endpoint)
        self._secure = split.scheme == "https"
        self._host, self._port = split.hostname or "", split.port
        self._netloc = split.netloc
        # With the bucket in the host's name an endpoint has it already, as obstore's setting has it.
        self._folders = [split.path.strip("/"), "" if hosted else location.bucket, location.prefix]
        self._context = _context(settings) if self._secure else None
        self._idle: deque[HTTPConnection] = deque()

    def put(self, stop: Stop, key: str, sha256: str, content: Content, size: int) -> None:
        """Send an object."""
        if size > LARGEST_BYTES:
            raise ArtifactStoreError(f"an artifact of {size} bytes is too large for S3, which takes {LARGEST_BYTES}")
        self._asked(stop, _Request("PUT", key, _Body(content, size, sha256)))

    def get(self, stop: Stop, key: str) -> Iterator[bytes]:
        """Yield the pieces of an object. What breaks off after the first is not asked for again."""
        with contextlib.closing(self._begun(stop, key, WHOLE)) as reading:
            while piece := reading.read(stop):
                yield piece

    def read(self, stop: Stop, key: str, span: Span) -> S3Reading:
        """Ask for a part of an object, and read what the answer says of it."""
        reading = self._begun(stop, key, span)
        try:
            reading.measure()
        except BaseException:
            reading.close()
            raise
        return reading

    def presigned(self, key: str, filename: str, seconds: int) -> str:
        """Return a URL that anybody can read an object by for a while."""
        path = self._path(key)
        query = {
            "response-content-disposition": f'attachment; filename="{filename}"',
            "response-content-type": "application/gzip",
        }
        signed_query = presigned(
            path,
            query,
            host=self._netloc,
            seconds=seconds,
            keys=self._keys,
            region=self._region,
            now=datetime.now(UTC),
        )
        return f"{'https' if self._secure else 'http'}://{self._netloc}{path}?{signed_query}"

    def size(self, stop: Stop, key: str) -> int | None:
        """Return the size of an object; None where there is none."""
        try:
            return self._asked(stop, _Request("HEAD", key))
        except ArtifactMissingError:
            return None

    def delete(self, stop: Stop, key: str) -> None:
        """Remove an object; harmless where there is none."""
        with contextlib.suppress(ArtifactMissingError):
            self._asked(stop, _Request("DELETE", key))

    def check(self, stop: Stop) -> None:
        """Write a small object, and look for one that is not there; a refusal of the first says why."""
        digest = hashlib.sha256(PROBE_CONTENT).hexdigest()
        self._asked(stop, _Request("PUT", PROBE, _Body(lambda: iter((PROBE_CONTENT,)), len(PROBE_CONTENT), digest)))
        self.size(stop, f"{PROBE}-missing")

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    def _begun(self, stop: Stop, key: str, span: Span) -> S3Reading:
        answered = self._answered(stop, _Request("GET", key, part=span.header()))
        return S3Reading(answered, f"{key} in the artifact store {self._url}", said=self._said, keep=self._keep)

    def _asked(self, stop: Stop, request: _Request) -> int:
        """Ask for something whose answer is not read, keep the connection, and return the length that it announces."""
        connection, _, response = self._answered(stop, request)
        length = int(_number(response.headers.get("content-length"), most=sys.maxsize))
        with contextlib.suppress(OSError, HTTPException):
            response.read(_ERROR_BYTES)
        self._keep(connection, response)
        return length

    def _answered(self, stop: Stop, request: _Request) -> Answered:
        """Ask until there is an answer that counts, and return it if it is a success."""
        fresh = False
        for attempt in range(1, ATTEMPTS + 1):
            stop.check()
            try:
                return self._attempt(stop, request, fresh=fresh)
            except _Unfinished as error:
                if attempt == ATTEMPTS:
                    raise ArtifactStoreError(f"{error}, in {ATTEMPTS} attempts") from error.__cause__
                fresh = True
                if not error.at_once:
                    ceiling = min(_CAP_SECONDS, _BASE_SECONDS * 2**attempt)
                    stop.pause(error.after + random.uniform(ceiling / 2, ceiling))
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, stop: Stop, request: _Request, *, fresh: bool) -> Answered:
        connection, reused = self._connection(fresh=fresh)
        used = connection.sock
        try:
            with stop.over(used):
                response = self._exchanged(stop, connection, request)
                if 200 <= response.status < 300:
                    return Answered(connection, used, response)
                answer = _answer(response)
                after = _number(response.headers.get("retry-after"), most=_LONGEST_WAIT_SECONDS)
        except (OSError, HTTPException) as error:
            connection.close()
            stop.check()
            raise _Unfinished(self._said(error), at_once=reused) from error
        except BaseException:
            connection.close()
            raise
        # Every artifact is asked for before it is sent, so most of these are of what is not there yet.
        if request.body is None:
            self._keep(connection, response)
        else:
            connection.close()
        if answer.passing:
            raise _Unfinished(str(answer.error(self._url)), after=after)
        if answer.missing and request.body is None:
            raise ArtifactMissingError(f"the artifact store {self._url} does not have {request.key}")
        if answer.status == 416:
            raise ArtifactRangeError(f"the artifact store {self._url} has nothing in that part of {request.key}")
        raise answer.error(self._url)

    def _path(self, key: str) -> str:
        return encoded("/" + "/".join(filter(None, (*self._folders, key))))

    def _exchanged(self, stop: Stop, connection: HTTPConnection, request: _Request) -> HTTPResponse:
        path, body = self._path(request.key), request.body
        digest = EMPTY_SHA256 if body is None else UNSIGNED if self._unsigned else body.sha256
        headers = signed(
            request.method,
            path,
            {"host": self._netloc} | ({} if request.part is None else {"range": request.part}),
            sha256=digest,
            keys=self._keys,
            region=self._region,
            now=datetime.now(UTC),
        )
        connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("content-type", "application/gzip")
            connection.putheader("content-length", str(body.size))
        connection.endheaders()
        if body is not None:
            try:
                _send(stop, connection, body)
            except (BrokenPipeError, ConnectionResetError):
                # Whoever hangs up in the middle may have said why.
                with contextlib.suppress(OSError, HTTPException):
                    return connection.getresponse()
                raise
        return connection.getresponse()

    def _connection(self, *, fresh: bool) -> tuple[HTTPConnection, bool]:
        """Return a connection, and whether it was used before; then the other end may have closed it meanwhile."""
        if not fresh:
            with contextlib.suppress(IndexError):
                return self._idle.pop(), True
        if self._context is not None:
            connection: HTTPConnection = HTTPSConnection(
                self._host, self._port, timeout=CONNECT_SECONDS, context=self._context
            )
        else:
            connection = HTTPConnection(self._host, self._port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            connection.close()
            raise ArtifactStoreConfigurationError(
                f"the artifact store {self._url} shows a certificate that does not verify ({error.verify_message});"
                " root_certificate in its Secret names another authority to trust"
            ) from error
        except OSError as error:
            connection.close()
            raise _Unfinished(self._said(error)) from error
        connection.sock.settimeout(STALL_SECONDS)
        return connection, False

    def _keep(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        """Keep a connection for later, if its last answer was read whole and the other end keeps it as well."""
        if response.isclosed() and connection.sock is not None:
            self._idle.append(connection)
        else:
            connection.close()

    def _said(self, error: OSError | HTTPException) -> str:
        if isinstance(error, TimeoutError):
            problem = "does not answer in time"
        elif isinstance(error, OSError):
            problem = f"cannot be reached ({error.strerror or type(error).__name__})"
        else:
            problem = f"does not answer as a store would ({type(error).__name__})"
        return f"the artifact store {self._url} {problem}"


def _keys(options: Mapping[str, str]) -> Keys:
    given = {
        name: options[name].strip()
        for name in ("access_key_id", "secret_access_key", "session_token")
        if name in options
    }
    for name, value in given.items():
        if not _KEY.fullmatch(value):
            raise ArtifactStoreConfigurationError(
                f"the artifact store's setting aws_{name} is empty, or holds what no key does; it is one line"
            )
    return Keys(given["access_key_id"], given["secret_access_key"], given.get("session_token"))


def _context(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority := settings.client.get("root_certificate"):
        try:
            context.load_verify_locations(cadata=authority)
        except (ssl.SSLError, ValueError) as error:
            raise ArtifactStoreConfigurationError(
                "the artifact store's setting root_certificate is no certificate in PEM"
            ) from error
    return context


def _send(stop: Stop, connection: HTTPConnection, body: _Body) -> None:
    sent = 0
    for piece in body.content():
        stop.check()
        sent += len(piece)
        if sent > body.size:
            break
        connection.send(piece)
    if sent != body.size:
        raise ArtifactStoreError(f"an artifact of {body.size} bytes had {sent} or more when it was to be stored")


def _answer(response: HTTPResponse) -> Answer:
    body = response.read(_ERROR_BYTES).decode("utf-8", "replace")
    return Answer.read(response.status, body, response.headers.get("x-amz-bucket-region", ""))


def _number(text: str | None, *, most: float) -> float:
    """Return a header's number, up to a bound; 0 where it is none, as of a Retry-After that is a date."""
    return min(most, float(text)) if text and text.isascii() and text.isdigit() else 0.0
