"""What an object store's answer means, whoever asked: told from its status and its code, and never by showing it.

S3's codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; Google's XML API answers alike.
"""

import re
from typing import NamedTuple

from collectionsync.artifacts.errors import (
    ArtifactStoreAuthenticationError,
    ArtifactStoreConfigurationError,
    ArtifactStoreError,
)

SECRET_FIELD = "spec.target.artifacts.secretRef"  # noqa: S105 - a field's path
_CODE = re.compile(r"<Code>([A-Za-z][A-Za-z0-9.]{2,63})</Code>", re.ASCII)
_REGION = re.compile(r"<Region>([a-z0-9-]{2,40})</Region>", re.ASCII)
_CONFIGURATION = {
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "NoSuchBucket",
    "PermanentRedirect",
    "TemporaryRedirect",
}
# The last is versitygw's, with status 404.
_CREDENTIALS = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidSecurity", "XAdminUserNotFound"}
_PASSING = {"BadDigest", "IncompleteBody", "RequestTimeout", "SlowDown", "XAmzContentSHA256Mismatch"}


class Answer(NamedTuple):
    """An answer that is no success. `region` is where the store says that the bucket is."""

    status: int
    code: str = ""
    region: str = ""

    @classmethod
    def read(cls, status: int, body: str, region: str = "") -> "Answer":
        """Return what an answer says; `region` is what its header has."""
        code, said = _CODE.search(body), _REGION.search(body)
        return cls(status, code[1] if code else "", region or (said[1] if said else ""))

    @property
    def missing(self) -> bool:
        """Whether an object that was asked for is not there. If the bucket is not, a code may say so."""
        return self.status == 404 and self.code in ("", "NoSuchKey", "BlobNotFound")

    @property
    def passing(self) -> bool:
        """Whether the same request may fare better a moment later."""
        return (self.status >= 500 and self.status != 501) or self.status in (408, 425, 429) or self.code in _PASSING

    def error(self, url: str) -> ArtifactStoreError:
        """Return what it means for the store at this URL."""
        said = f"the artifact store {url} answered {self.status}" + (f" {self.code}" if self.code else "")
        if self.passing:
            return ArtifactStoreError(said)
        if self.code == "RequestTimeTooSkewed":
            return ArtifactStoreAuthenticationError(f"{said}: its clock and this machine's differ by too much")
        if self.code not in _CONFIGURATION and (self.status in (401, 403) or self.code in _CREDENTIALS):
            return ArtifactStoreAuthenticationError(
                f"{said}; check the Secret named in {SECRET_FIELD}, and that its owner may list the bucket, and"
                " read, write and delete there"
            )
        return ArtifactStoreConfigurationError(f"{said}; {self._advice()}")

    def _advice(self) -> str:
        if self.region:
            return f"the bucket is in the region {self.region}: set aws_region to it in the Secret of {SECRET_FIELD}"
        if self.status == 404:
            return "there is no such bucket: make it, or correct the URL or the endpoint"
        return f"check the URL, and endpoint and region in the Secret of {SECRET_FIELD}"
