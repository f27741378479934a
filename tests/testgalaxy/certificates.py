"""A private CA and a server certificate for loopback, made anew for every server."""

import ssl
from dataclasses import dataclass

import trustme

_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificates:
    """What the server shows, and what a client must trust."""

    server: ssl.SSLContext
    ca_pem: bytes

    def client(self) -> ssl.SSLContext:
        """A client's context that trusts this CA and nothing else."""
        return ssl.create_default_context(cadata=self.ca_pem.decode())


def make_certificates(*names: str) -> Certificates:
    """A new CA and a certificate for these names and addresses, or for loopback; others make a client refuse it."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(names or _NAMES)).configure_cert(server)
    return Certificates(server, authority.cert_pem.bytes())
