"""MANIFEST.json and FILES.json out of an artifact, and the chain from one to the other."""

import hashlib
import io
import json
import zlib
from collections.abc import Callable

import pytest

from artifacts.archives import (
    GOOD,
    INFO,
    README,
    chained,
    folder,
    head,
    link,
    listed,
    member,
    packed,
    read,
    refusal,
)
from collectionsync.artifacts.errors import TarballError
from collectionsync.artifacts.tarball import FILES_LIMIT_BYTES, MANIFEST_LIMIT_BYTES, read_head, verify_chain
from collectionsync.artifacts.unpacking import Bounds

CHAIN = chained([listed("README.md", README)])


def verified(manifest: bytes, files_sha256: str = "") -> None:
    digest = files_sha256 or hashlib.sha256(CHAIN.files_json).hexdigest()
    verify_chain(manifest, digest, namespace="acme", name="tools", version="1.0.0")


def changed(change: Callable[[dict[str, object]], object]) -> bytes:
    value = json.loads(CHAIN.manifest_json)
    change(value)
    return json.dumps(value).encode()


def test_both_come_out_byte_by_byte() -> None:
    assert read(packed(head(CHAIN))) == (CHAIN.manifest_json, CHAIN.files_json)


def test_their_order_makes_no_difference() -> None:
    artifact = packed(member("FILES.json", CHAIN.files_json), member("MANIFEST.json", CHAIN.manifest_json))
    assert read(artifact) == (CHAIN.manifest_json, CHAIN.files_json)


def test_they_are_found_behind_other_members() -> None:
    artifact = packed(folder("docs"), member("docs/large", bytes(100_000)), head(CHAIN))
    assert read(artifact) == (CHAIN.manifest_json, CHAIN.files_json)


def test_those_of_a_folder_are_not_the_collections() -> None:
    nested = member("docs/MANIFEST.json", b"{}") + member("docs/FILES.json", b"{}")
    assert read(packed(nested, head(CHAIN))) == (CHAIN.manifest_json, CHAIN.files_json)


def test_nothing_behind_them_is_read() -> None:
    whole = packed(head(CHAIN), member("README.md", b"".join(b"%d" % number for number in range(200_000))))

    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.taken += len(data)
            return data

    file = Counting(whole)
    read_head(file, size=len(whole), files=io.BytesIO())
    assert file.taken < len(whole) / 2


def test_an_artifact_without_a_manifest_is_told_of() -> None:
    assert refusal(packed(member("FILES.json", CHAIN.files_json))).reason == "MissingManifest"


def test_an_artifact_without_files_is_told_of() -> None:
    assert refusal(packed(member("MANIFEST.json", CHAIN.manifest_json))).reason == "MissingFiles"


def test_an_empty_artifact_is_told_of() -> None:
    assert refusal(packed()).reason == "MissingManifest"


@pytest.mark.parametrize("name", ["MANIFEST.json", "FILES.json"])
def test_one_that_is_a_link_is_refused(name: str) -> None:
    assert refusal(packed(link(name, "README.md"))).reason == "ForbiddenMember"


@pytest.mark.parametrize(
    ("name", "limit"), [("MANIFEST.json", MANIFEST_LIMIT_BYTES), ("FILES.json", FILES_LIMIT_BYTES)]
)
def test_one_that_is_too_large_is_refused(name: str, limit: int) -> None:
    too_large = packed(member(name, b" " * (limit + 1)))
    assert refusal(too_large, Bounds()).reason == "TooLarge"
    with pytest.raises(TarballError, match=f"{limit} are allowed"):
        read(too_large, Bounds())


def test_a_chain_that_holds_passes() -> None:
    verified(CHAIN.manifest_json)


def test_files_with_another_digest_are_told_of() -> None:
    with pytest.raises(TarballError, match=r"and MANIFEST\.json says") as raised:
        verified(CHAIN.manifest_json, "0" * 64)
    assert raised.value.reason == "FilesDigestMismatch"


@pytest.mark.parametrize("field", list(INFO))
def test_the_manifest_of_another_version_is_told_of(field: str) -> None:
    with pytest.raises(TarballError, match=r"and not of acme\.tools 1\.0\.0") as raised:
        verified(changed(lambda value: value["collection_info"].update({field: "other"})))  # type: ignore[attr-defined]
    assert raised.value.reason == "WrongVersion"


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"collection_info": ' + b"[" * 100_000,
        CHAIN.manifest_json[:-1],
        changed(lambda value: value.pop("file_manifest_file")),
        changed(lambda value: value.update(collection_info=None)),
        changed(lambda value: value["file_manifest_file"].update(chksum_sha256=None)),  # type: ignore[attr-defined]
        changed(lambda value: value["file_manifest_file"].update(chksum_sha256="0" * 63)),  # type: ignore[attr-defined]
        changed(lambda value: value["file_manifest_file"].update(name="OTHER.json")),  # type: ignore[attr-defined]
    ],
)
def test_what_is_no_manifest_is_told_of(manifest: bytes) -> None:
    with pytest.raises(TarballError) as raised:
        verified(manifest)
    assert raised.value.reason == "InvalidManifest"


def test_a_version_that_tells_stories_is_cut_short() -> None:
    with pytest.raises(TarballError) as raised:
        verified(changed(lambda value: value["collection_info"].update(version="1\n" * 1000)))  # type: ignore[attr-defined]
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400


def test_the_gzip_header_may_have_a_name() -> None:
    body = zlib.compressobj(6, zlib.DEFLATED, -15)
    raw = zlib.decompress(GOOD, 31)
    deflated = body.compress(raw) + body.flush()
    named = b"\x1f\x8b\x08\x08" + bytes(6) + b"acme-tools-1.0.0.tar\0" + deflated + GOOD[-8:]
    assert read(named) == read(GOOD)
