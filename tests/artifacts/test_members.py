"""Every member against FILES.json: all that is named is there, as it is named, and nothing else is."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from artifacts.archives import (
    GOOD_FILES,
    GOOD_MEMBERS,
    MODULE,
    README,
    check,
    collection,
    folder,
    link,
    listed,
    member,
    refusal,
)
from collectionsync.artifacts.errors import TarballError
from collectionsync.artifacts.listing import MOST_FILES, Listing
from collectionsync.artifacts.tarball import verify_members

README_LISTED = listed("README.md", README)
README_MEMBER = member("README.md", README)


@pytest.mark.parametrize("number", range(len(GOOD_MEMBERS)))
def test_a_member_that_is_missing_is_named(number: int) -> None:
    left = [each for index, each in enumerate(GOOD_MEMBERS) if index != number]
    error = refusal(collection(*left, files=GOOD_FILES))
    assert error.reason == "MissingMember"
    assert GOOD_FILES[number]["name"] in str(error)


def test_of_many_that_are_missing_a_few_are_named() -> None:
    error = refusal(collection(files=[listed(f"file{number}", README) for number in range(100)]))
    assert error.reason == "MissingMember"
    assert "and 97 more" in str(error)


def test_the_order_of_members_makes_no_difference() -> None:
    check(collection(*reversed(GOOD_MEMBERS), files=GOOD_FILES))


def test_a_file_with_another_content_is_told_of() -> None:
    error = refusal(collection(member("README.md", b"other"), files=[README_LISTED]))
    assert error.reason == "MemberDigestMismatch"
    assert "README.md has the SHA-256" in str(error)


def test_a_file_that_nobody_names_is_told_of() -> None:
    error = refusal(collection(README_MEMBER, member("extra", README), files=[README_LISTED]))
    assert error.reason == "UnlistedMember"
    assert "extra" in str(error)


def test_a_link_that_nobody_names_is_told_of() -> None:
    error = refusal(collection(README_MEMBER, link("extra", "README.md"), files=[README_LISTED]))
    assert error.reason == "UnlistedMember"


def test_a_folder_that_nobody_names_is_passed_over() -> None:
    check(collection(folder("docs"), README_MEMBER, files=[README_LISTED]))


def test_a_member_that_is_there_twice_is_told_of() -> None:
    error = refusal(collection(README_MEMBER, README_MEMBER, files=[README_LISTED]))
    assert error.reason == "DuplicateMember"


@pytest.mark.parametrize("name", ["MANIFEST.json", "FILES.json"])
def test_a_second_head_is_told_of(name: str) -> None:
    error = refusal(collection(README_MEMBER, member(name, b"{}"), files=[README_LISTED]))
    assert error.reason == "DuplicateMember"


@pytest.mark.parametrize("name", ["MANIFEST.json", "FILES.json"])
def test_a_second_head_that_is_a_folder_is_told_of(name: str) -> None:
    error = refusal(collection(README_MEMBER, folder(name), files=[README_LISTED]))
    assert error.reason == "ForbiddenMember"


def test_a_folder_in_place_of_a_file_is_told_of() -> None:
    assert refusal(collection(folder("README.md"), files=[README_LISTED])).reason == "WrongKind"


def test_a_file_in_place_of_a_folder_is_told_of() -> None:
    assert refusal(collection(README_MEMBER, files=[listed("README.md", None)])).reason == "WrongKind"


def test_a_file_with_members_below_it_is_told_of() -> None:
    files = [README_LISTED, listed("README.md/more", MODULE)]
    artifact = collection(README_MEMBER, member("README.md/more", MODULE), files=files)
    assert refusal(artifact).reason == "WrongKind"


def test_a_link_with_members_below_it_is_told_of() -> None:
    files = [listed("a", None), listed("b", None), listed("b/c", README)]
    artifact = collection(folder("a"), link("b", "a"), member("b/c", README), files=files)
    assert refusal(artifact).reason == "WrongKind"


def linked(name: str, target: str, entry: Mapping[str, Any]) -> bytes:
    members = [README_MEMBER, folder("docs"), member("docs/module", MODULE), link(name, target)]
    return collection(*members, files=[README_LISTED, listed("docs", None), listed("docs/module", MODULE), entry])


@pytest.mark.parametrize(
    ("name", "target", "entry"),
    [
        ("docs/me", "../README.md", listed("docs/me", README)),
        ("docs/me", "module", listed("docs/me", MODULE)),
        ("me", "docs", listed("me", None)),
        ("docs/top", "..", listed("docs/top", None)),
        ("docs/me", ".././docs/../README.md", listed("docs/me", README)),
    ],
)
def test_a_link_within_the_collection_passes(name: str, target: str, entry: Mapping[str, Any]) -> None:
    check(linked(name, target, entry))


@pytest.mark.parametrize(
    ("target", "entry", "reason"),
    [
        ("/etc/passwd", README, "LinkOutside"),
        ("../../etc/passwd", README, "LinkOutside"),
        ("../..", None, "LinkOutside"),
        ("..", README, "BrokenLink"),
        ("", README, "LinkOutside"),
        ("../docs/../../x", README, "LinkOutside"),
        ("../nowhere", README, "BrokenLink"),
        ("../README.md", MODULE, "BrokenLink"),
        ("../README.md", None, "BrokenLink"),
        ("../docs", README, "BrokenLink"),
        ("me", README, "BrokenLink"),
        ("../MANIFEST.json", README, "BrokenLink"),
    ],
)
def test_a_link_that_leads_elsewhere_is_told_of(target: str, entry: bytes | None, reason: str) -> None:
    assert refusal(linked("docs/me", target, listed("docs/me", entry))).reason == reason


def test_a_link_to_a_link_is_told_of() -> None:
    files = [README_LISTED, listed("a", README), listed("b", README)]
    assert (
        refusal(collection(README_MEMBER, link("a", "b"), link("b", "README.md"), files=files)).reason == "BrokenLink"
    )


def only(files: bytes) -> None:
    """Check an artifact that holds nothing but its head by this FILES.json."""
    artifact = collection(files=[])
    verify_members(io.BytesIO(artifact), files, size=len(artifact))


@pytest.mark.parametrize(
    "files",
    [
        b'{"files": [], "format": 1}',
        b' {\n"format":1,"files":[]}\n ',
        b'{"files": [ {"name": ".", "ftype": "dir", "extra": 1.5e3, "chksum_sha256": null} ]}',
        b'{"comment": "a string with } and \\" in it", "files": []}',
    ],
)
def test_files_may_be_written_in_other_ways(files: bytes) -> None:
    only(files)


ENTRY = json.dumps(README_LISTED).encode()


@pytest.mark.parametrize(
    "files",
    [
        b"",
        b"[]",
        b"{}",
        b'{"files": {}}',
        b'{"files": [1]}',
        b'{"files": [{}]}',
        b'{"files": [{"name": "a", "ftype": "file"}]}',
        b'{"files": [{"name": "a", "ftype": "socket"}]}',
        b'{"files": [{"name": "a", "ftype": "file", "chksum_sha256": "ABC"}]}',
        b'{"files": [{"name": ["a"], "ftype": "dir"}]}',
        b'{"files": [{"name": 1, "ftype": "dir"}]}',
        b'{"files": [{"name": "\xff", "ftype": "dir"}]}',
        b'{"files": [{"name": "\\ud800", "ftype": "dir"}]}',
        b'{"files": [{"name": "a", "ftype": "dir" }',
        b'{"files": [{"name": "a", "ftype": "dir"} {"name": "b", "ftype": "dir"}]}',
        b'{"files": [' + ENTRY + b"," + ENTRY + b"]}",
        b'{"files": [' + ENTRY + b",]}",
        b'{"files": []} trailing',
        b'{"files": [], "files": []}',
        b'{"files": [], "deep": ' + b"[" * 100_000,
        b'{"files": [], "other": {"files": []}}',
        b'{"files": [{"name": "' + b"a" * 100_000 + b'", "ftype": "dir"}]}',
    ],
)
def test_what_is_no_files_json_is_told_of(files: bytes) -> None:
    with pytest.raises(TarballError) as raised:
        only(files)
    assert raised.value.reason == "InvalidFiles"
    assert len(str(raised.value)) < 400


def test_too_many_entries_are_refused() -> None:
    entry = b'{"name": ".", "ftype": "dir"}'
    with pytest.raises(TarballError, match=f"more than {MOST_FILES}"):
        Listing(b'{"files": [' + b",".join([entry] * (MOST_FILES + 1)) + b"]}")
    assert len(Listing(b'{"files": [' + b",".join([entry] * MOST_FILES) + b"]}")) == 0


def test_a_mapped_files_json_is_read_as_one_in_memory(tmp_path: Path) -> None:
    import mmap

    entries = [listed(f"file{number}", b"%d" % number) for number in range(20_000)]
    text = json.dumps({"files": entries}).encode()
    path = tmp_path / "FILES.json"
    path.write_bytes(text)
    with path.open("rb") as file:
        mapped = Listing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    held = Listing(text)
    assert len(mapped) == len(held) == 20_000
    assert mapped.find("file7") == held.find("file7") is not None
    assert {mapped.name(number) for number in range(0, 20_000, 1999)} <= {f"file{number}" for number in range(20_000)}
    assert mapped.find("file20000") is None
