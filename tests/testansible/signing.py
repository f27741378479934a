"""A real key of GnuPG's that signs collections as a publisher does, and the keyring to verify them with."""

import contextlib
import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from postgres import short_folder
from testcluster.packages import install

_NEEDED = {"gpg": "gpg", "gpg-agent": "gpg-agent", "gpgconf": "gpgconf"}


@dataclass(frozen=True)
class Key:
    """A key, for as long as the block that made it. `keyring` has its public half."""

    fingerprint: str
    keyring: Path
    gnupg: Path

    def sign(self, tarball: bytes) -> str:
        """A detached signature of the MANIFEST.json in a collection's tarball, armoured."""
        with tarfile.open(fileobj=BytesIO(tarball)) as tar:
            manifest = tar.extractfile("MANIFEST.json")
            assert manifest is not None
            signed = _gpg(self.gnupg, "--armor", "--detach-sign", "--output", "-", "-", stdin=manifest.read())
        return signed.decode()


@contextlib.contextmanager
def made_key() -> Iterator[Key]:
    """Make a key without a passphrase; gpg is installed where it is missing.

    Raises:
        UnavailableError: gpg is missing, and it is not for us to install it.
    """
    install(_NEEDED)
    with short_folder() as gnupg:  # gpg-agent has a socket in it
        gnupg.chmod(0o700)
        try:
            _gpg(gnupg, "--passphrase", "", "--quick-generate-key", "Acme <release@acme.example>", "ed25519", "sign")
            listed = _gpg(gnupg, "--with-colons", "--list-keys").decode()
            keyring = gnupg / "acme.gpg"
            keyring.write_bytes(_gpg(gnupg, "--export"))
            yield Key(
                next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")), keyring, gnupg
            )
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], env=_environment(gnupg), check=True)


def _gpg(gnupg: Path, *arguments: str | Path, stdin: bytes = b"") -> bytes:
    command = ["gpg", "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", *arguments]
    return subprocess.run(
        command, input=stdin, stdout=subprocess.PIPE, env=_environment(gnupg), check=True, timeout=60
    ).stdout


def _environment(gnupg: Path) -> dict[str, str]:
    return {**os.environ, "GNUPGHOME": str(gnupg)}
