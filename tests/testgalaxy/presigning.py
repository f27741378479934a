"""Addresses that are credentials of their own: signed over every character, so that quoting one anew breaks it."""

import hashlib
import hmac
from urllib.parse import quote, unquote

_SECRET = b"of this test server alone"
_SIGNATURE = "&X-Amz-Signature="


def object_path(sha256: str) -> str:
    """Where object storage has what has this digest, as a Pulp names it."""
    return f"/bucket/artifact/{sha256[:2]}/{sha256[2:]}"


def presigned(origin: str, sha256: str, filename: str, content_type: str) -> str:
    """The address of an object as S3's query authentication has it. Clients may think that some of it needs quoting."""
    query = (
        f"response-content-disposition=attachment%3Bfilename%3D{quote(filename)}"
        f"&response-content-type={quote(content_type, safe='')}"
        "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=TEST%2F20260801%2Feu-central-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20260801T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&x-id=Get%4fbject%7e(1)+~'%3d"
    )
    target = f"{object_path(sha256)}?{query}"
    return f"{origin}{target}{_SIGNATURE}{_digest(target)}"


def is_presigned(target: str) -> bool:
    """Whether a raw path with its query is one that presigned() gave, character by character."""
    signed, _, signature = target.rpartition(_SIGNATURE)
    return hmac.compare_digest(signature.encode(), _digest(signed).encode())


def expiring(path: str) -> str:
    """A path with a query that lets it in until a time, as a Pulp's content guard makes it."""
    target = f"{path}?expires=4102444800"
    return f"{target}&validate_token={_digest(target)[:32]}%3A{_digest(path)[:32]}"


def is_expiring(target: str) -> bool:
    """Whether a raw path with its query says what expiring() gave: unlike S3's, a Pulp's signature is of the values."""
    path, _, _ = target.partition("?")
    return hmac.compare_digest(unquote(target).encode(), unquote(expiring(path)).encode())


def _digest(target: str) -> str:
    return hmac.new(_SECRET, target.encode(), hashlib.sha256).hexdigest()
