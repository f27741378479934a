"""Whether an artifact holds what its FILES.json says, and nothing else."""

import hashlib
import posixpath
from array import array
from collections.abc import Iterable

from collectionsync.artifacts.errors import TarballError, shown
from collectionsync.artifacts.listing import Listed, Listing, Text
from collectionsync.artifacts.tar import Archive, Kind, Member

_HEAD = ("MANIFEST.json", "FILES.json")  # they are not in FILES.json
_THERE, _LINK, _HOLDS = 1, 2, 4  # what is known of an entry, in bits
_NAMED = 3  # of what is missing, a message names so many


def check_members(archive: Archive, files: Text) -> None:
    """Read the whole archive, and hold each member against FILES.json.

    Raises:
        TarballError: they differ, or one of them is not what it should be.
    """
    check = _Check(Listing(files))
    for member in archive.members():
        check.take(member, archive.data())
    archive.end()
    check.end()


class _Check:
    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._states = bytearray(len(listing))
        self._aims = array("I")  # numbers of links, each before that of what it leads to
        self._head = set(_HEAD)
        self._folder = ""

    def take(self, member: Member, data: Iterable[memoryview]) -> None:
        """Check one member."""
        if member.name in _HEAD:
            self._take_head(member)
            return
        self._note_folders(member.name)
        listed = self._listing.find(member.name)
        if listed is None:
            # A folder that nobody names holds nothing that nobody names, and is not installed.
            if member.kind is not Kind.FOLDER:
                raise TarballError("UnlistedMember", f"the artifact holds {shown(member.name)}, which FILES.json lacks")
            return
        if self._states[listed.number] & (_THERE | _LINK):
            raise TarballError("DuplicateMember", f"the artifact holds {shown(member.name)} twice")
        self._states[listed.number] |= _LINK if member.kind is Kind.LINK else _THERE
        if member.kind is Kind.LINK:
            self._take_link(member, listed)
        elif member.kind is Kind.FOLDER:
            if listed.sha256 is not None:
                raise TarballError("WrongKind", f"{shown(member.name)} is a folder, and FILES.json says it is a file")
        else:
            _take_file(member, listed, data)

    def end(self) -> None:
        """Check what only the whole archive shows."""
        missing = [number for number, state in enumerate(self._states) if not state & (_THERE | _LINK)]
        if self._head or missing:
            names = [*sorted(self._head), *map(self._listing.name, missing[:_NAMED])][:_NAMED]
            more = len(missing) + len(self._head) - len(names)
            told = ", ".join(names) + (f" and {more} more" if more else "")
            raise TarballError("MissingMember", f"the artifact lacks {told}, which FILES.json names")
        for link, aim in zip(self._aims[::2], self._aims[1::2], strict=True):
            if self._states[aim] & _LINK:
                raise _broken(self._listing.name(link), "to another link")
        for number, state in enumerate(self._states):
            if state & _HOLDS and (state & _LINK or self._listing.sha256(number) is not None):
                raise TarballError("WrongKind", f"{self._listing.name(number)} is no folder, and has members below it")

    def _note_folders(self, name: str) -> None:
        """Note of what a member lies in that it holds something; most lie where the one before does."""
        folder = posixpath.dirname(name)
        if folder == self._folder:
            return
        self._folder = folder
        while folder:
            if listed := self._listing.find(folder):
                self._states[listed.number] |= _HOLDS
            folder = posixpath.dirname(folder)

    def _take_head(self, member: Member) -> None:
        if member.kind is not Kind.FILE:
            raise TarballError("ForbiddenMember", f"{member.name} is a {member.kind.value} and not a file")
        if member.name not in self._head:
            raise TarballError("DuplicateMember", f"the artifact holds {member.name} twice")
        self._head.remove(member.name)

    def _take_link(self, member: Member, listed: Listed) -> None:
        """Check a link as ansible-galaxy makes and installs it: relative, within the collection, and to no other link.

        FILES.json has of a link to a file the digest of that file, and of one to a folder that it is a folder.
        """
        path = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.target))
        if "\0" in member.target or path.startswith(("/", "../")) or path == ".." or not member.target:
            raise TarballError("LinkOutside", f"{shown(member.name)} is a link to outside of the collection")
        if listed.sha256 is None and path == ".":
            return
        aim = self._listing.find(path)
        if aim is None:
            raise _broken(member.name, "to what FILES.json lacks")
        if aim.sha256 != listed.sha256:
            raise _broken(member.name, "to something else than FILES.json says of it")
        self._aims.extend((listed.number, aim.number))


def _take_file(member: Member, listed: Listed, data: Iterable[memoryview]) -> None:
    if listed.sha256 is None:
        raise TarballError("WrongKind", f"{shown(member.name)} is a file, and FILES.json says it is a folder")
    digest = hashlib.sha256()
    for piece in data:
        digest.update(piece)
    if digest.digest() != listed.sha256:
        raise TarballError(
            "MemberDigestMismatch",
            f"{shown(member.name)} has the SHA-256 {digest.hexdigest()}, and FILES.json says {listed.sha256.hex()}",
        )


def _broken(name: str, where: str) -> TarballError:
    return TarballError("BrokenLink", f"{shown(name)} is a link {where}")
