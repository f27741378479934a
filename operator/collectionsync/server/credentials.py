"""Who may read: the lines of a Secret, and what an Authorization header presents, compared in constant time.

Pure. What is kept of a credential, presented or expected, is a digest under a key of this process: all are of one
length, and none is a secret in a log, a repr or a dump of memory.
"""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hmac import compare_digest

LONGEST_BYTES = 4096
"""The longest Authorization header that is looked at, and the longest line."""

_KEY = os.urandom(32)
_TOKEN = b"token"
_PAIR = b"pair"
_AUTHORIZATION = re.compile(rb"(token|bearer|basic)[ \t]+(\S(?:.*\S)?)[ \t]*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Readers:
    """Whom one file lets read: everybody, or who presents one of the credentials that these are digests of."""

    everybody: bool = False
    credentials: tuple[bytes, ...] = ()


NOBODY = Readers()


def read_lines(content: bytes) -> tuple[Readers, list[str]]:
    """Return whom the content of a file lets read, and what is wrong with it, told without showing any of it."""
    everybody = False
    credentials: list[bytes] = []
    problems: list[str] = []
    for number, line in _lines(content):
        _, colon, password = line.partition(b":")
        if line == b"*":
            everybody = True
        elif len(line) > LONGEST_BYTES:
            problems.append(f"line {number} is longer than {LONGEST_BYTES} bytes, and passed over")
        elif colon and not password:
            problems.append(f"line {number} has a user and no password, and is passed over")
        else:
            credentials.append(_digest(_PAIR if colon else _TOKEN, line))
    if not everybody and not credentials:
        problems.append("it names nobody: write a token, user:password or * into it, each on a line of its own")
    return Readers(everybody, tuple(credentials)), problems


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith(b"#"):
            yield number, stripped


def presented(authorization: str | None) -> tuple[bytes, ...]:
    """Return the digests of what an Authorization header presents; none where it is no header that counts here.

    A password counts as a token too, whoever its user is: clients that know Basic alone can use one.
    """
    if authorization is None or len(authorization) > LONGEST_BYTES:
        return ()
    try:
        match = _AUTHORIZATION.fullmatch(authorization.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return ()
    if match is None:
        return ()
    if match[1].lower() != b"basic":
        return (_digest(_TOKEN, match[2]),)
    try:
        pair = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        return ()
    _, colon, password = pair.partition(b":")
    return (_digest(_PAIR, pair), _digest(_TOKEN, password)) if colon else ()


def any_matches(credentials: Iterable[bytes], shown: tuple[bytes, ...]) -> bool:
    """Whether one of these credentials was presented; it takes as long whichever it is, and where none is."""
    found = False
    for credential in credentials:
        for digest in shown:
            found |= compare_digest(credential, digest)
    return found


def _digest(kind: bytes, secret: bytes) -> bytes:
    return hashlib.blake2b(secret, key=_KEY, person=kind, digest_size=32).digest()
