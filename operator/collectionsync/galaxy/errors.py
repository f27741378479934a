"""What can go wrong with a source, classed by what to do next.

An item's failure must not look like the source's, nor a passing one like a lasting one: the caller decides by the class
alone whether to retry, to skip the item, or to end the run.
"""


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


class UntrustedError(GalaxyError):
    """The source's certificate does not verify; asking again in this run would not help."""

    def __init__(self, message: str) -> None:
        super().__init__("CertificateNotTrusted", message)
