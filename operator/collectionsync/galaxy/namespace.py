"""The metadata of a namespace, and whether it is what its digest says.

The digest is pulp_ansible's: SHA-256 over the JSON that Python makes of its members with their keys sorted, the links
as an object from name to URL. So a client can tell from a version's detail whether it has to read a namespace again.
"""

import hashlib
import json

import msgspec

from collectionsync.galaxy.errors import ContentError, shown


class NamespaceLink(msgspec.Struct):
    """A link that the owner of a namespace shows."""

    name: str
    url: str


class NamespaceDocument(msgspec.Struct):
    """The members of a namespace's metadata that are kept: what a server adds of its own is left out.

    `avatar_url` may be relative. Without `metadata_sha256` nothing tells whether the metadata is whole.
    """

    name: str
    company: str | None = ""
    email: str | None = ""
    description: str | None = ""
    resources: str | None = ""
    links: list[NamespaceLink] | None = None
    avatar_sha256: str | None = None
    avatar_url: str | None = None
    metadata_sha256: str | None = None

    def encoded(self) -> bytes:
        """Return these members as JSON."""
        return msgspec.json.encode(self)

    def digest(self) -> str:
        """Return what `metadata_sha256` has to be, as 64 hexadecimal digits."""
        said = {
            "name": self.name,
            "company": self.company,
            "email": self.email,
            "description": self.description,
            "resources": self.resources,
            "links": {link.name: link.url for link in self.links or ()},
            "avatar_sha256": self.avatar_sha256,
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_namespace(name: str, raw: bytes) -> NamespaceDocument:
    """Read the metadata of the namespace `name` as `namespaces/` has it, and hold it to its own digest.

    Raises:
        ContentError: it is no such document, or another namespace's, or has another digest than it says.
    """
    try:
        document = msgspec.json.decode(raw, type=NamespaceDocument)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ContentError("InvalidJSON", f"the metadata of the namespace {name} is of no use: {error}") from error
    if document.name != name:
        raise ContentError("WrongNamespace", f"the metadata of the namespace {name} is that of {shown(document.name)}")
    if document.metadata_sha256 and document.metadata_sha256 != (digest := document.digest()):
        raise ContentError(
            "DigestMismatch",
            f"the metadata of the namespace {name} has sha256 {digest}, and says {shown(document.metadata_sha256)}",
        )
    return document
