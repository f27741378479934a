"""What can go wrong with a source, classed by what to do next.

An item's failure must not look like the source's, nor a passing one like a lasting one: the caller decides by the class
alone whether to retry, to skip the item, or to end the run.
"""

from yarl import URL

# Messages end in the status of a resource and in a report of 4 KiB.
_SHOWN_LENGTH = 200


class GalaxyError(Exception):
    """A request that did not bring what was asked for. `reason` is CamelCase and stable; the text is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class AuthenticationError(GalaxyError):
    """The source wants other credentials: nothing that this run asks for will be answered."""

    def __init__(self, message: str) -> None:
        super().__init__("AuthenticationFailed", message)


class NotFoundError(GalaxyError):
    """The source answered, and does not have it."""

    def __init__(self, message: str) -> None:
        super().__init__("NotFound", message)


class ContentError(GalaxyError):
    """The source's answer is unusable, and asking again would bring the same."""


class TransientError(GalaxyError):
    """The source did not answer as it should; later it may. `retry_after` is its own wish, in seconds."""

    def __init__(self, message: str, *, reason: str = "SourceUnavailable", retry_after: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after = retry_after


class RateLimitedError(TransientError):
    """The source asks for fewer requests (429): every connection has to slow down, not only this one."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, reason="RateLimited", retry_after=retry_after)


class TokenUnavailableError(TransientError):
    """The token endpoint did not answer as it should, however often it was asked: there is no use in a retry now."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="TokenUnavailable")


class UntrustedError(GalaxyError):
    """The source's certificate does not verify; asking again in this run would not help."""

    def __init__(self, message: str) -> None:
        super().__init__("CertificateNotTrusted", message)


def shown(said: URL | str) -> str:
    """Return what a source said as a message can show it: short, printable, and a URL without its query.

    Queries of redirect targets are credentials of their own (presigned URLs), and messages are read by many.
    """
    if isinstance(said, URL):
        text = str(said.with_query(None).with_fragment(None).with_user(None))
    else:
        text = said if said.isprintable() else repr(said)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"


def refused(
    status: int, url: URL, *, retry_after: float | None = None, field: str = "spec.source", via: str = ""
) -> GalaxyError:
    """Return what a status means that brings no body.

    `field` is the source in the manifest, and `via` the end of a sentence that says by which way it was asked.
    """
    said = f"{shown(url)} answered {status}{via}"
    if status == 401:
        return AuthenticationError(f"{said}; check the Secret named in {field}.secretRef")
    if status in (404, 410):
        return NotFoundError(said)
    if status == 429:
        return RateLimitedError(said, retry_after=retry_after)
    if status == 403:
        # cloud.redhat.com hides its rate limit behind 403 (ansible-core's api.py), so it is worth another try.
        return TransientError(said, reason="Forbidden", retry_after=retry_after)
    if status >= 500 or status in (408, 425):
        return TransientError(said, retry_after=retry_after)
    return ContentError("UnexpectedStatus", said)
