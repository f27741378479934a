"""A server as a child process, with a folder that outlives it: it can be killed in the middle, and started again."""

import contextlib
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import trustme

_PATIENCE_SECONDS = 30
_PAUSE_SECONDS = 0.01
_REGION = "us-east-1"


@dataclass(frozen=True)
class Bucket:
    """A bucket, and how to come to it as a store of artifacts. `folder` is where its objects lie as files."""

    url: str
    settings: Mapping[str, str]
    folder: Path

    def objects(self) -> dict[str, bytes]:
        """What is in it, by its key."""
        paths = [path for path in self.folder.rglob("*") if path.is_file() and not self._inner(path)]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}

    def uploads(self) -> list[str]:
        """What multipart uploads have left that were neither completed nor aborted."""
        return [str(path) for path in self.folder.glob(".sgwtmp/multipart/*/*") if path.is_dir()]

    def _inner(self, path: Path) -> bool:
        return ".sgwtmp" in path.parts


class ObjectServer:
    """The server `program` with what it keeps below `folder`, for `with`; its address stays when it starts again."""

    def __init__(self, program: Path, folder: Path, *, tls: bool = False) -> None:
        self._program = program
        self.root = folder / "buckets"
        self.root.mkdir(parents=True)
        self._metadata = folder / "metadata"
        self._metadata.mkdir()
        self.access_key, self.secret_key = f"AK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(24)
        self._folder = folder
        self._port = _free_port()
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}"
        self.authority: str | None = _certify(folder) if tls else None
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command: list[str | Path] = [self._program, "--quiet", "--keep-alive", "--port", f"127.0.0.1:{self._port}"]
        if self.authority is not None:
            command += ["--cert", self._folder / "server.crt", "--key", self._folder / "server.key"]
        # Metadata in files of their own: not every file system of a /tmp has extended attributes.
        command += ["posix", "--sidecar", self._metadata, self.root]
        keys = {"ROOT_ACCESS_KEY_ID": self.access_key, "ROOT_SECRET_ACCESS_KEY": self.secret_key}
        self._process = subprocess.Popen(
            command, env=keys, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._wait(self._process)

    def kill(self) -> None:
        """Kill the server where it stands; harmless twice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def stop_answering(self) -> None:
        """Let the server take connections and say nothing, until it is killed or told to go on."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the server answer again."""
        self._signal(signal.SIGCONT)

    def bucket(self) -> Bucket:
        """A new bucket, and the settings for it."""
        name = f"test-{secrets.token_hex(6)}"
        (self.root / name).mkdir()
        settings = {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_region": _REGION,
            "aws_endpoint": self.endpoint,
        }
        trust = {"aws_allow_http": "true"} if self.authority is None else {"root_certificate": self.authority}
        return Bucket(f"s3://{name}/mirror", {**settings, **trust}, self.root / name)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "it runs"
        self._process.send_signal(number)

    def _wait(self, process: "subprocess.Popen[str]") -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return
            time.sleep(_PAUSE_SECONDS)
        process.kill()
        said = process.communicate()[0]
        raise RuntimeError(f"versitygw did not start (exit status {process.returncode}):\n{said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _certify(folder: Path) -> str:
    """Write a certificate for loopback, and return the authority to trust."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.crt").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    return authority.cert_pem.bytes().decode()
