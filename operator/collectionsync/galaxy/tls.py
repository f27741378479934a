"""TLS towards a source: whom to trust, and read buffers that fit a small process."""

import asyncio.sslproto
import functools
import logging
import ssl
from typing import Literal

log = logging.getLogger(__name__)

READ_BUFFER_BYTES = 32 * 1024


def client_context(*, ca: str | None = None, certificate: str | None = None, key: str | None = None) -> ssl.SSLContext:
    """Return a verifying context. `ca`, a path to PEM, replaces the system's authorities; the pair is the client's own.

    Raises:
        OSError: a file cannot be read.
        ssl.SSLError: a file is not what it should be.
    """
    context = ssl.create_default_context(cafile=ca)
    if certificate is not None:
        # An encrypted key would ask whoever sits at the terminal, or hang where nobody does; so it is an error.
        context.load_cert_chain(certificate, key, password="")
    return context


class Trust:
    """Whom TLS on the way to one source trusts, and the client certificate that its own origin alone is shown.

    True stands for aiohttp's own context, which verifies by the system's authorities: each process has one already, and
    a further one would take 0.7 MB. Made of paths to PEM, as `client_context` is, and with the same errors.
    """

    def __init__(self, *, ca: str | None = None, certificate: str | None = None, key: str | None = None) -> None:
        self._ca = ca
        self.has_certificate = certificate is not None
        self.own: ssl.SSLContext | Literal[True] = True
        if ca is not None or certificate is not None:
            self.own = client_context(ca=ca, certificate=certificate, key=key)

    @functools.cached_property
    def others(self) -> ssl.SSLContext | Literal[True]:
        """What every other origin meets: the same trust without the certificate. Made when it is first needed.

        Raises:
            OSError: the file of the authorities can no longer be read.
        """
        if not self.has_certificate:
            return self.own
        return True if self._ca is None else client_context(ca=self._ca)


def shrink_read_buffers() -> bool:
    """Make asyncio allocate 32 KiB instead of 256 KiB per TLS connection, and say whether it could.

    OpenSSL's memory BIO grows with this buffer, so it costs twice: 0.7 MB a connection with the default. It is a
    private corner of the standard library (the same from Python 3.11 to 3.14), so it is looked at before it is touched.
    """
    protocol = asyncio.sslproto.SSLProtocol
    if not isinstance(getattr(protocol, "max_size", None), int):
        log.warning("asyncio's TLS read buffer cannot be shrunk on this Python: expect 0.7 MB more per connection")
        return False
    protocol.max_size = READ_BUFFER_BYTES
    return True
