"""What the real ansible-galaxy builds passes, and what it does with odd artifacts is known from itself."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from artifacts.archives import check, refusal
from collectionsync.artifacts.unpacking import Bounds
from testgalaxy import corpus

pytestmark = pytest.mark.slow

Galaxy = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def ansible_galaxy(tmp_path_factory: pytest.TempPathFactory) -> Galaxy:
    """Runs ansible-galaxy's command for collections, with everything that it keeps in a folder of its own."""
    home = tmp_path_factory.mktemp("ansible")
    command = Path(sys.executable).parent / "ansible-galaxy"
    environment = {**os.environ, "ANSIBLE_HOME": str(home), "ANSIBLE_LOCAL_TEMP": str(home / "tmp")}

    def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [command, "collection", *words], env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def artifact(ansible_galaxy: Galaxy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection with links, an empty file, an executable, and names that need extended headers."""
    folder = tmp_path_factory.mktemp("collection")
    source = folder / "tools"
    deep = source / "docs" / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    (deep / "long.md").write_text("long\n")
    (source / "docs" / "ünïcode.md").write_text("ünïcode\n")
    (source / "galaxy.yml").write_text(
        "namespace: acme\nname: tools\nversion: 1.0.0\nreadme: README.md\nauthors: [A]\n"
    )
    (source / "README.md").write_text("# Tools\n")
    modules = source / "plugins" / "modules"
    modules.mkdir(parents=True)
    (modules / "hello.py").write_text("#!/usr/bin/python\n")
    (modules / "hello.py").chmod(0o755)
    (modules / "hi.py").symlink_to("hello.py")
    (source / "modules").symlink_to("plugins/modules")
    (source / "docs" / "outside.md").symlink_to(folder / "outside.md")
    (folder / "outside.md").write_text("from outside\n")
    (source / "meta").mkdir()
    (source / "meta" / "runtime.yml").touch()
    (source / "meta" / "deep.md").symlink_to(deep / "long.md")
    built = ansible_galaxy("build", source, "--output-path", folder)
    assert built.returncode == 0, built.stderr
    return folder / "acme-tools-1.0.0.tar.gz"


def installed(ansible_galaxy: Galaxy, artifact: bytes, folder: Path) -> "subprocess.CompletedProcess[str]":
    path = folder / "acme-tools-1.0.0.tar.gz"
    path.write_bytes(artifact)
    return ansible_galaxy("install", path, "--collections-path", folder / "installed", "--offline")


def renamed(artifact: bytes, name: Callable[[str], str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(artifact)) as before, tarfile.open(fileobj=buffer, mode="w:gz") as after:
        for info in before:
            data = before.extractfile(info) if info.isreg() else None
            info.name, info.pax_headers = name(info.name), {}
            after.addfile(info, data)
    return buffer.getvalue()


def test_what_ansible_galaxy_builds_passes_in_every_way(artifact: Path) -> None:
    check(artifact.read_bytes())


def test_it_holds_what_the_test_is_about(artifact: Path) -> None:
    with tarfile.open(artifact) as tar:
        members = {info.name: info for info in tar}
    assert members["plugins/modules/hi.py"].issym()
    assert members["modules"].issym()
    assert members["docs/outside.md"].isreg()
    assert "linkpath" in members["meta/deep.md"].pax_headers
    assert any("path" in info.pax_headers for info in members.values())


def test_members_below_a_dot_are_refused_as_ansible_galaxy_refuses_them(
    ansible_galaxy: Galaxy, artifact: Path, tmp_path: Path
) -> None:
    dotted = renamed(artifact.read_bytes(), lambda name: f"./{name}")
    assert refusal(dotted).reason == "DotSlashNames"
    answer = installed(ansible_galaxy, dotted, tmp_path)
    assert answer.returncode != 0
    assert "does not contain the required file MANIFEST.json" in answer.stderr


def test_a_member_that_is_missing_is_refused_as_ansible_galaxy_refuses_it(
    ansible_galaxy: Galaxy, artifact: Path, tmp_path: Path
) -> None:
    without = renamed(artifact.read_bytes(), lambda name: "docs/other.md" if name == "docs/outside.md" else name)
    assert refusal(without).reason == "UnlistedMember"
    answer = installed(ansible_galaxy, without, tmp_path)
    assert answer.returncode != 0
    assert "does not contain the expected file 'docs/outside.md'" in answer.stderr


def test_a_changed_file_is_refused_as_ansible_galaxy_refuses_it(
    ansible_galaxy: Galaxy, artifact: Path, tmp_path: Path
) -> None:
    plain = gzip.decompress(artifact.read_bytes()).replace(b"from outside\n", b"from Outside\n")
    changed = gzip.compress(plain)
    assert refusal(changed).reason == "MemberDigestMismatch"
    answer = installed(ansible_galaxy, changed, tmp_path)
    assert answer.returncode != 0
    assert "Checksum mismatch for 'docs/outside.md'" in answer.stderr


@pytest.mark.parametrize("name", ["ansible.posix", "community.docker"])
def test_a_published_collection_passes_in_every_way(name: str) -> None:
    (source,) = corpus.collections([name])
    namespace, _, short = name.partition(".")
    check(source.artifact.read_bytes(), Bounds(), namespace=namespace, name=short, version=source.version().version)
