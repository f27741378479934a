"""Namespaces with their metadata, as a Pulp keeps them: with a digest over everything that is said of one."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from testgalaxy.layout import Layout

# The smallest picture there is: one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a4944415478da6360000000020001e527defc0000000049454e44ae426082"
)


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """What the owner of a namespace says of it. Without `avatar` there is no picture."""

    name: str
    company: str = ""
    email: str = ""
    description: str = ""
    resources: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    avatar: bytes | None = None
    avatar_type: str = "image/png"

    @property
    def avatar_sha256(self) -> str | None:
        """The digest of the picture."""
        return hashlib.sha256(self.avatar).hexdigest() if self.avatar is not None else None

    @property
    def metadata_sha256(self) -> str:
        """The digest of everything else, as Pulp makes it: of Python's own JSON, with the keys in order."""
        said = {**self._texts(), "links": dict(self.links), "avatar_sha256": self.avatar_sha256}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def document(self, layout: Layout) -> dict[str, Any]:
        """What a server answers; the address of the picture is absolute."""
        return {
            "pulp_href": f"{layout.namespaces}/{self.id}/",
            **self._texts(),
            "links": [{"name": name, "url": url} for name, url in self.links.items()],
            "avatar_sha256": self.avatar_sha256,
            "avatar_url": layout.avatar_url(self.id) if self.avatar is not None else None,
            "metadata_sha256": self.metadata_sha256,
        }

    @property
    def id(self) -> str:
        """What a Pulp has in the address of the picture."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))

    def _texts(self) -> dict[str, str]:
        return {key: getattr(self, key) for key in ("name", "company", "email", "description", "resources")}
