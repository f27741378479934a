"""What a watch of the API server says of objects by their metadata alone: its events, and which object they are about.

PURE. The form is in the API concepts:

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from collections.abc import Iterable, Iterator

import msgspec

BOOKMARK = "BOOKMARK"
"""The type of an event that tells how far a watch has come, and of no object."""
DELETED = "DELETED"
"""The type of an event that tells of an object's end."""
ERROR = "ERROR"
"""The type of an event that says why a watch cannot go on, in a Status."""


class Identity(msgspec.Struct, rename="camel", frozen=True):
    """Which object there is, and in which version; of its metadata no more is read."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""

    @property
    def version(self) -> str:
        """What changes whenever the object does, and with another one of its name."""
        return f"{self.uid}/{self.resource_version}"

    @property
    def number(self) -> int:
        """What grows with each change (KEP-5504)."""
        return int(self.resource_version) if self.resource_version.isdecimal() else 0


class Object(msgspec.Struct, frozen=True):
    """An object, or the Status of what went wrong: `code` is that of HTTP."""

    metadata: Identity = Identity()
    code: int = 0
    message: str = ""


class Event(msgspec.Struct, frozen=True):
    """What happened to an object."""

    type: str
    object: Object


def events(pieces: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of a watch from its body, in whatever pieces that comes.

    A last one that was cut off is passed over: the next watch tells of it.

    Raises:
        msgspec.DecodeError: something else is in the body.
    """
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in filter(None, lines):
            yield msgspec.json.decode(line, type=Event)
