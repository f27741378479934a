"""What is not refused, the standard library, and so ansible-galaxy, reads as the very same archive."""

import gzip
import io
import tarfile

from hypothesis import assume, given
from hypothesis import strategies as st

from artifacts.archives import BLOCK, BOUNDS, GOOD_MEMBERS, header, link, member, packed, padded, pax
from collectionsync.artifacts.errors import TarballError
from collectionsync.artifacts.tar import Archive, Kind
from collectionsync.artifacts.unpacking import Unpacked

# Of every kind that is read: names, targets and sizes in extended headers of both forms, and plain members.
PLAIN = gzip.decompress(
    packed(
        pax(path=b"docs/long/" + b"n" * 60, mtime=b"1.5"),
        member("x", b"data"),
        member("x", b"long/name/here\0", b"L"),
        member("y", b"yy"),
        member("x", b"target\0", b"K"),
        link("z", "a"),
        pax(size=b"4"),
        header(b"sized") + padded(b"size"),
        pax(b"g", comment=b"a commit"),
        *GOOD_MEMBERS,
    )
)
HEADERS = [at for at in range(0, len(PLAIN), BLOCK) if PLAIN[at + 257 : at + 262] == b"ustar"]
# Where the fields of a header lie, and the beginning of what follows it.
FIELDS = [(0, 100), (100, 108), (124, 136), (136, 148), (156, 157), (157, 257), (257, 265), (345, 500), (512, 600)]
KINDS = {tarfile.REGTYPE: Kind.FILE, tarfile.AREGTYPE: Kind.FILE, tarfile.DIRTYPE: Kind.FOLDER}

Seen = list[tuple[str, object, int, str]]

_PLACE = st.sampled_from(FIELDS).flatmap(lambda field: st.integers(field[0], field[1] - 1))
_PATCH = st.tuples(st.sampled_from(HEADERS), _PLACE, st.sampled_from(b"\0\xff\x80/. \n=a0125789xgLKS"))


def patched(patches: list[tuple[int, int, int]]) -> bytes:
    """An artifact with other bytes in its headers, and checksums that hold all the same."""
    plain = bytearray(PLAIN)
    for at, place, value in patches:
        plain[at + place] = value
    for at in HEADERS:
        total = sum(plain[at : at + 148]) + 8 * ord(" ") + sum(plain[at + 156 : at + BLOCK])
        plain[at + 148 : at + 156] = b"%06o\0 " % total
    return packed(bytes(plain), end=b"")


def as_we_read(artifact: bytes) -> Seen | None:
    archive = Archive(Unpacked(io.BytesIO(artifact), size=len(artifact), bounds=BOUNDS))
    try:
        members: Seen = [(each.name, each.kind, each.size, each.target) for each in archive.members()]
        archive.end()
    except TarballError:
        return None
    return members


def as_the_library_reads(artifact: bytes) -> Seen:
    with tarfile.open(fileobj=io.BytesIO(artifact)) as tar:
        return [
            (each.name, Kind.LINK, each.size, each.linkname)
            if each.issym()
            else (each.name, KINDS.get(each.type, each.type), each.size, "")
            for each in tar
        ]


@given(patches=st.lists(_PATCH, max_size=3))
def test_an_archive_that_is_read_is_the_one_that_the_library_reads(patches: list[tuple[int, int, int]]) -> None:
    artifact = patched(patches)
    ours = as_we_read(artifact)
    assume(ours is not None)
    assert ours == as_the_library_reads(artifact)
