"""From a resource to the Job that carries out one run of it. PURE: the same arguments make the same Job.

A run's name follows from the resource, its generation, the trigger and the run before, so that an operator that starts
a run twice, after a crash or beside another one, is told that it is there already. The manifest travels within the Job,
so that a run is of one generation whatever happens to the resource meanwhile. A Job holds names of Secrets and of a
ConfigMap, and never a byte of one.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from collectionsync import malloc
from collectionsync.controller.hosts import source_hosts
from collectionsync.controller.observed import (
    CONTAINER,
    GENERATION_ANNOTATION,
    INPUTS_ANNOTATION,
    NAME_LABEL,
    REQUIREMENTS_ANNOTATION,
    RUN_ID_LABEL,
    SOURCE_HOST_ANNOTATION,
    TRIGGER_ANNOTATION,
)
from collectionsync.pod_template import PodMetadata, PodTemplate
from collectionsync.quantity import exact_bytes, parse_bytes, parse_seconds
from collectionsync.report import ExitCode
from collectionsync.resource import (
    API_VERSION,
    GROUP,
    KIND,
    ArtifactStore,
    CollectionSync,
    ConfigMapKeyRef,
    ContentPolicy,
    DatabaseSecretRef,
    ObjectMeta,
    Spec,
    memory_limit_bytes,
)

Body = dict[str, Any]

MANIFEST_ANNOTATION = f"{GROUP}/manifest"
"""Annotation of pods: the manifest that the worker is given, as compact JSON."""
DEADLINE_MARGIN_SECONDS = 120
"""How much longer a Job may take than its worker."""

_MANIFEST_FOLDER = "/etc/collectionsync/manifest"
_MANIFEST_FILE = "collectionsync.json"
_SECRETS_FOLDER = "/etc/collectionsync/secrets"
_CONFIG_MAPS_FOLDER = "/etc/collectionsync/config-maps"
_SPOOL_FOLDER = "/var/spool/collectionsync"
_REPORT_FILE = "/dev/termination-log"
_METRICS_PORT = 9090
_USER = 65532
_KEPT_SECONDS = 7 * 24 * 3600
_LONGEST_SECONDS = 2**31 - 1
_KILLED = 128 + 9
_RUN_ID_DIGITS = 10
# More than all that lies there at once beside what spec.fetch.maxInFlight counts. It is a bound and reserves nothing.
_SPOOL_BYTES = 1024**3
# The largest artifact that a worker takes: whatever maxInFlight is, one passes alone.
_LARGEST_ARTIFACT_BYTES = 1024**3

_LABELS = {
    "app.kubernetes.io/name": "collectionsync",
    "app.kubernetes.io/component": "worker",
    "app.kubernetes.io/managed-by": "collectionsync-operator",
}
_ARGUMENTS = (
    "sync",
    f"{_MANIFEST_FOLDER}/{_MANIFEST_FILE}",
    *("--secrets", _SECRETS_FOLDER),
    *("--config-maps", _CONFIG_MAPS_FOLDER),
    *("--report", _REPORT_FILE),
    *("--metrics-address", f"0.0.0.0:{_METRICS_PORT}"),
    *("--progress", "none"),
    *("--log", "json"),
    *("--spool", _SPOOL_FOLDER),
)
# What another pod of the same run would only end with again: what is wrong stays wrong (64, 65, 77, 78), the time is
# over or somebody has stopped it (75), or the limit is too small (137). The operator tries again later, after pauses
# that grow.
_FINAL = sorted(
    int(code)
    for code in (
        ExitCode.USAGE,
        ExitCode.CONTENT,
        ExitCode.INTERRUPTED,
        ExitCode.AUTHENTICATION,
        ExitCode.CONFIGURATION,
        _KILLED,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDefaults:
    """What the operator was installed with.

    `database_secret` and `artifacts` are for resources that name none of their own. Without `artifacts` those that
    mirror artifacts have to.
    """

    image: str
    image_pull_policy: str
    database_secret: DatabaseSecretRef
    artifacts: ArtifactStore | None = None


def run_id(uid: str, generation: int, trigger: str, after: str = "") -> str:
    """Return what a run is called: ten hexadecimal digits, the same whenever they are asked for.

    `after` is the run before: a trigger may come back, as a Secret that is gone again does, and is another run then.
    """
    told = "\n".join((uid, str(generation), trigger, after))
    return hashlib.sha256(told.encode()).hexdigest()[:_RUN_ID_DIGITS]


def job_name(resource_name: str, run_id: str) -> str:
    """Return the name of a run's Job: at most 63 characters, since a resource's name has at most 52."""
    return f"{resource_name}-{run_id}"


def effective(resource: CollectionSync, defaults: JobDefaults) -> CollectionSync:
    """Return the resource as the worker gets it: with the defaults filled in, and without what is the operator's."""
    metadata, spec = resource.metadata, resource.spec
    if spec.target.database_secret_ref is None:
        spec = replace(spec, target=replace(spec.target, database_secret_ref=defaults.database_secret))
    if spec.target.artifacts is None and (store := artifact_store(spec, defaults)) is not None:
        spec = replace(spec, target=replace(spec.target, artifacts=store))
    # Not replaced: only a status that was never given is left out where the resource is encoded.
    return CollectionSync(
        api_version=API_VERSION,
        kind=KIND,
        metadata=ObjectMeta(
            name=metadata.name, namespace=metadata.namespace, uid=metadata.uid, generation=metadata.generation
        ),
        spec=spec,
    )


def artifact_store(spec: Spec, defaults: JobDefaults) -> ArtifactStore | None:
    """Return the object store that a run puts artifacts into; None where it has none to put, or nowhere to."""
    return (spec.target.artifacts or defaults.artifacts) if spec.content_policy is ContentPolicy.FULL else None


def secret_names(resource: CollectionSync, defaults: JobDefaults) -> tuple[str, ...]:
    """Return the names of all Secrets that a run reads, each once, in order."""
    spec = resource.spec
    store = artifact_store(spec, defaults)
    references = [store.secret_ref if store else None]
    for source in (spec.source, *spec.sources):
        references += [source.secret_ref, source.cert_secret_ref, source.proxy_secret_ref]
    database = spec.target.database_secret_ref or defaults.database_secret
    return tuple(sorted({database.name, *(reference.name for reference in references if reference is not None)}))


def requirements_reference(resource: CollectionSync) -> ConfigMapKeyRef | None:
    """Return the key of a ConfigMap that says what is asked for; None where the spec itself does."""
    given = resource.spec.requirements_from
    return None if given is None else given.config_map_key_ref


def build_job(
    resource: CollectionSync,
    *,
    trigger: str,
    inputs: str,
    defaults: JobDefaults,
    requirements: str = "",
    after: str = "",
) -> Body:
    """Return the Job of the run that `trigger` starts.

    `inputs` is the digest of what it is given besides what is asked for, and `requirements` that of its ConfigMap.
    """
    metadata, template = resource.metadata, resource.spec.pod_template or PodTemplate()
    run = run_id(metadata.uid, metadata.generation, trigger, after)
    given = template.metadata or PodMetadata()
    labels = {**given.labels, **_LABELS, NAME_LABEL: metadata.name, RUN_ID_LABEL: run}
    manifest = msgspec.json.encode(effective(resource, defaults)).decode()
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(metadata.name, run),
            "namespace": metadata.namespace,
            "labels": labels,
            "annotations": {
                TRIGGER_ANNOTATION: trigger,
                GENERATION_ANNOTATION: str(metadata.generation),
                INPUTS_ANNOTATION: inputs,
                REQUIREMENTS_ANNOTATION: requirements,
                SOURCE_HOST_ANNOTATION: ",".join(source_hosts(resource)),
            },
            "ownerReferences": [_owner(metadata)],
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": resource.spec.backoff_limit,
            "activeDeadlineSeconds": _deadline_seconds(resource),
            # A backstop: the operator itself deletes what the history limits leave no room for.
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "podFailurePolicy": _failure_policy(),
            "template": {
                "metadata": {
                    "labels": dict(labels),
                    "annotations": {**given.annotations, MANIFEST_ANNOTATION: manifest},
                },
                "spec": {**_placement(template), **_pod(resource, defaults)},
            },
        },
    }


def _owner(metadata: ObjectMeta) -> Body:
    """Return who the Job goes with.

    Without blockOwnerDeletion: a cluster may ask for the right to update the finalizers of the owner for that
    (OwnerReferencesPermissionEnforcement), and nobody needs to wait for a Job when a resource is deleted.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": True,
    }


def _deadline_seconds(resource: CollectionSync) -> int:
    """Return the deadline of the Job, which comes after the worker's own.

    The worker ends itself at spec.timeout, with a report and an exit code that say so. The Job's deadline is for a
    worker that hangs, and for a pod that never starts.
    """
    return min(math.ceil(parse_seconds(resource.spec.timeout)) + DEADLINE_MARGIN_SECONDS, _LONGEST_SECONDS)


def _failure_policy() -> Body:
    """Return which failures count, in this order: none that a node is to blame for; some once and for all."""
    return {
        "rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {
                "action": "FailJob",
                "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": list(_FINAL)},
            },
        ]
    }


def _placement(template: PodTemplate) -> Mapping[str, Any]:
    """Return what the resource sets on the pod: its fields have the names that Kubernetes gives them."""
    fields: Body = msgspec.json.decode(msgspec.json.encode(template))
    fields.pop("metadata", None)
    return fields


def _pod(resource: CollectionSync, defaults: JobDefaults) -> Body:
    """Return the operator's own part of the pod, which holds under the restricted Pod Security Standard."""
    mounts = [
        _manifest(),
        _spool(resource.spec),
        *_secrets(secret_names(resource, defaults)),
        *_requirements(requirements_reference(resource)),
    ]
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 30,
        # The worker never talks to Kubernetes.
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(resource, defaults, mounts)],
        "volumes": [{"name": mount.name, **mount.volume} for mount in mounts],
    }


@dataclass(frozen=True, slots=True)
class _Mount:
    """A volume and the folder where the worker finds it."""

    name: str
    volume: Body
    folder: str
    read_only: bool = True


def _manifest() -> _Mount:
    field = {"fieldPath": f"metadata.annotations['{MANIFEST_ANNOTATION}']"}
    items = [{"path": _MANIFEST_FILE, "fieldRef": field}]
    return _Mount("manifest", {"downwardAPI": {"items": items}}, _MANIFEST_FOLDER)


def _spool(spec: Spec) -> _Mount:
    """Return the folder for what is on its way, large enough for all that a run lets lie there at once."""
    size = _SPOOL_BYTES + parse_bytes(spec.fetch.max_in_flight)
    size += _LARGEST_ARTIFACT_BYTES if spec.content_policy is ContentPolicy.FULL else 0
    return _Mount("spool", {"emptyDir": {"sizeLimit": exact_bytes(size)}}, _SPOOL_FOLDER, read_only=False)


def _secrets(names: tuple[str, ...]) -> list[_Mount]:
    """Return volumes with the Secrets in them: by number, since a Secret's name may be too long for a volume's."""
    return [
        # Optional, so that the worker says which Secret is missing, where a pod would wait without a word.
        _Mount(
            f"secret-{number}",
            {"secret": {"secretName": name, "optional": True, "defaultMode": 0o440}},
            f"{_SECRETS_FOLDER}/{name}",
        )
        for number, name in enumerate(names)
    ]


def _requirements(reference: ConfigMapKeyRef | None) -> list[_Mount]:
    """Return the volume with the one key that is asked for; optional as Secrets are, and for the same reason."""
    if reference is None:
        return []
    items = [{"key": reference.key, "path": reference.key}]
    volume = {"configMap": {"name": reference.name, "items": items, "optional": True, "defaultMode": 0o440}}
    return [_Mount("requirements", volume, f"{_CONFIG_MAPS_FOLDER}/{reference.name}")]


def _container(resource: CollectionSync, defaults: JobDefaults, mounts: list[_Mount]) -> Body:
    memory = exact_bytes(memory_limit_bytes(resource.spec))
    return {
        "name": CONTAINER,
        "image": defaults.image,
        "imagePullPolicy": defaults.image_pull_policy,
        "args": list(_ARGUMENTS),
        "env": [{"name": name, "value": value} for name, value in {**malloc.SETTINGS, "TMPDIR": _SPOOL_FOLDER}.items()],
        "ports": [{"name": "metrics", "containerPort": _METRICS_PORT}],
        # What a run may take it is also given: a node never has less than it promised.
        "resources": {"limits": {"memory": memory}, "requests": {"memory": memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": _REPORT_FILE,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": mount.name, "mountPath": mount.folder, **({"readOnly": True} if mount.read_only else {})}
            for mount in mounts
        ],
    }
