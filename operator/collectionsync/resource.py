"""What a CollectionSync is: the one truth that the CRD is generated from, and that operator and worker read.

Types, bounds and descriptions only. What a type cannot say is in `rules`, how a file becomes one of these in
`manifest`, and what the operator answers in `status`. The worker pays for every import here, so nothing is imported
that only one side needs. Units and meaning of each field are in its description, which `kubectl explain` shows.
"""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from collectionsync.pod_template import ObjectName, Part, PodTemplate
from collectionsync.quantity import parse_bytes
from collectionsync.source import Duration, Url
from collectionsync.source import NamedSource as NamedSource
from collectionsync.source import SecretRef as SecretRef
from collectionsync.source import Source as Source

GROUP = "collectionsync.dev"
"""The API group; it names the project, and nobody has to own the domain."""
VERSION = "v1alpha1"
"""The only version of the API so far."""
API_VERSION: Literal["collectionsync.dev/v1alpha1"] = "collectionsync.dev/v1alpha1"
"""GROUP and VERSION, as a manifest spells them."""
KIND: Literal["CollectionSync"] = "CollectionSync"
"""The kind of the resource."""
PLURAL = "collectionsyncs"
"""The resource's name in URLs and RBAC rules."""
REQUESTED_AT_ANNOTATION = f"{GROUP}/requestedAt"
"""Any new value of this annotation asks for a run now, beside the schedule."""

DEFAULT_MEMORY_LIMIT = "64Mi"
"""The Job's memory limit where the resource sets none: a quantity of bytes."""
DEFAULT_MEMORY_LIMIT_FULL = "96Mi"
"""The same with contentPolicy Full."""

Quantity = int | Annotated[str, Meta(max_length=20)]
CollectionName = Annotated[
    str,
    Meta(pattern=r"^[a-z_][a-z0-9_]{0,63}\.[a-z_][a-z0-9_]{0,63}$", max_length=129, examples=["community.general"]),
]
VersionRange = Annotated[str, Meta(min_length=1, max_length=200)]
Latest = Annotated[int, Meta(ge=1, le=10000)]
# Shorter than the URL of a source, since each is compared with each of theirs.
_SourceOf = Annotated[str, Meta(pattern=r"^\S+$", max_length=512, examples=["https://galaxy.ansible.com/api/"])]
_SignatureUrl = Annotated[
    str, Meta(pattern=r"^https://[^/?#@\s]+[^@\s]*$", max_length=2048, examples=["https://example.com/manifest.asc"])
]
_Key = Annotated[str, Meta(pattern=r"^[-_A-Za-z0-9][-._A-Za-z0-9]*$", max_length=253, examples=["uri"])]
_NAMESPACE = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_REPOSITORY = r"^[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"


class OnError(StrEnum):
    """What a version that cannot be had means for the run."""

    SKIP = "Skip"
    """It is skipped and named in the status, and the rest is published."""
    FAIL = "Fail"
    """The run fails, and nothing is published."""


class ContentPolicy(StrEnum):
    """How much of each version is mirrored."""

    METADATA = "Metadata"
    """Its documents: what a search, a catalogue and the resolution of dependencies need."""
    FULL = "Full"
    """The artifact, too."""


class Verify(StrEnum):
    """How far an artifact is checked before it is stored."""

    CHAIN = "Chain"
    """Its digest, then MANIFEST.json, then FILES.json by the digest in MANIFEST.json."""
    MEMBERS = "Members"
    """Every file in it as well, by its digest in FILES.json; that unpacks the whole artifact."""


class Prereleases(StrEnum):
    """Which pre-releases a range takes in."""

    ALL = "All"
    """Each that the range holds for: a mirror serves `ansible-galaxy --pre` as well."""
    WHEN_NEEDED = "WhenNeeded"
    """Those that ansible-galaxy takes without --pre: pinned ones, and those of a collection without releases."""


class CollectionType(StrEnum):
    """Where a collection comes from, as requirements.yml has it."""

    GALAXY = "galaxy"
    GIT = "git"
    URL = "url"
    FILE = "file"
    DIR = "dir"
    SUBDIRS = "subdirs"


class ObjectMeta(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """What is read of a resource's metadata; whatever else a cluster or a tool writes there is passed over."""

    name: ObjectName
    namespace: Annotated[str, Meta(pattern=_NAMESPACE, max_length=63, examples=["default"])] = "default"
    uid: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class CollectionRequirement(Part, frozen=True, kw_only=True):
    """A collection to mirror, in the terms of requirements.yml."""

    name: Annotated[CollectionName, Meta(description="The collection as namespace.name, such as community.general.")]
    version: Annotated[
        VersionRange,
        Meta(description="The versions to mirror as ansible-galaxy reads them, such as >=7,<9; all by default."),
    ] = "*"
    source: Annotated[
        _SourceOf | None,
        Meta(
            description="Another server for this collection: one of spec.sources, by name or URL, or any https URL,"
            " which is asked without credentials."
        ),
    ] = None
    type: Annotated[CollectionType, Meta(description="Where the collection comes from; only galaxy is mirrored.")] = (
        CollectionType.GALAXY
    )
    signatures: Annotated[
        tuple[_SignatureUrl, ...],
        Meta(max_length=16, description="https URLs of further signatures; the version must be a single one."),
    ] = ()
    latest: Annotated[
        Latest | None,
        Meta(
            description="How many of the highest matching versions to mirror, releases before pre-releases; as many as"
            " spec.latest says without it."
        ),
    ] = None


class Exclude(Part, frozen=True, kw_only=True):
    """Versions to leave out whoever asks for them."""

    name: Annotated[CollectionName, Meta(description="The collection as namespace.name.")]
    version: Annotated[
        VersionRange, Meta(description="The range of versions to leave out, pre-releases too; all by default.")
    ] = "*"


class ConfigMapKeyRef(Part, frozen=True, kw_only=True):
    """A key of a ConfigMap in the namespace of the resource."""

    name: Annotated[ObjectName, Meta(description="The name of the ConfigMap.")]
    key: Annotated[_Key, Meta(description="The key whose value is the file.")] = "requirements.yml"


class RequirementsFrom(Part, frozen=True, kw_only=True):
    """Where a requirements.yml lies."""

    config_map_key_ref: Annotated[ConfigMapKeyRef, Meta(description="The ConfigMap that holds a requirements.yml.")]


class DatabaseSecretRef(Part, frozen=True, kw_only=True):
    """A key of a Secret that holds the URI of a PostgreSQL database."""

    name: Annotated[ObjectName, Meta(description="The name of the Secret.")]
    key: Annotated[_Key, Meta(description="The key whose value is the postgresql:// URI.")] = "uri"


class ArtifactStore(Part, frozen=True, kw_only=True):
    """An object store for artifacts."""

    url: Annotated[
        Url,
        Meta(
            description="Where artifacts go: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or"
            " file:///FOLDER.",
            examples=["s3://mirror/collections"],
        ),
    ]
    secret_ref: Annotated[
        SecretRef | None,
        Meta(description="The Secret whose keys are settings of the store, such as aws_access_key_id."),
    ] = None


# The default is one name for all, not the resource's: what a namespace mirrors is then one repository with one URL for
# its clients, several resources may feed it, and the API server has a value to hold fast from the first moment.
class Target(Part, frozen=True, kw_only=True):
    """Where the collections go."""

    repository: Annotated[
        str,
        Meta(
            pattern=_REPOSITORY,
            max_length=63,
            examples=["community"],
            description="The repository within the resource's namespace that the versions are published in; immutable.",
        ),
    ] = "default"
    database_secret_ref: Annotated[
        DatabaseSecretRef | None,
        Meta(
            description="The Secret with the database's URI; the one that the operator was installed with by default."
        ),
    ] = None
    artifacts: Annotated[
        ArtifactStore | None,
        Meta(
            description="Where artifacts go with contentPolicy Full; the store that the operator was installed with by"
            " default."
        ),
    ] = None


class Fetch(Part, frozen=True, kw_only=True):
    """How hard the source is worked; the memory limit may allow less."""

    concurrency: Annotated[int, Meta(ge=1, le=100, description="The most connections to the source at once.")] = 20
    max_in_flight: Annotated[
        Quantity, Meta(description="The most bytes of documents between the source and the database at once.")
    ] = "32Mi"


class Limits(Part, frozen=True, kw_only=True):
    """The most that a run may take."""

    memory: Annotated[
        Quantity | None,
        Meta(description="The memory limit and request of the Job; 64Mi by default, 96Mi with contentPolicy Full."),
    ] = None


class Resources(Part, frozen=True, kw_only=True):
    """What a run may take of the node."""

    limits: Annotated[Limits, Meta(description="The most that a run may take; requests are the same.")] = Limits()


class Spec(Part, frozen=True, kw_only=True):
    """What is to be mirrored, from where, to where, when and how."""

    source: Annotated[Source, Meta(description="The Galaxy v3 server that is mirrored.")]
    sources: Annotated[
        tuple[NamedSource, ...],
        Meta(
            max_length=16,
            description="More servers, for collections that name one, and, in this order, for dependencies that the"
            " source does not have.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    collections: Annotated[
        Annotated[tuple[CollectionRequirement, ...], Meta(min_length=1, max_length=500)] | None,
        Meta(
            description="The collections to mirror; excludes all and requirementsFrom.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = None
    all: Annotated[bool, Meta(description="Whether everything that the source has is mirrored.")] = False
    requirements_from: Annotated[
        RequirementsFrom | None, Meta(description="A requirements.yml that names the collections to mirror.")
    ] = None
    exclude: Annotated[
        tuple[Exclude, ...],
        Meta(
            max_length=500,
            description="Versions that are left out, even where a dependency asks for them, and besides those that the"
            " source itself excludes.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "version"]},
        ),
    ] = ()
    on_error: Annotated[
        OnError,
        Meta(description="Whether what cannot be had is skipped, or fails the run, which then publishes nothing."),
    ] = OnError.SKIP
    max_skipped: Annotated[
        int | Annotated[str, Meta(max_length=4)] | None,
        Meta(
            description="With onError Skip, how many items may be skipped before the run fails and publishes nothing,"
            " as a number, or as a percentage of all items such as 5%; any number without it."
        ),
    ] = None
    latest: Annotated[
        Latest | None,
        Meta(
            description="How many of the highest matching versions of each collection to mirror, dependencies too,"
            " releases before pre-releases; all of them without it."
        ),
    ] = None
    prereleases: Annotated[
        Prereleases,
        Meta(
            description="Whether All pre-releases that match are mirrored, or those that ansible-galaxy takes without"
            " --pre (WhenNeeded): a version that is asked for exactly, or of a collection without releases."
        ),
    ] = Prereleases.ALL
    dependencies: Annotated[bool, Meta(description="Whether what the collections depend on is mirrored, too.")] = True
    mirror: Annotated[
        bool,
        Meta(
            description="Whether versions are removed that this resource once brought, and no longer asks for, or that"
            " are gone from the source."
        ),
    ] = False
    signed_only: Annotated[
        bool, Meta(description="Whether versions without a signature are left out, and what only they depend on.")
    ] = False
    content_policy: Annotated[
        ContentPolicy, Meta(description="Whether only Metadata is mirrored, or the artifacts as well (Full).")
    ] = ContentPolicy.METADATA
    verify: Annotated[
        Verify,
        Meta(
            description="How far artifacts are checked before they are stored: the Chain of digests from the artifact"
            " to the list of its files, or its Members as well."
        ),
    ] = Verify.CHAIN
    recheck_interval: Annotated[
        Duration,
        Meta(
            description="How long a run may rely on what the source once said of a version whose entry in its list is"
            " unchanged: signatures that come later are noticed after that; at least 1m."
        ),
    ] = "168h"
    target: Annotated[Target, Meta(description="Where the collections go.")] = Target()
    schedule: Annotated[
        Annotated[str, Meta(min_length=1, max_length=128)] | None,
        Meta(description="When runs start, as a cron expression of five fields; excludes interval."),
    ] = None
    interval: Annotated[
        Duration | None,
        Meta(description="The time from one run's start to the next one's, at least 1m; excludes schedule."),
    ] = None
    time_zone: Annotated[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+/-]+$", max_length=64, examples=["Europe/Zurich"])] | None,
        Meta(description="The time zone of the schedule, as the tz database names it; UTC by default."),
    ] = None
    jitter: Annotated[
        Duration | None,
        Meta(description="The most that a start is put off, by an amount that is fixed for each resource."),
    ] = None
    starting_deadline: Annotated[
        Duration | None,
        Meta(description="How late a run may start before it counts as missed and OutOfSync becomes true."),
    ] = None
    suspend: Annotated[bool, Meta(description="Whether no run is started; one that goes on is let finish.")] = False
    suspend_reason: Annotated[
        Annotated[str, Meta(max_length=256)] | None, Meta(description="Why runs are suspended, for people.")
    ] = None
    timeout: Annotated[
        Duration, Meta(description="How long a run may take before it is stopped; the next one resumes it.")
    ] = "30m"
    fetch: Annotated[Fetch, Meta(description="How hard the source is worked; the memory limit may allow less.")] = (
        Fetch()
    )
    resources: Annotated[Resources, Meta(description="What a run may take of the node.")] = Resources()
    backoff_limit: Annotated[
        int, Meta(ge=0, le=10, description="How often a failed pod is tried again within one run.")
    ] = 2
    successful_runs_history_limit: Annotated[
        int, Meta(ge=0, le=100, description="How many Jobs of successful runs are kept.")
    ] = 3
    failed_runs_history_limit: Annotated[
        int, Meta(ge=0, le=100, description="How many Jobs of failed runs are kept.")
    ] = 3
    pod_template: Annotated[
        PodTemplate | None, Meta(description="What is set on the pods of the Jobs besides the operator's own.")
    ] = None


class CollectionSync(Part, frozen=True, kw_only=True):
    """A mirror of Ansible collections, kept by runs. `status` is the operator's, and is not looked into."""

    api_version: Literal["collectionsync.dev/v1alpha1"]
    kind: Literal["CollectionSync"]
    metadata: ObjectMeta
    spec: Spec
    status: Raw = Raw(b"")


def memory_limit_bytes(spec: Spec) -> int:
    """Return the memory limit of a run in bytes: what the resource says, or the default of its content policy.

    Raises:
        ValueError: the resource's own limit is no quantity; `manifest` lets none such pass.
    """
    default = DEFAULT_MEMORY_LIMIT_FULL if spec.content_policy is ContentPolicy.FULL else DEFAULT_MEMORY_LIMIT
    limit = spec.resources.limits.memory
    return parse_bytes(default if limit is None else limit)
