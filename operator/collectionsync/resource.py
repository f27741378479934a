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

Duration = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$", max_length=40, examples=["1h30m", "500ms"])]
Quantity = int | Annotated[str, Meta(max_length=20)]
CollectionName = Annotated[
    str, Meta(pattern=r"^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$", max_length=130, examples=["community.general"])
]
VersionRange = Annotated[str, Meta(min_length=1, max_length=200)]
Url = Annotated[str, Meta(pattern=r"^\S+$", max_length=2048, examples=["https://galaxy.ansible.com/api/"])]
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


class CollectionType(StrEnum):
    """Where a collection comes from, as requirements.yml has it."""

    GALAXY = "galaxy"
    GIT = "git"
    URL = "url"


class ObjectMeta(Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """What is read of a resource's metadata; whatever else a cluster or a tool writes there is passed over."""

    name: ObjectName
    namespace: Annotated[str, Meta(pattern=_NAMESPACE, max_length=63, examples=["default"])] = "default"
    uid: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class SecretRef(Part, frozen=True, kw_only=True):
    """A Secret in the namespace of the resource."""

    name: Annotated[ObjectName, Meta(description="The name of the Secret.")]


class Source(Part, frozen=True, kw_only=True):
    """The Galaxy v3 server that is mirrored."""

    url: Annotated[Url, Meta(description="The root of the server's API, such as https://galaxy.ansible.com/api/.")]
    insecure: Annotated[bool, Meta(description="Whether plain HTTP is meant; it must be true for an http URL.")] = False
    secret_ref: Annotated[
        SecretRef | None,
        Meta(description="The Secret with the credentials: the key token, or the keys username and password."),
    ] = None
    cert_secret_ref: Annotated[
        SecretRef | None,
        Meta(description="The Secret with ca.crt to trust, and tls.crt and tls.key to show, each PEM and optional."),
    ] = None
    proxy_secret_ref: Annotated[
        SecretRef | None,
        Meta(description="The Secret of the proxy on the way to the source: address, username and password."),
    ] = None
    rate_limit: Annotated[
        Annotated[float, Meta(gt=0, le=1000)] | None,
        Meta(description="The most requests per second to the source; without it, only the source itself sets a pace."),
    ] = None


class CollectionRequirement(Part, frozen=True, kw_only=True):
    """A collection to mirror, in the terms of requirements.yml."""

    name: Annotated[CollectionName, Meta(description="The collection as namespace.name, such as community.general.")]
    version: Annotated[
        VersionRange,
        Meta(description="The versions to mirror as ansible-galaxy reads them, such as >=7,<9; all by default."),
    ] = "*"
    source: Annotated[
        Url | None, Meta(description="The root of another server's API for this collection; spec.source by default.")
    ] = None
    type: Annotated[CollectionType, Meta(description="Where the collection comes from.")] = CollectionType.GALAXY
    signatures: Annotated[
        tuple[Url, ...], Meta(max_length=16, description="URLs of more signatures to verify the collection with.")
    ] = ()
    latest: Annotated[
        Annotated[int, Meta(ge=1, le=10000)] | None,
        Meta(description="How many of the highest matching versions to mirror; all of them without it."),
    ] = None


class Exclude(Part, frozen=True, kw_only=True):
    """Versions to leave out whoever asks for them."""

    name: Annotated[CollectionName, Meta(description="The collection as namespace.name.")]
    version: Annotated[VersionRange, Meta(description="The range of versions to leave out; all by default.")] = "*"


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
            description="Versions that are left out, even where a dependency asks for them.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "version"]},
        ),
    ] = ()
    on_error: Annotated[
        OnError, Meta(description="Whether a version that cannot be had is skipped, or fails the run.")
    ] = OnError.SKIP
    dependencies: Annotated[bool, Meta(description="Whether what the collections depend on is mirrored, too.")] = True
    mirror: Annotated[
        bool, Meta(description="Whether versions that are no longer asked for, or gone from the source, are removed.")
    ] = False
    signed_only: Annotated[bool, Meta(description="Whether versions without a signature are left out.")] = False
    content_policy: Annotated[
        ContentPolicy, Meta(description="Whether only metadata is mirrored, or the artifacts as well.")
    ] = ContentPolicy.METADATA
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
