"""Object storage behind a Galaxy: another host, to which redirects lead with a signature in the query.

As S3 does, it refuses a request that brings an Authorization header as well, and one whose query is not, character by
character, what was signed. It says so in XML.
"""

from testgalaxy import presigning
from testgalaxy.layout import Layout, direct_layout
from testgalaxy.listening import Listening
from testgalaxy.replies import Reply, artifact_reply, xml_reply
from testgalaxy.requestlog import Request
from testgalaxy.views import Answer, picture

_TWICE = (
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
    "or the Authorization header should be specified"
)
_NOT_SIGNED = "The request signature we calculated does not match the signature you provided."


class ObjectStorage(Listening):
    """Gives out the artifacts and avatars of a catalog, by their digests; requests have these two as their kinds."""

    def layout_at(self, origin: str) -> Layout:
        """Nothing in it but the origin is of interest."""
        return direct_layout(origin)

    def answer(self, entry: Request) -> Answer:
        """An object, or XML that says why not."""
        path, _, _ = entry.path.partition("?")
        kind, found = self._object(path)
        if "Authorization" in entry.headers:
            return Answer(kind, xml_reply(400, "InvalidArgument", _TWICE))
        if not presigning.is_presigned(entry.path):
            return Answer(kind, xml_reply(403, "SignatureDoesNotMatch", _NOT_SIGNED))
        return Answer(kind, found or xml_reply(404, "NoSuchKey", "The specified key does not exist."))

    def _object(self, path: str) -> tuple[str, Reply | None]:
        for version in self.catalog:
            if version.artifact is not None and path == presigning.object_path(version.sha256):
                return "artifact", artifact_reply(version.artifact, version.sha256)
        for namespace in self.catalog.namespaces():
            if namespace.avatar_sha256 and path == presigning.object_path(namespace.avatar_sha256):
                return "avatar", picture(namespace)
        return "unknown", None
