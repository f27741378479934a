"""What the operator says of a CollectionSync: its status, its conditions, and the reasons that they give.

The worker never imports this: it reports, and the operator judges. Times are RFC 3339 in UTC. Nothing here bounds the
length of a text that the operator writes, since a status that is refused for one long word helps nobody: the operator
cuts texts itself. Conditions follow the Kubernetes API conventions and kstatus, so that `kubectl wait` and GitOps tools
read them without knowing this project.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from collectionsync.pod_template import Part
from collectionsync.report import Result, SkippedItem, VersionCounts

MAX_HISTORY = 5
"""How many runs `history` keeps."""
MAX_SKIPPED = 20
"""How many skipped items `skipped` names; `skippedCount` counts them all."""
MAX_WARNINGS = 10
"""How many warnings of a run are kept."""

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
_Count = Annotated[int, Meta(ge=0, extra_json_schema={"format": "int64"})]


class ConditionType(StrEnum):
    """The conditions of a CollectionSync."""

    READY = "Ready"
    """The last finished run of this generation succeeded; stays True while a routine run goes on, and is Unknown only
    while a new generation has never run."""
    RECONCILING = "Reconciling"
    """The operator is on its way to what the spec asks for; only present on the resource if it is True."""
    STALLED = "Stalled"
    """Time alone will not help: the spec, a Secret, a ConfigMap, the database or the object store has to change; only
    present if it is True."""
    DEGRADED = "Degraded"
    """The mirror is published without what `skipped` names; only present if it is True."""
    OUT_OF_SYNC = "OutOfSync"
    """A scheduled run is later than the starting deadline allows; only present if it is True."""
    MEMORY_PRESSURE = "MemoryPressure"
    """The last run took 90 % of its memory limit or more, or was killed for it; only present if it is True."""


class ConditionStatus(StrEnum):
    """Whether a condition holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a condition is as it is, in one CamelCase word that programs may rely on."""

    SUCCEEDED = "Succeeded"
    """The last run published what was asked for."""
    NO_CHANGE = "NoChange"
    """The last run found that everything was there already."""
    ITEMS_SKIPPED = "ItemsSkipped"
    """The last run published without some items, which its policy allows."""
    QUEUED = "Queued"
    """A run is due, and the operator is about to start it."""
    WAITING_FOR_SLOT = "WaitingForSlot"
    """A run is due, and waits since as many runs, or as much memory, as the operator allows are in use."""
    RUNNING = "Running"
    """A run goes on."""
    SUSPENDED = "Suspended"
    """No run is started while spec.suspend is true."""
    INVALID_SCHEDULE = "InvalidSchedule"
    """The schedule is no cron expression, or the time zone is not known; no run is due until that changes."""
    INVALID_SPEC = "InvalidSpec"
    """The spec, or the requirements.yml that it names, asks for what cannot be; no run starts until that changes."""
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason
    """A Secret that the spec names is missing, or lacks a key; runs start again once it is there."""
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound"
    """The ConfigMap that the spec names is missing, or lacks the key; runs start again once it is there."""
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    """A source, the database or the object store refuses the credentials; runs start again once a Secret changes."""
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    """The source could not be reached, or did not answer as it should; the run is tried again."""
    CERTIFICATE_NOT_TRUSTED = "CertificateNotTrusted"
    """The certificate of the source does not verify; ca.crt in the Secret of spec.source.certSecretRef may help."""
    RATE_LIMITED = "RateLimited"
    """The source kept asking for fewer requests; the run is tried again, and a lower rateLimit helps."""
    DATABASE_UNAVAILABLE = "DatabaseUnavailable"
    """The database could not be reached or used; the run is tried again."""
    DATABASE_MISCONFIGURED = "DatabaseMisconfigured"
    """The database answers and cannot be used as it is: it is too old, not there, or forbids what is needed."""
    ARTIFACT_STORE_MISSING = "ArtifactStoreMissing"
    """Artifacts are to be mirrored, and neither the spec nor the operator names an object store for them; no run is
    started until one of them does."""
    ARTIFACT_STORE_UNAVAILABLE = "ArtifactStoreUnavailable"
    """The object store could not be reached or used; the run is tried again."""
    ARTIFACT_STORE_MISCONFIGURED = "ArtifactStoreMisconfigured"
    """The object store cannot be used as it is named: its URL or its settings, or the bucket is not there."""
    SCHEMA_MISMATCH = "SchemaMismatch"
    """The database's schema is newer than the worker; only a newer worker helps."""
    OOM_KILLED = "OOMKilled"
    """The kernel killed the worker at its memory limit; the message names the peak and a limit to try."""
    JOB_FORBIDDEN = "JobForbidden"
    """The operator may not create the Job: a quota is used up, or a right is missing; it is tried again."""
    NEAR_LIMIT = "NearLimit"
    """The last run came close to its memory limit; the message names the peak."""
    STARTING_DEADLINE_EXCEEDED = "StartingDeadlineExceeded"
    """A scheduled run has not started in time: others take the room, or it is held up."""
    SPOOL_UNAVAILABLE = "SpoolUnavailable"
    """The folder for documents on their way could not be written, or was full; the run is tried again."""
    CONTENT_FAILED = "ContentFailed"
    """A version could not be had, and spec.onError is Fail; the run's reason is the version's own where it is known."""
    TOO_MANY_SKIPPED = "TooManySkipped"
    """More could not be had than spec.maxSkipped lets go; nothing was published, and the run is tried again."""
    INTERNAL_ERROR = "InternalError"
    """Something happened in the worker that nobody foresaw; its log has it whole, and the run is tried again."""
    INTERRUPTED = "Interrupted"
    """The worker was told to stop by somebody else than its deadline; the next run resumes it."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The run took longer than spec.timeout and was stopped; the next one resumes it."""
    EVICTED = "Evicted"
    """The node needed the pod's room, or went away; the run is tried again."""
    POD_FAILED = "PodFailed"
    """The pod failed in a way that no other reason names; the message has what is known of it."""


class Condition(Part, frozen=True, kw_only=True):
    """One condition, in the form of metav1.Condition."""

    type: Annotated[str, Meta(min_length=1, max_length=316, description="The condition, in CamelCase.")]
    status: Annotated[ConditionStatus, Meta(description="Whether the condition holds.")]
    reason: Annotated[
        str, Meta(min_length=1, max_length=1024, description="Why the condition is as it is, in one CamelCase word.")
    ]
    message: Annotated[str, Meta(max_length=32768, description="The same for people, in a sentence.")]
    last_transition_time: Annotated[Time, Meta(description="When the status of the condition last changed.")]
    observed_generation: Annotated[
        int | None,
        Meta(
            description="The generation of the spec that the condition is about.",
            extra_json_schema={"format": "int64", "minimum": 0},
        ),
    ] = None


class Content(Part, frozen=True, kw_only=True):
    """What is published."""

    revision: Annotated[
        str, Meta(description="sha256: and the digest over the sorted (name, version, sha256) of what is published.")
    ]
    versions: Annotated[_Count, Meta(description="How many collection versions are published.")]
    collections: Annotated[_Count, Meta(description="How many collections they belong to.")] = 0
    bytes: Annotated[_Count, Meta(description="The size of their documents, in bytes.")] = 0
    last_update_time: Annotated[Time | None, Meta(description="When the revision last changed.")] = None


class ActiveRun(Part, frozen=True, kw_only=True):
    """A run that goes on."""

    job_name: Annotated[str, Meta(description="The Job of the run.")]
    start_time: Annotated[Time | None, Meta(description="When the run started.")] = None
    trigger: Annotated[str, Meta(description="What started the run.")] = ""
    generation: Annotated[_Count, Meta(description="The generation of the spec that the run carries out.")] = 0


class StoredArtifacts(Part, frozen=True, kw_only=True):
    """What a run put into the object store."""

    created: Annotated[_Count, Meta(description="How many artifacts were stored.")] = 0
    bytes: Annotated[_Count, Meta(description="Their size, in bytes.")] = 0


class Run(Part, frozen=True, kw_only=True):
    """A run that has ended: what its report said, or what its pod showed where there was none."""

    id: Annotated[str, Meta(description="The run, as the label collectionsync.dev/run-id of its Job and pods has it.")]
    job_name: Annotated[str, Meta(description="The Job of the run.")]
    generation: Annotated[_Count, Meta(description="The generation of the spec that the run carried out.")] = 0
    trigger: Annotated[
        str, Meta(description="What started the run: the kind of trigger, a slash, and which, such as Spec/1.")
    ] = ""
    result: Annotated[Result, Meta(description="How the run ended.")]
    reason: Annotated[str, Meta(description="Why it ended so, in one CamelCase word.")]
    message: Annotated[str, Meta(description="The same for people, in a sentence.")] = ""
    exit_code: Annotated[int | None, Meta(description="The exit code of the worker.")] = None
    start_time: Annotated[Time | None, Meta(description="When the run started.")] = None
    duration: Annotated[str, Meta(description="How long the run took, for people, such as 1m12s.")] = ""
    peak_rss: Annotated[str, Meta(description="The largest resident memory, for people, such as 57Mi.")] = ""
    memory_limit: Annotated[str, Meta(description="The memory limit of the run, for people, such as 64Mi.")] = ""
    peak_rss_bytes: Annotated[_Count, Meta(description="The largest resident memory of the worker, in bytes.")] = 0
    cgroup_peak_bytes: Annotated[
        _Count, Meta(description="The most that the memory cgroup was charged for, page cache included, in bytes.")
    ] = 0
    memory_limit_bytes: Annotated[_Count, Meta(description="The memory limit of the run, in bytes.")] = 0
    fetched_bytes: Annotated[_Count, Meta(description="What came over the wire from the source, in bytes.")] = 0
    versions: Annotated[VersionCounts, Meta(description="Collection versions by what became of them in the run.")] = (
        VersionCounts()
    )
    artifacts: Annotated[
        StoredArtifacts, Meta(description="What the run put into the object store, with contentPolicy Full.")
    ] = StoredArtifacts()
    warnings: Annotated[
        tuple[str, ...],
        Meta(
            max_length=MAX_WARNINGS,
            description="What the run passed over, or what needs a look, as far as there is room.",
        ),
    ] = ()


class Status(Part, frozen=True, kw_only=True):
    """What the operator last saw and did."""

    observed_generation: Annotated[
        int,
        Meta(
            description="The generation of the spec that the status is about; -1 before the operator has seen any.",
            extra_json_schema={"format": "int64"},
        ),
    ] = -1
    conditions: Annotated[
        tuple[Condition, ...],
        Meta(
            max_length=16,
            description="How the resource stands; Ready is the one to wait for.",
            extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    last_handled_reconcile_at: Annotated[
        str | None, Meta(description="The value of the annotation requestedAt that was last answered with a run.")
    ] = None
    last_schedule_time: Annotated[
        Time | None, Meta(description="The last time of the schedule that was answered with a run.")
    ] = None
    observed_inputs: Annotated[
        str,
        Meta(description="A digest of what the last run was given besides its spec, such as versions of Secrets."),
    ] = ""
    observed_requirements: Annotated[
        str, Meta(description="A digest of the version of the ConfigMap that the last run took its requirements from.")
    ] = ""
    next_sync_time: Annotated[Time | None, Meta(description="When the next run is due.")] = None
    last_success_time: Annotated[Time | None, Meta(description="When a run last succeeded.")] = None
    last_attempt_time: Annotated[Time | None, Meta(description="When a run last ended, whatever its result.")] = None
    consecutive_failures: Annotated[_Count, Meta(description="How many runs have failed since the last success.")] = 0
    content: Annotated[Content | None, Meta(description="What is published.")] = None
    url: Annotated[
        str | None,
        Meta(
            description="Where the repository is served, as ansible-galaxy takes it for a server; absent where the"
            " operator knows of no server that has it."
        ),
    ] = None
    active_run: Annotated[ActiveRun | None, Meta(description="The run that goes on.")] = None
    last_run: Annotated[Run | None, Meta(description="The last run that ended.")] = None
    history: Annotated[
        tuple[Run, ...], Meta(max_length=MAX_HISTORY, description="The last runs that ended, the newest first.")
    ] = ()
    skipped: Annotated[
        tuple[SkippedItem, ...], Meta(max_length=MAX_SKIPPED, description="What the last run went on without.")
    ] = ()
    skipped_count: Annotated[_Count, Meta(description="How many items the last run went on without.")] = 0
