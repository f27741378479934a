"""AWS Signature Version 4 for S3: pure, so that AWS's own examples can prove it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(NamedTuple):
    """Who signs; `token` comes with keys that are valid for a while only."""

    access_key_id: str
    secret_access_key: str
    token: str | None = None

    def __repr__(self) -> str:
        """Return what may be read by others."""
        return "Keys(…)"


def encoded(path: str) -> str:
    """Return a path as S3 wants it in a request and in a signature: encoded once, its slashes as they are."""
    return quote(path, safe="/-_.~")


def signed(
    method: str, path: str, headers: Mapping[str, str], *, sha256: str, keys: Keys, region: str, now: datetime
) -> dict[str, str]:
    """Return headers that sign a request without a query. `path` is encoded(), `headers` must hold `host`.

    `sha256` is the digest of the body as hexadecimal digits, which the server then checks, or UNSIGNED. Every header
    that is given is signed, and returned as well, under a name in small letters.
    """
    time = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    every = {name.lower(): value.strip() for name, value in headers.items()}
    every |= {"x-amz-content-sha256": sha256, "x-amz-date": time}
    if keys.token is not None:
        every["x-amz-security-token"] = keys.token
    names = sorted(every)
    listed = ";".join(names)
    request = "\n".join([method, path, "", *(f"{name}:{every[name]}" for name in names), "", listed, sha256])
    scope = _scope(time, region)
    credential = f"{keys.access_key_id}/{'/'.join(scope)}"
    signature = _signature(request, time, scope, keys)
    return {
        **every,
        "authorization": f"{_ALGORITHM} Credential={credential}, SignedHeaders={listed}, Signature={signature}",
    }


def presigned(
    path: str, query: Mapping[str, str], *, host: str, seconds: int, keys: Keys, region: str, now: datetime
) -> str:
    """Return the query of a URL that lets whoever has it GET `path` from `host`, for so many seconds.

    `path` is encoded(); `query` is what else S3 is asked for, and signed too. A week is the longest that S3 takes.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    time = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = _scope(time, region)
    every = {
        **query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key_id}/{'/'.join(scope)}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.token is not None:
        every["X-Amz-Security-Token"] = keys.token
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in every.items())
    listed = "&".join(f"{name}={value}" for name, value in pairs)
    request = "\n".join(["GET", path, listed, f"host:{host}", "", "host", UNSIGNED])
    return f"{listed}&X-Amz-Signature={_signature(request, time, scope, keys)}"


def _scope(time: str, region: str) -> tuple[str, ...]:
    return (time[:8], region, "s3", "aws4_request")


def _signature(request: str, time: str, scope: tuple[str, ...], keys: Keys) -> str:
    text = "\n".join([_ALGORITHM, time, "/".join(scope), hashlib.sha256(request.encode()).hexdigest()])
    key = b"AWS4" + keys.secret_access_key.encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
