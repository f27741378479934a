"""Manifests that only tests of a cluster need, and what they refer to."""

import datetime
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncing import Manifest, manifest

AUTHORITIES = 1900
"""As many as a Secret holds. A process that trusts them all has 10 MB more, whatever it does and however it budgets."""


def over_tls(url: str, *collections: str, ca: str, **spec: Any) -> Manifest:
    """A manifest whose source is trusted by the CA in the Secret `ca`."""
    return manifest(url, *collections, source={"certSecretRef": {"name": ca}}, **spec)


def authorities(count: int) -> Iterator[str]:
    """Certificates of authorities that nothing else is to be known of, as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    for number in range(count):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Authority {number}")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(number + 1)
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        yield certificate.public_bytes(serialization.Encoding.PEM).decode()
