"""The archive's own form: what ansible-galaxy writes is read, and what two readers could see differently is refused."""

import gzip
import io
import tarfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.archives import (
    BLOCK,
    BOUNDS,
    END,
    GOOD,
    GOOD_FILES,
    GOOD_MEMBERS,
    README,
    chained,
    check,
    collection,
    folder,
    head,
    header,
    link,
    listed,
    member,
    packed,
    pax,
    record,
    refusal,
)
from collectionsync.artifacts.tar import MOST_MEMBERS, Archive, Kind
from collectionsync.artifacts.unpacking import Bounds, Unpacked

LONG = "/".join(["a" * 60] * 6)


def names_of(artifact: bytes) -> list[tuple[str, Kind, int, str]]:
    archive = Archive(Unpacked(io.BytesIO(artifact), size=len(artifact), bounds=BOUNDS))
    return [tuple(each) for each in archive.members()]  # type: ignore[misc]


def test_a_good_artifact_passes() -> None:
    check(GOOD)


_PART = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=80)
_NAME = st.lists(_PART.filter(lambda part: part not in (".", "..")), min_size=1, max_size=6).map("/".join)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@given(
    files=st.dictionaries(_NAME, st.binary(max_size=1500), max_size=6),
    links=st.dictionaries(_NAME, _NAME, max_size=3),
)
def test_what_the_standard_library_writes_is_read_as_it_reads_it(
    form: int, files: dict[str, bytes], links: dict[str, str]
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=form) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, target in links.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    expected = [(name, Kind.FILE, len(data), "") for name, data in files.items()]
    expected += [(name, Kind.LINK, 0, target) for name, target in links.items()]
    assert names_of(buffer.getvalue()) == expected


def test_a_long_name_may_lie_in_the_prefix_of_a_header() -> None:
    parts = LONG.rpartition("/")
    artifact = packed(member(parts[2], README, prefix=parts[0][:150].encode()))
    assert names_of(artifact)[0].count(parts[0][:150] + "/" + parts[2]) == 1


def test_data_that_nobody_reads_is_passed_over() -> None:
    assert [name for name, *_ in names_of(GOOD)][:3] == ["MANIFEST.json", "FILES.json", "README.md"]


def test_sizes_in_base_256_are_read() -> None:
    size = b"\x80" + len(README).to_bytes(11, "big")
    check(collection(header(b"README.md", size_field=size) + README.ljust(BLOCK, b"\0"), files=GOOD_FILES[:1]))


def test_a_size_in_an_extended_header_counts() -> None:
    sized = pax(size=str(len(README)).encode()) + header(b"README.md") + README.ljust(BLOCK, b"\0")
    check(collection(sized, files=GOOD_FILES[:1]))


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    twice = member("x", record(b"path", b"other") + record(b"path", b"README.md"), b"x")
    check(collection(twice + member("ignored", README), files=GOOD_FILES[:1]))


def test_what_extended_headers_say_beside_is_passed_over() -> None:
    said = pax(mtime=b"1.5", comment=b"nothing", path=b"README.md")
    check(collection(pax(b"g", comment=b"a commit"), said + member("ignored", README), files=GOOD_FILES[:1]))


def broken(*members: bytes, end: bytes = END) -> bytes:
    return collection(*members, files=GOOD_FILES[:1], end=end)


READ_ME = member("README.md", README)
HUGE = b"\x80" + (8 * 1024**3).to_bytes(11, "big")
HOSTILE = {
    "the header's checksum is wrong": (broken(member("README.md", README, checksum=b"000000\0 ")), "InvalidTar"),
    "the header's checksum is no number": (broken(member("README.md", README, checksum=b"zzzzzz\0 ")), "InvalidTar"),
    "a header is random": (broken(b"\x01" * BLOCK), "InvalidTar"),
    "a size is no number": (broken(member("README.md", README, size_field=b"99999999999\0")), "InvalidTar"),
    "a size is empty": (broken(member("README.md", README, size_field=bytes(12))), "InvalidTar"),
    "a size is negative": (broken(member("README.md", README, size_field=b"\xff" * 12)), "TooLarge"),
    "a size is negative and small": (broken(member("README.md", size_field=b"\xff" * 11 + b"\xfe")), "TooLarge"),
    "a size is huge": (broken(member("README.md", size_field=b"\x80" + b"\x7f" * 11)), "TooLarge"),
    "an extended size is negative": (broken(pax(size=b"-1") + READ_ME), "InvalidTar"),
    "an extended size is no number": (broken(pax(size=b"1e3") + READ_ME), "InvalidTar"),
    "an extended size has foreign digits": (broken(pax(size="١".encode()) + READ_ME), "InvalidTar"),
    "an extended size is huge": (broken(pax(size=b"9" * 15) + READ_ME), "TooLarge"),
    "an extended size has a thousand digits": (broken(pax(size=b"9" * 1000) + READ_ME), "InvalidTar"),
    "a file ends early": (broken(header(b"README.md", 10_000) + README), "Truncated"),
    "it ends after a member": (broken(READ_ME, end=b""), "Truncated"),
    "it ends with one block": (broken(READ_ME, end=bytes(BLOCK)), "Truncated"),
    "its end is interrupted": (broken(READ_ME, end=bytes(BLOCK) + READ_ME + END), "InvalidTar"),
    "it ends after an extended header": (broken(READ_ME, pax(path=b"README.md")), "InvalidTar"),
    "it goes on behind its end": (broken(READ_ME, end=END + READ_ME + END), "TrailingData"),
    "there is garbage behind its end": (broken(READ_ME, end=END + b"garbage"), "TrailingData"),
    "an extended header is cut off": (broken(member("x", b"20 path=a\n", b"x") + READ_ME), "InvalidTar"),
    "an extended header has no length": (broken(member("x", b"path=a\n", b"x") + READ_ME), "InvalidTar"),
    "an extended header has a length of zero": (broken(member("x", b"0 path=a\n", b"x") + READ_ME), "InvalidTar"),
    "an extended header has no line feed": (broken(member("x", b"9 path=ab", b"x") + READ_ME), "InvalidTar"),
    "a length has a thousand digits": (broken(member("x", b"9" * 1000 + b" a=b\n", b"x") + READ_ME), "InvalidTar"),
    "an extended header is huge": (broken(header(b"x", kind=b"x", size_field=HUGE)), "HeaderTooLarge"),
    "a long name is huge": (broken(member("x", b"a" * 100_000, b"L") + READ_ME), "HeaderTooLarge"),
    "a long link is huge": (broken(member("x", b"a" * 100_000, b"K") + READ_ME), "HeaderTooLarge"),
    "there are extended headers without end": (broken(pax(mtime=b"1") * 10 + READ_ME), "InvalidTar"),
    "one name is given to all": (broken(pax(b"g", path=b"README.md") + READ_ME), "InvalidTar"),
    "a name leads upwards": (broken(member("../README.md", README)), "InvalidName"),
    "a name leads upwards in its middle": (broken(member("a/../README.md", README)), "InvalidName"),
    "an extended name leads upwards": (broken(pax(path=b"../../etc/passwd") + READ_ME), "InvalidName"),
    "a long name leads upwards": (broken(member("x", b"../a\0", b"L") + READ_ME), "InvalidName"),
    "a name is absolute": (broken(member("/etc/passwd", README)), "InvalidName"),
    "a name is empty": (broken(member("", README)), "InvalidName"),
    "an extended name is empty": (broken(pax(path=b"") + READ_ME), "InvalidName"),
    "a name has an empty part": (broken(member("a//b", README)), "InvalidName"),
    "a name has a dot in its middle": (broken(member("a/./b", README)), "InvalidName"),
    "a folder is above all": (broken(member("/", kind=b"5")), "InvalidName"),
    "a name is not UTF-8": (broken(member(b"\xff\xfe", README)), "InvalidName"),
    "an extended name is not UTF-8": (broken(pax(path=b"\xc3\x28") + READ_ME), "InvalidName"),
    "a name has a NUL": (broken(pax(path=b"README.md\0.py") + READ_ME), "InvalidName"),
    "a name is longer than paths are": (broken(pax(path=b"a/" * 2100 + b"a") + READ_ME), "InvalidName"),
    "the members are below a dot": (broken(member("./README.md", README)), "DotSlashNames"),
    "the dot itself is a member": (broken(member("./", kind=b"5")), "DotSlashNames"),
    "a hard link": (broken(member("README.md", kind=b"1", link=b"MANIFEST.json")), "ForbiddenMember"),
    "a device of characters": (broken(member("README.md", kind=b"3")), "ForbiddenMember"),
    "a device of blocks": (broken(member("README.md", kind=b"4")), "ForbiddenMember"),
    "a FIFO": (broken(member("README.md", kind=b"6")), "ForbiddenMember"),
    "a sparse file": (broken(member("README.md", kind=b"S")), "ForbiddenMember"),
    "a sparse file of pax": (broken(member("x", record(b"GNU.sparse.map", b"0,1"), b"x") + READ_ME), "ForbiddenMember"),
    "a type that nobody knows": (broken(member("README.md", kind=b"Z")), "ForbiddenMember"),
    "a folder with data": (broken(member("plugins/", README, kind=b"5")), "InvalidTar"),
    "a link with data": (broken(member("README.md", README, kind=b"2", link=b"a")), "InvalidTar"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_with_a_reason(what: str) -> None:
    artifact, reason = HOSTILE[what]
    assert refusal(artifact).reason == reason


def test_members_below_a_dot_are_told_with_what_the_client_says_to_them() -> None:
    artifact = packed(member("./MANIFEST.json", b"{}"))
    assert "ansible-galaxy looks for MANIFEST.json without the ./ before it" in str(refusal(artifact))


def test_too_many_members_are_refused() -> None:
    artifact = packed(head(chained([])), folder("a") * (MOST_MEMBERS + 1))
    assert refusal(artifact, Bounds()).reason == "TooManyMembers"


GZIP = {
    "nothing at all": (b"", "Truncated"),
    "no gzip": (b"PK\x03\x04 and so on", "InvalidGzip"),
    "a page of HTML": (b"<html>" * 100, "InvalidGzip"),
    "zlib without gzip's header": (zlib.compress(b"x" * 5000), "InvalidGzip"),
    "a damaged stream": (GOOD[:200] + b"\0" * 20 + GOOD[220:], "InvalidGzip"),
    "a wrong checksum": (GOOD[:-8] + b"\0\0\0\0" + GOOD[-4:], "InvalidGzip"),
    "half of it": (GOOD[: len(GOOD) // 2], "Truncated"),
    "all but its checksum": (GOOD[:-1], "Truncated"),
    "garbage behind it": (GOOD + b"garbage", "TrailingData"),
    "zeros behind it": (GOOD + bytes(512), "TrailingData"),
    "another stream behind it": (GOOD + gzip.compress(b""), "TrailingData"),
    "gzip in gzip": (gzip.compress(GOOD), "InvalidTar"),
    "two streams that are one archive": (
        gzip.compress(gzip.decompress(GOOD)[:1024]) + gzip.compress(gzip.decompress(GOOD)[1024:]),
        "TrailingData",
    ),
}


@pytest.mark.parametrize("what", GZIP)
def test_what_is_not_one_gzip_stream_is_refused_with_a_reason(what: str) -> None:
    artifact, reason = GZIP[what]
    assert refusal(artifact).reason == reason


@pytest.mark.parametrize("length", range(0, len(GOOD), 7))
def test_wherever_an_artifact_breaks_off_it_is_told_of(length: int) -> None:
    assert refusal(GOOD[:length]).reason == "Truncated"


def test_a_bomb_is_refused_by_what_it_unpacks_to() -> None:
    bomb = member("README.md", bytes(8 * 1024 * 1024))
    assert refusal(broken(bomb)).reason == "TooLarge"


def test_a_bomb_before_the_head_is_refused_too() -> None:
    bomb = packed(member("README.md", bytes(8 * 1024 * 1024)), head(chained([])))
    assert refusal(bomb).reason == "TooLarge"


def test_a_bomb_behind_the_end_is_refused_too() -> None:
    assert refusal(broken(READ_ME, end=END + bytes(8 * 1024 * 1024))).reason == "TooLarge"


def test_zeros_up_to_the_end_of_a_record_are_no_garbage() -> None:
    check(broken(READ_ME, end=END + bytes(10 * 1024)))


@pytest.mark.parametrize(
    ("size", "bound"),
    [(0, 100), (10, 100), (11, 110), (1000, 2000)],
)
def test_what_an_artifact_may_unpack_to_goes_by_its_size(size: int, bound: int) -> None:
    assert Bounds(always=100, ratio=10, most=2000).of(size) == bound


def test_only_as_much_of_a_file_is_read_as_the_artifact_has() -> None:
    assert refusal(GOOD + b"garbage").reason == "TrailingData"
    archive = Archive(Unpacked(io.BytesIO(GOOD + b"garbage"), size=len(GOOD), bounds=BOUNDS))
    assert len(list(archive.members())) == len(GOOD_MEMBERS) + 2
    archive.end()


def test_a_listed_file_may_be_named_by_the_old_type() -> None:
    check(collection(member("README.md", README, kind=b"\0"), files=[listed("README.md", README)]))


def test_a_link_may_have_a_long_target() -> None:
    target = "../" * 40 + "b"
    assert names_of(packed(member("x", target.encode() + b"\0", b"K"), link("a", "ignored"))) == [
        ("a", Kind.LINK, 0, target)
    ]
