"""A store that dies, falls silent or fills up in the middle: nothing is ever half there, and the next try succeeds."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts.content import MIB, Blob, blob
from collectionsync.artifacts import cloud, s3
from collectionsync.artifacts.errors import ArtifactStoreError
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket, ObjectServer
from objectstore.fixtures import StartServer

pytestmark = pytest.mark.slow

LARGE = 12 * MIB  # more than what fits in the buffers between, and three parts


@pytest.fixture
def server(start_s3: StartServer) -> ObjectServer:
    return start_s3()


@pytest.fixture
def bucket(server: ObjectServer, way: dict[str, str]) -> Bucket:
    made = server.bucket()
    return Bucket(made.url, {**made.settings, **way}, made.folder)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries as ever, and the pauses of a test."""
    monkeypatch.setattr(s3, "_BASE_SECONDS", 0.01)
    monkeypatch.setattr(s3, "STALL_SECONDS", 0.5)
    monkeypatch.setattr(cloud, "_RETRY_SECONDS", 1)
    monkeypatch.setitem(cloud._CLIENT, "read_timeout", "500ms")


async def put(store: ArtifactStore, content: Blob) -> bool:
    return await store.put(content.sha256, content.pieces, content.size)


async def got(store: ArtifactStore, content: Blob) -> bytes:
    return b"".join([piece async for piece in store.get(content.sha256)])


@pytest.mark.parametrize("size", [100_000, LARGE])
async def test_a_server_that_is_killed_in_the_middle_and_comes_back_has_it_whole(
    server: ObjectServer, bucket: Bucket, size: int
) -> None:
    content = blob(size)

    def restart() -> None:
        server.kill()
        server.start()

    async with ArtifactStore.open(bucket.url, bucket.settings) as store:
        await store.check()
        assert await store.put(content.sha256, content.interrupted_once(restart), content.size)
        assert await got(store, content) == content.data


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_stays_away_is_told_of_and_has_it_whole_the_next_time(
    server: ObjectServer, bucket: Bucket
) -> None:
    content = blob(LARGE)
    async with ArtifactStore.open(bucket.url, bucket.settings) as store:
        await store.check()
        with pytest.raises(ArtifactStoreError, match="cannot be reached") as failure:
            await store.put(content.sha256, content.interrupted_once(server.kill), content.size)
        assert failure.value.reason == "ArtifactStoreUnavailable"

        server.start()
        assert await store.size(content.sha256) is None
        assert await put(store, content)
        assert await got(store, content) == content.data


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_falls_silent_is_not_waited_for(server: ObjectServer, bucket: Bucket) -> None:
    content = blob(LARGE)
    async with ArtifactStore.open(bucket.url, bucket.settings) as store:
        await store.check()
        with pytest.raises(ArtifactStoreError):
            await store.put(content.sha256, content.interrupted_once(server.stop_answering), content.size)
        server.go_on()
        assert await store.size(content.sha256) is None
        assert await put(store, content)


async def test_a_server_that_dies_while_it_is_read_is_told_of(server: ObjectServer, bucket: Bucket) -> None:
    content = blob(4 * LARGE)
    async with ArtifactStore.open(bucket.url, bucket.settings) as store:
        await put(store, content)
        reading = store.get(content.sha256)
        await anext(reading)
        server.kill()
        with pytest.raises(ArtifactStoreError, match=r"in the middle of sha256|cannot be reached"):
            [piece async for piece in reading]


async def test_a_connection_that_the_server_has_closed_meanwhile_is_no_failure(
    server: ObjectServer, bucket: Bucket
) -> None:
    content = blob(1000)
    async with ArtifactStore.open(bucket.url, bucket.settings) as store:
        await store.check()
        server.kill()
        server.start()
        assert await put(store, content)


async def test_who_is_cancelled_leaves_nothing_behind(server: ObjectServer, bucket: Bucket) -> None:
    content = blob(LARGE)
    half_way = asyncio.Event()
    loop = asyncio.get_running_loop()
    used = []

    def tell() -> None:
        loop.call_soon_threadsafe(half_way.set)

    def pieces() -> Iterator[bytes]:
        for piece in content.interrupted(tell):
            used.append(len(piece))
            yield piece

    async with ArtifactStore.open(bucket.url, bucket.settings) as store:
        await store.check()
        putting = asyncio.create_task(store.put(content.sha256, pieces, content.size))
        await half_way.wait()
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        before = len(used)
        assert await store.size(content.sha256) is None
        assert bucket.uploads() == []
        assert len(used) == before, "whoever gave the content may have taken it away"
        assert await put(store, content)


async def test_who_is_cancelled_does_not_wait_for_a_silent_server(server: ObjectServer) -> None:
    made = server.bucket()
    content = blob(LARGE)
    silent = threading.Event()

    def fall_silent() -> None:
        server.stop_answering()
        silent.set()

    async with ArtifactStore.open(made.url, made.settings) as store:
        await store.check()
        putting = asyncio.create_task(store.put(content.sha256, content.interrupted_once(fall_silent), content.size))
        await asyncio.to_thread(silent.wait)
        putting.cancel()
        async with asyncio.timeout(s3.STALL_SECONDS / 4):
            with pytest.raises(asyncio.CancelledError):
                await putting
        server.go_on()
        assert await store.size(content.sha256) is None


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for less than LARGE."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.usefixtures("impatient")
async def test_a_server_whose_disk_is_full_is_told_of(s3_program: Path, full_disk: Path, way: dict[str, str]) -> None:
    content, small = blob(LARGE), blob(1000)
    with ObjectServer(s3_program, full_disk) as server:
        made = server.bucket()
        async with ArtifactStore.open(made.url, {**made.settings, **way}) as store:
            await store.check()
            with pytest.raises(ArtifactStoreError) as failure:
                await put(store, content)
            assert failure.value.reason == "ArtifactStoreUnavailable"
            assert await store.size(content.sha256) is None
            assert await put(store, small)


async def test_a_folder_that_is_full_is_told_of_and_keeps_nothing_of_it(full_disk: Path) -> None:
    content, small = blob(LARGE), blob(1000)
    async with ArtifactStore.open(full_disk.as_uri(), {}) as store:
        with pytest.raises(ArtifactStoreError, match="is full; free some space") as failure:
            await put(store, content)
        assert failure.value.reason == "ArtifactStoreUnavailable"
        assert await put(store, small)
        assert list(Bucket("", {}, full_disk).objects().values()) == [small.data]
