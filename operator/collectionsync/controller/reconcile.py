"""The loop that carries out plans: one resource at a time, so that what one run takes is known before the next starts.

Whoever sees a change names the resource, and nothing else: what is to be done follows from the cache. Every answer of
the API server goes into the cache before the next plan is made. Errors put a resource off for a while, and never end
the loop.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from collectionsync.controller import plan as planning
from collectionsync.controller import triggers
from collectionsync.controller.admission import Request, Slots
from collectionsync.controller.cache import Cache, Known
from collectionsync.controller.cluster import (
    Cluster,
    ClusterError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
)
from collectionsync.controller.conditions import Because, Notice, Story, conditions
from collectionsync.controller.config_maps import ConfigMaps
from collectionsync.controller.events import event
from collectionsync.controller.faults import fault
from collectionsync.controller.hosts import source_hosts
from collectionsync.controller.jobs import build_job, secret_names
from collectionsync.controller.observed import JobFacts, PodFacts, pod_facts
from collectionsync.controller.plan import Plan, Seen, StartRun
from collectionsync.controller.runs import survey
from collectionsync.controller.served import served_at
from collectionsync.controller.settings import Settings
from collectionsync.histogram import Histogram
from collectionsync.resource import CollectionSync, memory_limit_bytes
from collectionsync.status import ConditionStatus, Reason, Run, Status

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 15.0
"""How often Secrets are looked at whose change may help a resource whose last run failed."""
RESYNC_SECONDS = 600.0
"""How often everything is listed, since a watch that was broken for long never tells of what was deleted meanwhile."""
KINDS = ("CollectionSync", "Job", "Pod")
"""What is watched."""
_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=60)
_REFUSED_FOR = timedelta(minutes=10)
_FORBIDDEN_FOR = timedelta(minutes=1)
_DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class Observer:
    """Counts what the operator does, for those who measure it.

    `missed_changes` are counted by kind. `times_missed` is given the starting deadlines that have passed without a run
    of a resource, the latest first; the same ones come again until a run starts.
    """

    reconciles: int = 0
    failures: int = 0
    durations: Histogram = field(default_factory=lambda: Histogram(_DURATION_BUCKETS))
    missed_changes: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(KINDS, 0)))
    last_resync: float = 0.0
    last_events: dict[str, float] = field(default_factory=dict)
    run_ended: Callable[[Known, Run], None] = field(default=lambda known, run: None)
    times_missed: Callable[[Known, Sequence[datetime]], None] = field(default=lambda known, deadlines: None)
    resource_gone: Callable[[str], None] = field(default=lambda key: None)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What the API server said of a Job, and of which generation of which resource."""

    uid: str
    generation: int
    because: Because
    until: datetime


class Reconciler:
    """Takes resources that may have changed, one after the other, and does what their plans say."""

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        cache: Cache,
        observer: Observer,
        *,
        resync_seconds: float = RESYNC_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._cache = cache
        self._observer = observer
        self._resync_seconds = resync_seconds
        self._dirty: dict[str, None] = {}
        self._woken = asyncio.Event()
        self._wakes: dict[str, datetime] = {}
        self._pauses: dict[str, timedelta] = {}
        self._refusals: dict[str, _Refusal] = {}
        self._served: tuple[str | None, ...] = ()
        self._outgrown = False
        self.config_maps = ConfigMaps(cluster)
        self.waiting: dict[str, Request] = {}
        self.last_step = time.monotonic()

    @property
    def requests(self) -> int:
        """How many requests the API server was sent, besides watches."""
        return self._cluster.requests

    def enqueue(self, *keys: str) -> None:
        """Have resources looked at soon."""
        self._dirty.update(dict.fromkeys(keys))
        self._woken.set()

    def make_room(self) -> None:
        """Have those looked at that waited for room and may have it now."""
        self.enqueue(*self._slots().admitted())

    def _give_up_place(self, key: str) -> None:
        """Take a resource out of the queue; who waited behind it may have room now."""
        if self.waiting.pop(key, None):
            self.make_room()

    async def begin(self) -> tuple[str | None, ...]:
        """List everything, and return the scopes that can be served: those to watch.

        Raises:
            ClusterError: none can.
        """
        await self._resync()
        return self._served

    async def run(self) -> None:
        """Work until a namespace can be served that could not at the start, since watches begin with the process."""
        next_resync = time.monotonic() + self._resync_seconds
        next_look = time.monotonic() + LOOK_AGAIN_SECONDS
        while not self._outgrown:
            await self._rest(min(next_resync, next_look) - time.monotonic())
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + LOOK_AGAIN_SECONDS
                self.enqueue(*(key for key, known in self._cache.resources.items() if _looks_at_secrets(known)))
            if time.monotonic() >= next_resync:
                next_resync = time.monotonic() + self._resync_seconds
                await self._carefully("a list of everything", self._resync)
            keys = list(self._dirty)
            self._dirty.clear()
            for key in keys:
                self.last_step = time.monotonic()
                await self._attempt(key)
                await asyncio.sleep(0)  # for probes and watches, where many resources are looked at in a row

    async def _rest(self, longest: float) -> None:
        """Wait until something may have changed, by word of somebody or by time alone; at most so many seconds."""
        if not self._dirty:
            now = datetime.now(UTC)
            soonest = min(((wake - now).total_seconds() for wake in self._wakes.values()), default=longest)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(min(soonest, longest), 0.0)):
                    await self._woken.wait()
        self.last_step = time.monotonic()
        self._woken.clear()
        now = datetime.now(UTC)
        for key in [key for key, wake in self._wakes.items() if wake <= now]:
            del self._wakes[key]
            self._dirty[key] = None

    async def _resync(self) -> None:
        """List everything, and put right what no watch has told.

        A namespace that may not be read, as one that is being deleted with the operator's role in it, is left out: it
        must not keep the others from being served.
        """
        served: list[str | None] = []
        refused: ClusterError | None = None
        for scope in self._settings.scopes:
            self.last_step = time.monotonic()
            try:
                await self._list(scope)
            except (ForbiddenError, NotFoundError) as error:
                log.warning("%s is not served: %s", f"namespace {scope}" if scope else "the cluster", error)
                refused = error
            else:
                served.append(scope)
        if refused and not served:
            raise refused
        self._cache.forget_deletions()
        self.config_maps.forget()
        self._outgrown = bool(self._served) and not set(served) <= set(self._served)
        self._served = self._served or tuple(served)
        self._observer.last_resync = time.time()
        self.enqueue(*self._cache.resources)

    async def _list(self, scope: str | None) -> None:
        pods = await self._cluster.list_pods(scope)
        missed = {"Pod": self._cache.correct_pods(pods.objects)}
        jobs = await self._cluster.list_jobs(scope)
        missed["Job"] = self._cache.correct_jobs(jobs.objects, jobs.version, scope)
        resources = await self._cluster.list_resources(scope)
        missed["CollectionSync"] = self._cache.correct_resources(resources.objects, resources.version, scope)
        if self._observer.last_resync:  # the first list finds what nobody was there to watch
            self._observer.missed_changes.update(missed)

    async def _attempt(self, key: str) -> None:
        began = time.monotonic()
        done = await self._carefully(key, lambda: self._reconcile(key))
        self._observer.reconciles += 1
        self._observer.durations.observe(time.monotonic() - began)
        if done:
            self._pauses.pop(key, None)
            return
        self._observer.failures += 1
        # Who cannot start holds nobody up.
        self._give_up_place(key)
        pause = self._pauses.get(key, _FIRST_PAUSE)
        self._pauses[key] = min(pause * 2, _LONGEST_PAUSE)
        self._wakes[key] = datetime.now(UTC) + pause

    async def _carefully(self, what: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Do it, and return whether it went well: one resource must not take the others down."""
        try:
            await work()
        except ClusterError as error:
            log.warning("%s: %s; it is tried again", what, error)
        except Exception:
            log.exception("%s: a bug in collectionsync: please report it with what follows", what)
        else:
            return True
        return False

    async def _reconcile(self, key: str) -> None:
        known = self._cache.resources.get(key)
        self._wakes.pop(key, None)
        if known is None:
            self._give_up_place(key)
            self._refusals.pop(key, None)
            self._observer.resource_gone(key)
            return
        if known.resource is None:
            self._give_up_place(key)
            await self._write(known, _unreadable(known))
            return
        seen = await self._seen(key, known, known.resource)
        plan = self._planned(seen)
        if plan.missed:
            self._observer.times_missed(known, plan.missed)
        if plan.start:
            await self._start(key, seen, plan.start)
            plan = self._planned(await self._seen(key, known, known.resource))
        await self._carry_out(key, known, plan)

    def _planned(self, seen: Seen) -> Plan:
        return planning.plan(seen, slots=self._slots(), now=datetime.now(UTC))

    def _slots(self) -> Slots:
        return Slots(self._settings.budget, tuple(self._cache.running()), tuple(self.waiting.values()))

    async def _seen(self, key: str, known: Known, resource: CollectionSync) -> Seen:
        jobs = self._cache.jobs(known.uid)
        return Seen(
            resource=resource,
            status=known.status,
            jobs=jobs,
            pods=await self._pods(known.status, jobs),
            request=Request(
                key=key,
                memory_bytes=memory_limit_bytes(resource.spec),
                source_hosts=source_hosts(resource),
                due=datetime.now(UTC),
            ),
            fault=known.fault or fault(resource, self._settings.jobs) or self._refused(key, known),
            inputs=await self._inputs(resource) if _looks_at_secrets(known) else "",
            requirements=await self.config_maps.digest(resource),
            url=served_at(resource, below=self._settings.server_url, defaults=self._settings.jobs),
        )

    async def _pods(self, status: Status, jobs: tuple[JobFacts, ...]) -> tuple[PodFacts, ...]:
        """Return the pods of the Jobs; those of a run that has just ended as they are now, not as a watch had them."""
        runs = survey(status, jobs)
        pods = {pod.uid: pod for job in jobs for pod in self._cache.pods(job)}
        for job in runs.ended:
            listed = await self._cluster.list_pods(job.namespace, job_name=job.name)
            pods |= {pod.uid: pod for pod in map(pod_facts, listed.objects)}
        return tuple(pods.values())

    async def _inputs(self, resource: CollectionSync) -> str:
        """Return a digest of what a run depends on besides its spec: its Secrets, and the worker that it runs."""
        digest = hashlib.sha256(self._settings.jobs.image.encode())
        for name in secret_names(resource, self._settings.jobs):
            try:
                version = await self._cluster.secret_version(resource.metadata.namespace, name)
            except ForbiddenError:
                version = "unknown"
            digest.update(f"\n{name} {version}".encode())
        return digest.hexdigest()[:16]

    def _refused(self, key: str, known: Known) -> Because | None:
        refusal = self._refusals.get(key)
        if refusal is None or (refusal.uid, refusal.generation) != (known.uid, known.generation):
            return None
        return refusal.because if refusal.until > datetime.now(UTC) else None

    async def _start(self, key: str, seen: Seen, start: StartRun) -> None:
        """Create the Job of a run, or take note of why there can be none: the next plan tells of it either way."""
        resource, trigger = seen.resource, start.trigger
        job = build_job(
            resource,
            trigger=trigger,
            after=start.after,
            inputs=seen.inputs or await self._inputs(resource),
            requirements=seen.requirements,
            defaults=self._settings.jobs,
        )
        name, namespace = job["metadata"]["name"], resource.metadata.namespace
        try:
            self._cache.saw_job(await self._cluster.create_job(job))
        except ConflictError:
            # Made by an operator that was killed before it could tell.
            self._cache.saw_job(await self._cluster.get_job(namespace, name))
            return
        except (RefusedError, ForbiddenError) as error:
            reason, pause = Reason.INVALID_SPEC, _REFUSED_FOR
            if isinstance(error, ForbiddenError):
                reason, pause = Reason.JOB_FORBIDDEN, _FORBIDDEN_FOR
            because, until = Because(reason=reason, message=f"the Job is refused: {error}"), datetime.now(UTC) + pause
            self._refusals[key] = _Refusal(resource.metadata.uid, resource.metadata.generation, because, until)
            self._wakes[key] = until
            return
        log.info("%s: run %s has been started (%s)", key, name.rpartition("-")[2], trigger)
        notice = Notice(reason="RunStarted", message=f"Job {name} has been created ({trigger})")
        await self._tell(namespace, resource.metadata.name, resource.metadata.uid, notice)

    async def _carry_out(self, key: str, known: Known, plan: Plan) -> None:
        if plan.waiting:
            self.waiting[key] = plan.waiting
        else:
            self._give_up_place(key)
        if plan.look_again:
            self._wakes[key] = min(plan.look_again, self._wakes.get(key, plan.look_again))
        await self._write(known, plan.status)
        fresh = [run for run in plan.status.history if run not in known.status.history]
        for run in reversed(fresh):
            log.info("%s: run %s: %s (%s): %s", key, run.id, run.result.value, run.reason, run.message)
            self._observer.run_ended(known, run)
        for notice in plan.tell:
            await self._tell(known.namespace, known.name, known.uid, notice)
        for job in plan.delete:
            await self._cluster.delete_job(job.namespace, job.name, job.uid)

    async def _write(self, known: Known, status: Status) -> None:
        if status == known.status:
            return
        body = msgspec.to_builtins(status)
        try:
            written = await self._cluster.apply_status(known.namespace, known.name, known.uid, body)
        except (NotFoundError, ConflictError):
            return  # it was deleted meanwhile, which a watch will tell
        self._cache.saw_resource(written)

    async def _tell(self, namespace: str, name: str, uid: str, notice: Notice) -> None:
        """Create an event; one that cannot be created is no reason to stop."""
        try:
            await self._cluster.create_event(event(namespace, name, uid, notice, datetime.now(UTC)))
        except ClusterError as error:
            log.warning("%s/%s: the event %s cannot be told: %s", namespace, name, notice.reason, error)


def _looks_at_secrets(known: Known) -> bool:
    """Whether a change of a Secret may be what a resource waits for."""
    return known.resource is not None and triggers.failed(known.resource, known.status)


def _unreadable(known: Known) -> Status:
    assert known.fault is not None, "a resource that cannot be read has a fault"
    story = Story(ready=ConditionStatus.FALSE, why=known.fault, stalled=known.fault)
    told = conditions(story, old=known.status, generation=known.generation, now=datetime.now(UTC))
    return msgspec.structs.replace(known.status, observed_generation=known.generation, conditions=told)
