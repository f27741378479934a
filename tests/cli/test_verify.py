"""`collectionsync verify` looks at what is stored, and tells what is no longer as it came."""

from pathlib import Path
from typing import Any

import pytest

from commandline import Commands, Finished
from serving import Serve
from syncing import manifest, rows
from testgalaxy import Catalog, TestGalaxy, small_catalog

pytestmark = pytest.mark.slow


def catalog() -> Catalog:
    return small_catalog({"acme.tools": ["1.0.0", "1.1.0"]})


class Mirror:
    """A mirror with artifacts in a folder."""

    def __init__(self, commands: Commands, galaxy: TestGalaxy, database: str, folder: Path) -> None:
        self.galaxy = galaxy
        self.folder = folder
        self._commands = commands
        # The whole source: by itself it would be asked nothing more, since it has not changed.
        self._file = commands.write(manifest(galaxy.url, all=True, contentPolicy="Full"))
        self._options = ("--database", database, "--artifacts", folder.as_uri())

    async def run(self, command: str, *options: str) -> Finished:
        return await self._commands.start(command, self._file, *self._options, *options).ended()

    def artifact(self, version: str) -> Path:
        found = self.galaxy.catalog.version("acme", "tools", version)
        assert found is not None
        return self.folder / "sha256" / found.sha256[:2] / f"{found.sha256}.tar.gz"


def spoilt(data: bytes) -> bytes:
    """The same with another last byte."""
    return data[:-1] + bytes([data[-1] ^ 0xFF])


@pytest.fixture
async def mirror(commands: Commands, serve: Serve, database: str, tmp_path: Path) -> Mirror:
    made = Mirror(commands, await serve(catalog()), database, tmp_path / "artifacts")
    ended = await made.run("sync")
    assert ended.code == 0, ended.err
    return made


@pytest.mark.parametrize("options", [(), ("--members",)])
async def test_what_is_as_it_came_is_said_to_be(mirror: Mirror, options: tuple[str, ...]) -> None:
    ended = await mirror.run("verify", *options)
    assert ended.code == 0, ended.err
    assert "8 documents" in ended.out
    assert "2 artifacts" in ended.out
    assert ended.out.strip().endswith("all are as they came")


async def test_an_artifact_with_another_byte_is_damaged(mirror: Mirror) -> None:
    file = mirror.artifact("1.1.0")
    file.write_bytes(spoilt(file.read_bytes()))
    ended = await mirror.run("verify")
    assert ended.code == 65
    assert "damaged  acme.tools 1.1.0 artifact: DigestMismatch" in ended.out
    assert "1 damaged; --forget lets the next sync bring them again" in ended.out


async def test_an_artifact_that_is_missing_is_damaged(mirror: Mirror) -> None:
    mirror.artifact("1.0.0").unlink()
    ended = await mirror.run("verify")
    assert ended.code == 65
    assert "damaged  acme.tools 1.0.0 artifact: ArtifactMissing" in ended.out


async def test_a_document_that_has_changed_is_damaged(mirror: Mirror, database: str) -> None:
    await damage(database)
    ended = await mirror.run("verify")
    assert ended.code == 65
    assert "damaged  acme.tools 1.0.0 docs_blob: DigestMismatch" in ended.out


async def damage(database: str) -> None:
    await rows(
        database,
        "UPDATE collection_document d SET body = '{}' FROM collection_version v"
        " WHERE v.id = d.version_id AND v.version = '1.0.0' AND d.kind = 'docs_blob'",
    )


async def test_what_is_forgotten_comes_again(mirror: Mirror, database: str) -> None:
    mirror.artifact("1.0.0").unlink()
    await damage(database)
    assert (await mirror.run("verify", "--forget")).code == 65
    again: Any = (await mirror.run("sync")).report
    assert again is None or again["result"] == "Succeeded"
    assert (await mirror.run("verify")).code == 0
    assert mirror.artifact("1.0.0").is_file()


async def test_an_artifact_that_was_replaced_and_forgotten_is_put_right(mirror: Mirror) -> None:
    file = mirror.artifact("1.0.0")
    good = file.read_bytes()
    file.write_bytes(spoilt(good))
    await mirror.run("verify", "--forget")
    await mirror.run("sync")
    assert file.read_bytes() == good
