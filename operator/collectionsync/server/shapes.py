"""What the server's answers look like, as typed structs: the OpenAPI description is made from them.

PostgreSQL makes most of these answers, so no request comes by here. The tests hold every answer to them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Time = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
        description="UTC, with six digits after the second's point.",
        extra_json_schema={"format": "date-time"},
    ),
]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Href = Annotated[str, Meta(pattern="^/.*/$", description="A path without a host; it ends in a slash.")]
PageHref = Annotated[str, Meta(pattern=r"^/[^?]*\?.*$", description="A path with a query, without a host.")]
Url = Annotated[str, Meta(description="A whole URL.", extra_json_schema={"format": "uri"})]
Count = Annotated[int, Meta(ge=0)]


class Shape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An object that has exactly these members."""


class Healthy(Shape):
    """All is well."""

    status: Literal["ok"]


class Unready(Shape):
    """Repositories cannot be read now."""

    status: Literal["unavailable"]
    reason: Annotated[str, Meta(description="Why not, and what to do.")]


class AvailableVersions(Shape):
    """Where each version of the API is, relative to the path that was asked."""

    v3: Annotated[str, Meta(pattern="^(api/)?v3/$")]


class Root(Shape):
    """What a client asks for first."""

    available_versions: AvailableVersions
    current_version: Literal["v3"]


class Published(Shape):
    """What state the repository is in: while this stays the same, so does all that clients can see of it."""

    published: Time


class VersionLink(Shape):
    """A version, and where its detail is."""

    href: Href
    version: str


class Collection(Shape):
    """A collection, without its versions."""

    href: Href
    namespace: str
    name: str
    deprecated: bool
    versions_url: Href
    highest_version: Annotated[VersionLink, Meta(description="The highest stable version, else the highest at all.")]
    created_at: Time
    updated_at: Annotated[Time, Meta(description="When the list of its versions changed last; a removal is a change.")]
    download_count: Annotated[Literal[0], Meta(description="Downloads are not counted.")]


class Total(Shape):
    """How many there are on all pages together."""

    count: Count


class PageLinks(Shape):
    """The pages of a list, under the path that was asked, with the query's other parameters kept."""

    first: PageHref
    previous: PageHref | None
    next: Annotated[PageHref | None, Meta(description="null on the last page.")]
    last: PageHref


class CollectionPage(Shape):
    """A page of the list of collections."""

    meta: Total
    links: PageLinks
    data: list[Collection]


class VersionItem(Shape):
    """A version as the list of a collection's versions has it."""

    version: str
    href: Href
    created_at: Time
    updated_at: Time
    requires_ansible: Annotated[str | None, Meta(description="The ansible-core that it needs, as a range.")]
    marks: list[str]


class VersionPage(Shape):
    """A page of a collection's versions, the newest by semantic versioning first."""

    meta: Total
    links: PageLinks
    data: list[VersionItem]


class ArtifactDigest(Shape):
    """The tarball of a version."""

    filename: Annotated[str, Meta(pattern=r"^.+-.+-.+\.tar\.gz$")]
    sha256: Sha256
    size: Annotated[int, Meta(ge=0, description="In bytes.")]


class CollectionLink(Shape):
    """The collection that a version is of."""

    name: str
    href: Href


class NamespaceLink(Shape):
    """The namespace that a version is in; the digest is null unless the server has the namespace's metadata."""

    name: str
    metadata_sha256: Sha256 | None


class Signature(Shape):
    """A detached signature of the version's MANIFEST.json."""

    signature: str
    pubkey_fingerprint: Annotated[str, Meta(description="Empty where it is not known.")]
    signing_service: str | None
    pulp_created: Time


class VersionMetadata(msgspec.Struct, kw_only=True):
    """What the collection says of itself, as the source sent it: more members than these two are usual."""

    tags: Annotated[list[str], Meta(description="Empty where the source had none.")]
    dependencies: Annotated[
        dict[str, str],
        Meta(description="From `namespace.name` to a range of versions; empty where the source had none."),
    ]


class VersionSummary(Shape):
    """A version as the list of all versions has it: the detail without its two large members."""

    version: str
    href: Href
    created_at: Time
    updated_at: Time
    requires_ansible: str | None
    marks: list[str]
    artifact: ArtifactDigest
    collection: CollectionLink
    download_url: Url
    name: str
    namespace: NamespaceLink
    signatures: list[Signature]
    metadata: VersionMetadata
    git_url: None
    git_commit_sha: None


class VersionDetail(VersionSummary):
    """A version, with the two lists that its tarball holds."""

    manifest: Annotated[dict[str, Any], Meta(description="MANIFEST.json; empty where the source did not send it.")]
    files: Annotated[dict[str, Any], Meta(description="FILES.json; empty where the source did not send it.")]


class Docs(msgspec.Struct, kw_only=True):
    """The rendered documentation of a version, as the source sent it."""

    docs_blob: Annotated[dict[str, Any] | None, Meta(description="Empty where the source had none.")]


class Link(Shape):
    """A link that a namespace shows."""

    name: str
    url: str


class Namespace(Shape):
    """What the owner of a namespace says of it."""

    pulp_href: Href
    name: str
    company: str | None
    email: str | None
    description: str | None
    resources: str | None
    links: list[Link] | None
    avatar_sha256: Sha256 | None
    avatar_url: Url | None
    metadata_sha256: Annotated[Sha256 | None, Meta(description="Null unless the avatar that it names is here as well.")]


class NamespacePage(Shape):
    """A page of the list of namespaces; Galaxy gives it another envelope than its other lists."""

    count: Count
    next: PageHref | None
    previous: PageHref | None
    results: list[Namespace]


class Error(Shape):
    """One thing that is wrong."""

    status: Annotated[str, Meta(pattern="^[45][0-9][0-9]$")]
    code: str
    title: str
    detail: Annotated[str, Meta(description="What is wrong with this request, and what to do.")]


class Errors(Shape):
    """Why a request has no other answer."""

    errors: Annotated[list[Error], Meta(min_length=1)]
    default: Annotated[str, Meta(description="The detail once more, where ansible-galaxy looks for it at the root.")]
