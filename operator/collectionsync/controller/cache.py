"""What the operator has seen of the cluster: each resource, and the facts of each Job and pod. Nothing else is kept.

Fed by watch events, by the answers to what the operator itself writes, and now and then by whole lists: a watch that
was broken for long never tells of what was deleted meanwhile. Versions of objects are compared as numbers (KEP-5504),
so that nothing old replaces anything new, whichever way it came. It talks to nobody and decides nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from collectionsync.controller import rfc3339
from collectionsync.controller.admission import Request
from collectionsync.controller.conditions import Because
from collectionsync.controller.observed import NAME_LABEL, JobFacts, PodFacts, job_facts, pod_facts
from collectionsync.manifest import ManifestError, from_object
from collectionsync.resource import REQUESTED_AT_ANNOTATION, CollectionSync
from collectionsync.status import Reason, Status

Body = dict[str, Any]


def key_of(namespace: str, name: str) -> str:
    """Return how a resource is called within the operator, and in its log."""
    return f"{namespace}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A resource as it was last seen. `resource` is None where it cannot be read, and `fault` says why.

    `suspended` is known of these, too. `created` is None where the API server does not tell, which none does.
    """

    namespace: str
    name: str
    uid: str
    version: int
    generation: int
    created: datetime | None
    suspended: bool
    resource: CollectionSync | None
    status: Status
    fault: Because | None


class Cache:
    """The resources by key, with their Jobs and pods."""

    def __init__(self) -> None:
        self.resources: dict[str, Known] = {}
        self._jobs: dict[str, tuple[int, JobFacts]] = {}
        self._pods: dict[str, tuple[int, PodFacts]] = {}
        self._jobs_of: defaultdict[str, set[str]] = defaultdict(set)
        self._pods_of: defaultdict[str, set[str]] = defaultdict(set)
        # Versions at which resources and Jobs were deleted, by uid: an older word of them may be on its way.
        self._deleted: dict[str, int] = {}
        self._deleted_before: dict[str, int] = {}

    def saw_resource(self, body: Body, *, deleted: bool = False) -> str:
        """Take note of a resource, and return its key."""
        known = _known(body)
        key = key_of(known.namespace, known.name)
        older = self.resources.get(key)
        if self._is_outdated(known.uid, known.version, deleted=deleted):
            return key
        if older is None or older.version <= known.version:
            if deleted:
                self.resources.pop(key, None)
            else:
                self.resources[key] = known
        return key

    def saw_job(self, body: Body, *, deleted: bool = False) -> str:
        """Take note of a Job, and return the key of its resource."""
        job, version = job_facts(body), _version(body)
        name = key_of(job.namespace, job.name)
        if self._is_outdated(job.uid, version, deleted=deleted):
            return key_of(job.namespace, job.owner_name)
        if name not in self._jobs or self._jobs[name][0] <= version:
            if deleted:
                self._jobs.pop(name, None)
                _discard(self._jobs_of, job.owner_uid, name)
            else:
                self._jobs[name] = (version, job)
                self._jobs_of[job.owner_uid].add(name)
        if deleted:
            for uid in self._pods_of.pop(name, ()):
                self._pods.pop(uid, None)
        return key_of(job.namespace, job.owner_name)

    def saw_pod(self, body: Body, *, deleted: bool = False) -> str:
        """Take note of a pod, and return the key of its resource.

        One that said how it ended, or why it did not start, is kept until its Job goes: the Job controller deletes the
        pods of a Job that is over its deadline before the Job itself counts as failed.
        """
        pod, version = pod_facts(body), _version(body)
        job = key_of(pod.namespace, pod.job_name)
        if pod.uid not in self._pods or self._pods[pod.uid][0] <= version:
            if not deleted or (job in self._jobs and (pod.terminated or pod.waiting_reason)):
                self._pods[pod.uid] = (version, pod)
                self._pods_of[job].add(pod.uid)
            else:
                self._pods.pop(pod.uid, None)
                _discard(self._pods_of, job, pod.uid)
        return key_of(pod.namespace, str(body["metadata"].get("labels", {}).get(NAME_LABEL, "")))

    def forget_deletions(self) -> None:
        """Forget deletions that were known before the last list of everything: nothing older can come any more."""
        self._deleted, self._deleted_before = {}, self._deleted

    def _is_outdated(self, uid: str, version: int, *, deleted: bool) -> bool:
        """Whether an object was deleted at a later version than this one; take note of a deletion."""
        if deleted:
            self._deleted[uid] = version
            return False
        return version <= max(self._deleted.get(uid, -1), self._deleted_before.get(uid, -1))

    def jobs(self, uid: str) -> tuple[JobFacts, ...]:
        """Return the Jobs of the resource with this uid."""
        return tuple(self._jobs[name][1] for name in self._jobs_of.get(uid, ()))

    def pods(self, job: JobFacts) -> tuple[PodFacts, ...]:
        """Return the pods of a Job, those that are gone and said how they ended among them."""
        return tuple(self._pods[uid][1] for uid in self._pods_of.get(key_of(job.namespace, job.name), ()))

    def running(self) -> Iterator[Request]:
        """Yield the room that each Job takes that goes on, whoever owns it."""
        for _, job in list(self._jobs.values()):  # a scrape reads this in a thread of its own
            if not job.finished:
                yield Request(
                    key=key_of(job.namespace, job.owner_name),
                    memory_bytes=job.memory_bytes,
                    source_hosts=job.source_hosts,
                    due=job.created,
                )

    def correct_pods(self, bodies: Iterable[Body]) -> int:
        """Take note of a list of pods, and return how many changes of those that have a Job had been missed.

        None is taken for gone that is not among them: what it said is kept until its Job goes.
        """
        missed = 0
        for _, body in _named(bodies):
            pod = pod_facts(body)
            seen, _ = self._pods.get(pod.uid, (-1, None))
            missed += seen < _version(body) and key_of(pod.namespace, pod.job_name) in self._jobs
            self.saw_pod(body)
        return missed

    def correct_resources(self, bodies: Iterable[Body], version: str, scope: str | None) -> int:
        """Make what is known agree with a list of all resources of a namespace, or of the cluster for None.

        Returns how much had been missed.
        """
        missed, listed = 0, set()
        for key, body in _named(bodies):
            listed.add(key)
            if key not in self.resources or self.resources[key].version < _version(body):
                missed += 1
                self.saw_resource(body)
        gone = [
            key
            for key, known in self.resources.items()
            if key not in listed and known.version <= int(version) and scope in {None, known.namespace}
        ]
        for key in gone:
            del self.resources[key]
        return missed + len(gone)

    def correct_jobs(self, bodies: Iterable[Body], version: str, scope: str | None) -> int:
        """Make what is known agree with a list of all Jobs of a namespace, or of the cluster for None.

        Returns how much had been missed.
        """
        missed, listed = 0, set()
        for name, body in _named(bodies):
            listed.add(name)
            if name not in self._jobs or self._jobs[name][0] < _version(body):
                missed += 1
                self.saw_job(body)
        gone = [
            name
            for name, (seen, job) in self._jobs.items()
            if name not in listed and seen <= int(version) and scope in {None, job.namespace}
        ]
        for name in gone:
            _, job = self._jobs.pop(name)
            _discard(self._jobs_of, job.owner_uid, name)
        # Of a pod whose Job is gone nothing is to be harvested, and a watch may never tell that it is gone, too.
        for name in [name for name in self._pods_of if name not in self._jobs]:
            if scope in {None, name.partition("/")[0]}:
                for uid in self._pods_of.pop(name):
                    self._pods.pop(uid, None)
        return missed + len(gone)


def _named(bodies: Iterable[Body]) -> Iterator[tuple[str, Body]]:
    return ((key_of(body["metadata"]["namespace"], body["metadata"]["name"]), body) for body in bodies)


def _discard(sets: dict[str, set[str]], key: str, member: str) -> None:
    """Take a member out of the set of this key, and the set with its last one."""
    if key in sets:
        sets[key].discard(member)
        if not sets[key]:
            del sets[key]


def _version(body: Body) -> int:
    try:
        return int(body["metadata"]["resourceVersion"])
    except (KeyError, ValueError):
        return 0


def _known(body: Body) -> Known:
    metadata = body["metadata"]
    resource, fault = None, None
    try:
        resource = _slim(from_object(body))
    except ManifestError as error:
        fault = Because(reason=Reason.INVALID_SPEC, message=str(error))
    return Known(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=_version(body),
        generation=metadata.get("generation", 0),
        created=rfc3339.parse(metadata.get("creationTimestamp")),
        suspended=(body.get("spec") or {}).get("suspend") is True,
        resource=resource,
        status=_status(body.get("status") or {}),
        fault=fault,
    )


def _slim(resource: CollectionSync) -> CollectionSync:
    """Return the resource without annotations that others keep on it, which can be as large as itself."""
    asked = (resource.metadata.annotations or {}).get(REQUESTED_AT_ANNOTATION)
    annotations = None if asked is None else {REQUESTED_AT_ANNOTATION: asked}
    metadata = msgspec.structs.replace(resource.metadata, annotations=annotations, labels=None)
    return msgspec.structs.replace(resource, metadata=metadata)


def _status(status: Body) -> Status:
    """Return what an operator wrote; nothing of it where that was one with another schema."""
    try:
        return msgspec.convert(status, Status)
    except msgspec.ValidationError:
        return Status()
