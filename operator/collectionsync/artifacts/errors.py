"""What can go wrong with a store or with a tarball, classed by what to do next.

A store's failure ends a run, now or after a few more; a tarball's is its version's alone. No message holds a
credential, a signed URL, or more than a glimpse of what a store or a tarball says: messages end in logs and in the
status of the resource.
"""

_SHOWN_LENGTH = 200


class ArtifactStoreError(Exception):
    """The store did not do as it was asked; later it may."""

    reason = "ArtifactStoreUnavailable"


class ArtifactMissingError(ArtifactStoreError):
    """The store answered, and does not have the artifact."""

    reason = "ArtifactMissing"


class ArtifactStoreAuthenticationError(ArtifactStoreError):
    """The store wants other credentials, or lets these do less than a mirror needs."""

    reason = "AuthenticationFailed"


class ArtifactStoreConfigurationError(ArtifactStoreError):
    """There is no such store, or its URL and settings do not fit: no later run would fare better."""

    reason = "ArtifactStoreMisconfigured"


class ArtifactRangeError(Exception):
    """The artifact is there, and has nothing in the part that was asked for: no failure of the store."""


class TarballError(Exception):
    """An artifact is not the collection that it should be. `reason` is CamelCase and stable; the text is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def shown(said: str) -> str:
    """Return what somebody else said as a message can show it: short and printable."""
    text = said if said.isprintable() else ascii(said)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"
