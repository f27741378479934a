"""Images for the node: the project's and PostgreSQL's, on a Debian that is made here; none comes from a registry.

What the builder keeps of earlier builds lies in the cache as well: where only the project's own source has changed, a
build takes seconds.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from testcluster import packages
from testcluster.caching import built, cluster_cache, digest, locked
from testcluster.cluster import IMAGE, POSTGRES_IMAGE
from testcluster.commands import run
from testcluster.filesystems import storage_driver

ROOT = Path(__file__).parents[2]

_POSTGRES = Path(__file__).parent / "postgres"

_CONTENT = ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE", "requirements/operator.txt")
_SUITE = "trixie"
_LEFT_OUT = ["./dev", *(f"./usr/share/{name}" for name in ("doc", "info", "locale", "man"))]
_LEFT_OUT += ["./var/cache/apt", "./var/lib/apt/lists"]
"""What Debian's slim images lack as well, and what each container gets for itself."""
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_ANY_SIGNATURE = '{"default": [{"type": "insecureAcceptAnything"}]}'

BASE_IMAGE = f"localhost/debian:{_SUITE}-slim-{digest(ROOT, [], *_LEFT_OUT)}"
"""The Debian that images are built on; another one whenever what makes it changes."""


def image_archive(root: Path = ROOT) -> Path:
    """The docker-archive of the project's image by the name `IMAGE`; built if anything in it has changed."""
    return built("image", image_digest(root), lambda folder: _build(root, folder / "image.tar")) / "image.tar"


def image_digest(root: Path = ROOT) -> str:
    """A digest of all that goes into the image."""
    files = [root / name for name in _CONTENT if (root / name).is_file()]
    files += [path for path in (root / "operator").rglob("*") if path.is_file() and not _is_ignored(path)]
    return digest(root, files, IMAGE, BASE_IMAGE)


def postgres_archive() -> Path:
    """The docker-archive of PostgreSQL's image by the name `POSTGRES_IMAGE`; built if need be.

    It stands in for docker.io/library/postgres:17: user and group 999, and initdb, postgres and psql on PATH.
    """
    key = digest(_POSTGRES, [_POSTGRES / "Dockerfile"], POSTGRES_IMAGE, BASE_IMAGE)
    return built("postgres-image", key, _build_postgres) / "image.tar"


def build_image(root: Path, dockerfile: Path, name: str, target: Path) -> None:
    """Build what `dockerfile` says in the folder `root`, and write it to `target` as a docker-archive."""
    with builder() as buildah:
        buildah.build(root, dockerfile, name)
        buildah.run("push", name, f"docker-archive:{target}:{name}")


def _build(root: Path, target: Path) -> None:
    print("building the project's image; the first time it takes minutes", file=sys.stderr, flush=True)  # noqa: T201
    build_image(root, root / "Dockerfile", IMAGE, target)


def _build_postgres(folder: Path) -> None:
    print("building PostgreSQL's image", file=sys.stderr, flush=True)  # noqa: T201
    build_image(_POSTGRES, _POSTGRES / "Dockerfile", POSTGRES_IMAGE, folder / "image.tar")


def _is_ignored(path: Path) -> bool:
    return "__pycache__" in path.parts or any(part.endswith(".egg-info") for part in path.parts)


def _authorities() -> Sequence[str]:
    """Let the build trust whom this machine trusts: its package index may be reached through a private authority."""
    named = (os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE"), _AUTHORITIES)
    found = next((path for path in named if path and Path(path).is_file()), None)
    return ["--volume", f"{found}:{_AUTHORITIES}:ro"] if found else []


class Buildah:
    """Buildah with a storage of its own; what it mounts is seen by nobody else, and goes when it does."""

    def __init__(self, storage: Path, scratch: Path) -> None:
        policy = scratch / "policy.json"
        policy.write_text(_ANY_SIGNATURE)
        self._scratch = scratch
        self._command = ["unshare", "--mount", "--propagation", "private", "buildah", "--root", str(storage)]
        self._command += ["--runroot", str(scratch / "run"), "--storage-driver", storage_driver(storage)]
        self._policy = ("--signature-policy", str(policy))

    def run(self, command: str, *arguments: str) -> str:
        """Run one of its commands, and return what it printed."""
        with_policy = self._policy if command in ("build", "commit", "from", "push") else ()
        environment = {"BUILDAH_ISOLATION": "chroot", "PATH": packages.search_path(), "TMPDIR": str(self._scratch)}
        return run([*self._command, command, *with_policy, *arguments], environment=environment).stdout.strip()

    def build(self, root: Path, dockerfile: Path, name: str, *, base: str = BASE_IMAGE) -> None:
        """Build what `dockerfile` says in the folder `root`; a base other than our own is fetched from its registry."""
        if base == BASE_IMAGE:
            self._ensure_base()
        pull = "--pull-never" if base == BASE_IMAGE else "--pull"
        command = ["build", "--layers", pull, "--file", str(dockerfile), "--tag", name]
        self.run(*command, "--build-arg", f"BASE_IMAGE={base}", *_authorities(), str(root))

    def _ensure_base(self) -> None:
        """Make the Debian that images are built on, unless it is there."""
        if self.run("images", "--quiet", "--filter", f"reference={BASE_IMAGE}"):
            return
        tree, layer = self._scratch / "tree", self._scratch / "layer.tar"
        run(["debootstrap", "--variant=minbase", _SUITE, tree], environment={"PATH": packages.search_path()})
        left_out = [f"--exclude={name}/*" for name in _LEFT_OUT]
        run(["tar", "--create", "--file", layer, "--directory", tree, "--numeric-owner", *left_out, "."])
        container = self.run("from", "scratch")
        self.run("add", "--quiet", container, str(layer), "/")
        self.run("config", "--cmd", "bash", container)
        self.run("commit", "--quiet", "--rm", container, BASE_IMAGE)


@contextlib.contextmanager
def builder() -> Iterator[Buildah]:
    """Buildah, installed if need be, with what it has built before; two processes at once take turns."""
    packages.install(packages.BUILD_TOOLS)
    cache = cluster_cache()
    storage = cache / "buildah"
    storage.mkdir(exist_ok=True)
    with locked(cache / ".buildah.lock"), tempfile.TemporaryDirectory(prefix=".buildah-", dir=cache) as scratch:
        yield Buildah(storage, Path(scratch))
