"""How much memory it takes, in a process of its own: flat, whatever the artifact is, and a bomb no more than others."""

import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from artifacts.archives import chained, head, header, listed
from artifacts.content import MIB, Blob, blob
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket
from testgalaxy.tarballs import file_entry

pytestmark = pytest.mark.slow

_READINGS = """
import os, sys
def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
def reset():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
"""

_CHECKS = """
import hashlib, mmap, tempfile
from collectionsync.artifacts.errors import TarballError
from collectionsync.artifacts.tarball import read_head, verify_chain, verify_members
def checked(path):
    size = os.path.getsize(path)
    with open(path, "rb") as file, tempfile.TemporaryFile() as files:
        try:
            read_head(file, size=size, files=files)
            files.flush()
            verify_members(file, mmap.mmap(files.fileno(), 0, access=mmap.ACCESS_READ), size=size)
        except TarballError as error:
            return error.reason
        return "Passed"
checked(sys.argv[1])
reset()
before = peak()
reason = checked(sys.argv[2])
print(reason, peak() - before)
"""

_UPLOADS = """
import asyncio, hashlib, json
settings = json.loads(sys.argv[2])
count, size = int(sys.argv[3]), int(sys.argv[4])
reset()
start = peak()
from collectionsync.artifacts.store import ArtifactStore
block = os.urandom(65536)
def pieces(number, size):
    yield number.to_bytes(8, "big")
    for offset in range(8, size, 65536):
        yield block[:min(65536, size - offset)]
async def main():
    async with ArtifactStore.open(sys.argv[1], settings) as store:
        await store.check()
        async def put(number):
            digest = hashlib.sha256()
            for piece in pieces(number, size):
                digest.update(piece)
            assert await store.put(digest.hexdigest(), lambda: pieces(number, size), size)
        await asyncio.gather(*map(put, range(count)))
asyncio.run(main())
print("obstore" in sys.modules, peak() - start)
"""

_DOWNLOADS = """
import asyncio, json
from collectionsync.artifacts.store import ArtifactStore
sha256, count = sys.argv[3], int(sys.argv[4])
async def read(store):
    async with store.read(sha256) as download:
        return sum([len(piece) async for piece in download])
async def main():
    async with ArtifactStore.open(sys.argv[1], json.loads(sys.argv[2])) as store:
        await read(store)
        reset()
        start = peak()
        read_ = sum(await asyncio.gather(*(read(store) for _ in range(count))))
        print(read_, peak() - start)
asyncio.run(main())
"""

_ENVIRONMENT = {**os.environ, "MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072"}


def measured(script: str, *arguments: str) -> tuple[str, int]:
    """What a script prints first, and the bytes that its resident set grew by."""
    imports = "import asyncio, ssl, aiohttp, msgspec\n"  # what a worker has anyway
    command = [sys.executable, "-c", imports + _READINGS + script, *arguments]
    said = subprocess.run(command, env=_ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return said[0], int(said[1])


def written(path: Path, members: int, size: int) -> Path:
    """An artifact of so many files of this size, of which nothing is alike."""
    chance = random.Random(7)
    contents = {f"docs/file{number}": chance.randbytes(size) for number in range(members)}
    entries = [file_entry("docs", None)]
    entries += [file_entry(name, hashlib.sha256(data).hexdigest()) for name, data in contents.items()]
    chain = chained(entries)
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, data in (("MANIFEST.json", chain.manifest_json), ("FILES.json", chain.files_json)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        folder = tarfile.TarInfo("docs")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("small") / "small.tar.gz", 3, 1000)


def test_an_artifact_of_30_mb_is_checked_in_flat_memory(small: Path, tmp_path: Path) -> None:
    large = written(tmp_path / "large.tar.gz", 3000, 10_000)
    assert large.stat().st_size > 30_000_000
    verdict, grown = measured(_CHECKS, str(small), str(large))
    assert verdict == "Passed"
    assert grown < 4 * MIB


def test_a_files_json_of_15_mb_is_checked_in_flat_memory(small: Path, tmp_path: Path) -> None:
    many = written(tmp_path / "many.tar.gz", 45_000, 10)
    verdict, grown = measured(_CHECKS, str(small), str(many))
    assert verdict == "Passed"
    assert grown < 8 * MIB


def test_a_bomb_is_refused_in_flat_memory(small: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tar.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        file.write(head(chained([listed("zeros", b"")])) + header(b"zeros", 300 * MIB))
        for _ in range(300):
            file.write(bytes(MIB))
    verdict, grown = measured(_CHECKS, str(small), str(bomb))
    assert verdict == "TooLarge"
    assert grown < 2 * MIB


def test_an_extended_header_of_gigabytes_is_refused_in_flat_memory(small: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tar.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        file.write(header(b"x", 4 * 1024 * MIB - 1, b"x"))
        for _ in range(300):
            file.write(b"9" * MIB)
    verdict, grown = measured(_CHECKS, str(small), str(bomb))
    assert verdict == "HeaderTooLarge"
    assert grown < 2 * MIB


def test_artifacts_go_into_a_folder_without_being_held(tmp_path: Path) -> None:
    with_obstore, grown = measured(_UPLOADS, (tmp_path / "store").as_uri(), "{}", "12", str(8 * MIB))
    assert with_obstore == "False"
    assert grown < 4 * MIB


def test_artifacts_go_to_s3_over_tls_without_being_held(s3: Bucket) -> None:
    with_obstore, grown = measured(_UPLOADS, s3.url, json.dumps(s3.settings), "12", str(8 * MIB))
    assert with_obstore == "False"
    assert grown < 6 * MIB


@pytest.fixture
async def large_blob(plain_s3: Bucket) -> Blob:
    content = blob(30 * MIB)
    async with ArtifactStore.open(plain_s3.url, plain_s3.settings) as store:
        await store.put(content.sha256, content.pieces, content.size)
    return content


def test_artifacts_are_read_by_many_without_being_held(plain_s3: Bucket, large_blob: Blob) -> None:
    arguments = (plain_s3.url, json.dumps(dict(plain_s3.settings)), large_blob.sha256, "20")
    read, grown = measured(_DOWNLOADS, *arguments)
    assert int(read) == 20 * large_blob.size
    assert grown < 8 * MIB
