"""TLS towards a source: whom to trust, and read buffers that fit a small process."""

import asyncio.sslproto
import logging
import ssl

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
