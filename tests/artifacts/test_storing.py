"""What a store does, whichever it is."""

import asyncio
from collections.abc import Iterator

import pytest

from artifacts.content import MIB, PIECE_BYTES, Blob, blob
from collectionsync.artifacts.errors import ArtifactMissingError, ArtifactStoreError
from collectionsync.artifacts.probe import PROBE
from collectionsync.artifacts.store import ArtifactStore
from objectstore import Bucket

SIZES = [0, 1, PIECE_BYTES, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 12 * MIB]


async def stored(store: ArtifactStore, content: Blob) -> bool:
    return await store.put(content.sha256, content.pieces, content.size)


async def got(store: ArtifactStore, sha256: str) -> bytes:
    return b"".join([piece async for piece in store.get(sha256)])


def artifacts_in(bucket: Bucket) -> dict[str, bytes]:
    return {key.rpartition("/")[2]: data for key, data in bucket.objects().items() if not key.endswith(PROBE)}


@pytest.mark.parametrize("size", SIZES)
async def test_an_artifact_comes_out_as_it_went_in(store: ArtifactStore, size: int) -> None:
    content = blob(size)
    assert await stored(store, content)
    assert await store.size(content.sha256) == size
    assert await got(store, content.sha256) == content.data


async def test_an_artifact_lies_under_its_digest(store: ArtifactStore, bucket: Bucket) -> None:
    content = blob(10)
    await stored(store, content)
    (key,) = (key for key in bucket.objects() if not key.endswith(PROBE))
    assert f"/{key}".endswith(f"/sha256/{content.sha256[:2]}/{content.sha256}.tar.gz")


async def test_what_is_there_whole_is_not_sent_again(store: ArtifactStore) -> None:
    content = blob(100)
    await stored(store, content)

    def never() -> Iterator[bytes]:
        raise AssertionError("it was asked for")

    assert not await store.put(content.sha256, never, content.size)


async def test_half_an_artifact_of_another_hand_is_replaced(store: ArtifactStore, bucket: Bucket) -> None:
    content = blob(PIECE_BYTES)
    await stored(store, content)
    (path,) = bucket.folder.rglob(f"{content.sha256}.tar.gz")
    path.write_bytes(content.data[:100])

    assert await store.size(content.sha256) == 100
    assert await stored(store, content)
    assert await got(store, content.sha256) == content.data


async def test_an_artifact_can_be_removed_and_stored_again(store: ArtifactStore) -> None:
    content = blob(100)
    await stored(store, content)
    await store.delete(content.sha256)
    assert await store.size(content.sha256) is None
    assert await stored(store, content)


async def test_to_remove_what_is_not_there_is_no_error(store: ArtifactStore) -> None:
    await store.delete("0" * 64)


async def test_what_is_not_there_is_told_by_its_own_error(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactMissingError, match="does not have sha256/00/0000"):
        await got(store, "0" * 64)
    assert await store.size("0" * 64) is None


async def test_a_reader_may_leave_in_the_middle(store: ArtifactStore) -> None:
    content = blob(2 * MIB)
    await stored(store, content)
    reading = store.get(content.sha256)
    first = await anext(reading)
    assert content.data.startswith(first)
    assert len(first) < content.size
    await reading.aclose()  # type: ignore[attr-defined]
    assert await got(store, content.sha256) == content.data


async def test_two_who_store_the_same_at_once_both_find_it_stored(bucket: Bucket) -> None:
    content = blob(6 * MIB)
    first, second = (ArtifactStore.open(bucket.url, bucket.settings) for _ in range(2))
    async with first, second:
        await asyncio.gather(stored(first, content), stored(second, content))
        assert list(artifacts_in(bucket).values()) == [content.data]
        assert bucket.uploads() == []


async def test_many_at_once_are_all_stored(store: ArtifactStore, bucket: Bucket) -> None:
    contents = [blob(1000 + number) for number in range(40)]
    assert all(await asyncio.gather(*(stored(store, content) for content in contents)))
    assert artifacts_in(bucket) == {f"{content.sha256}.tar.gz": content.data for content in contents}


@pytest.mark.parametrize("size", [1000, 6 * MIB])
@pytest.mark.parametrize("said", [-1, 1])
async def test_content_of_another_size_than_announced_is_not_stored(
    store: ArtifactStore, bucket: Bucket, size: int, said: int
) -> None:
    content = blob(size)
    with pytest.raises(ArtifactStoreError, match="when it was to be stored"):
        await store.put(content.sha256, content.pieces, content.size + said)
    assert artifacts_in(bucket) == {}
    assert bucket.uploads() == []


@pytest.mark.parametrize("size", [1000, 12 * MIB])
async def test_an_error_of_the_content_comes_through_and_leaves_nothing(
    store: ArtifactStore, bucket: Bucket, size: int
) -> None:
    class SpoolLostError(Exception):
        pass

    def lose() -> None:
        raise SpoolLostError

    content = blob(size)
    with pytest.raises(SpoolLostError):
        await store.put(content.sha256, content.interrupted_once(lose), content.size)
    assert artifacts_in(bucket) == {}
    assert bucket.uploads() == []
    assert await stored(store, content)


async def test_a_check_leaves_nothing_but_a_probe(store: ArtifactStore, bucket: Bucket) -> None:
    await store.check()
    assert [key for key in bucket.objects() if not key.endswith(PROBE)] == []
    assert artifacts_in(bucket) == {}


async def test_a_store_may_be_closed_twice(store: ArtifactStore) -> None:
    await store.close()
    await store.close()
