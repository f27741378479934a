"""The loop that carries out plans, against an API server in memory: only what one resource means for the others.

What a real API server and real pods do is in tests/cluster; here its errors come when the test wants them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from collectionsync.controller import rfc3339
from collectionsync.controller.admission import Budget
from collectionsync.controller.cache import Cache
from collectionsync.controller.cluster import (
    Body,
    Cluster,
    ClusterError,
    ConflictError,
    ForbiddenError,
    Listed,
    RefusedError,
)
from collectionsync.controller.metrics import RunCounters
from collectionsync.controller.reconcile import Observer, Reconciler
from collectionsync.controller.settings import Settings
from collectionsync.controller.watched import Identity
from controller import samples
from controller.samples import MI
from syncing import until

KEY = "mirrors/community"


class Server:
    """Keeps resources and Jobs as an API server does. `refuse` says what it has against a Job."""

    def __init__(self) -> None:
        self.resources: dict[str, Body] = {}
        self.jobs: dict[str, Body] = {}
        self.patches = 0
        self.requests = 0
        self.secret = ""
        self.config_maps: dict[str, Identity] = {}
        self.looks = 0
        self.forbidden: set[str | None] = set()
        self.refuse: Callable[[Body], ClusterError | None] = lambda job: None
        self._version = 2000

    def put(self, body: Body) -> Body:
        """Keep a resource in a new version."""
        stored = self._stamped(body)
        self.resources[_key(stored)] = stored
        return stored

    def take(self, key: str) -> Body:
        """Drop a resource, and return what a watch tells of that."""
        return self._stamped(self.resources.pop(key))

    def end(self, name: str) -> Body:
        """Complete a Job."""
        done = {"conditions": [{"type": "Complete", "status": "True"}]}
        self.jobs[name] = self._stamped({**self.jobs[name], "status": done})
        return self.jobs[name]

    async def list_resources(self, namespace: str | None) -> Listed:
        return self._listed(namespace, self.resources)

    async def list_jobs(self, namespace: str | None) -> Listed:
        return self._listed(namespace, self.jobs)

    async def list_pods(self, namespace: str | None, *, job_name: str | None = None) -> Listed:
        return self._listed(namespace, {})

    async def create_job(self, job: Body) -> Body:
        if error := self.refuse(job):
            raise error
        name = job["metadata"]["name"]
        if name in self.jobs:
            raise ConflictError(name)
        stored = self._stamped(samples.as_stored(job))
        stored["metadata"] |= {"creationTimestamp": rfc3339.render(datetime.now(UTC)), "uid": name}
        self.jobs[name] = stored
        return stored

    async def get_job(self, namespace: str, name: str) -> Body:
        return self.jobs[name]

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        self.jobs.pop(name, None)

    async def apply_status(self, namespace: str, name: str, uid: str, status: object) -> Body:
        self.patches += 1
        return self.put({**self.resources[f"{namespace}/{name}"], "status": status})

    async def secret_version(self, namespace: str, name: str) -> str:
        return self.secret

    def put_config_map(self, name: str) -> Identity:
        """Keep a ConfigMap in a new version."""
        self._version += 1
        made = Identity(name=name, namespace="mirrors", uid=name, resource_version=str(self._version))
        self.config_maps[f"mirrors/{name}"] = made
        return made

    async def config_map(self, namespace: str, name: str) -> Identity | None:
        self.looks += 1
        if namespace in self.forbidden:
            raise ForbiddenError("403: configmaps")
        return self.config_maps.get(f"{namespace}/{name}")

    async def create_event(self, event: Body) -> None:
        pass

    def _listed(self, namespace: str | None, bodies: dict[str, Body]) -> Listed:
        if namespace in self.forbidden:
            raise ForbiddenError(f"namespace {namespace}")
        found = [each for each in bodies.values() if namespace in (None, each["metadata"]["namespace"])]
        return Listed(str(self._version), [msgspec.Raw(msgspec.json.encode(each)) for each in found])

    def _stamped(self, body: Body) -> Body:
        self._version += 1
        stamped = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        found: Body = msgspec.json.decode(msgspec.json.encode(stamped))
        return found


def _key(body: Body) -> str:
    return f"{body['metadata']['namespace']}/{body['metadata']['name']}"


class Operator:
    """A reconciler at work; `tell` is what a watch would."""

    def __init__(self, server: Server, **options: Any) -> None:
        self.cache = Cache()
        namespaces = options.pop("namespaces", ())
        settings = Settings(
            namespaces=namespaces,
            jobs=samples.DEFAULTS,
            budget=Budget(simultaneous_runs=4, total_memory_bytes=512 * MI, per_source_host=4),
            health_address=("", 0),
            metrics_address=("", 0),
            server_url=options.pop("server_url", None),
        )
        self.counters = RunCounters(since=options.pop("since", datetime.now(UTC)))
        self.observer = Observer(times_missed=self.counters.missed)
        self.reconciler = Reconciler(cast("Cluster", server), settings, self.cache, self.observer, **options)

    def tell(self, body: Body, *, deleted: bool = False) -> None:
        self.reconciler.enqueue(self.cache.saw_resource(body, deleted=deleted))

    def reason(self, key: str = KEY) -> str:
        conditions = self.cache.resources[key].status.conditions
        return next((each.reason for each in conditions if each.type == "Ready"), "")


@contextlib.asynccontextmanager
async def operating(server: Server, **options: Any) -> AsyncIterator[Operator]:
    operator = Operator(server, **options)
    await operator.reconciler.begin()
    task = asyncio.create_task(operator.reconciler.run())
    try:
        yield operator
        assert not task.done(), "the loop goes on"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def three(server: Server) -> None:
    """Of 512Mi the first takes half, the second waits for all, and the third waits behind it."""
    for number, memory in enumerate(("256Mi", "512Mi", "64Mi")):
        created = f"2026-11-25T11:00:0{number}Z"
        metadata = {"name": f"m{number}", "uid": f"u{number}", "creationTimestamp": created}
        server.put(samples.body(metadata=metadata, resources={"limits": {"memory": memory}}))


async def test_who_waited_behind_a_resource_that_is_deleted_starts() -> None:
    server = Server()
    three(server)
    async with operating(server) as operator:
        await until(lambda: set(operator.reconciler.waiting) == {"mirrors/m1", "mirrors/m2"})
        operator.tell(server.take("mirrors/m1"), deleted=True)
        await until(lambda: len(server.jobs) == 2, "the third's Job")


async def test_who_waited_behind_a_run_that_cannot_be_created_starts() -> None:
    server = Server()
    three(server)
    async with operating(server) as operator:
        await until(lambda: set(operator.reconciler.waiting) == {"mirrors/m1", "mirrors/m2"})
        server.refuse = lambda job: ClusterError("500") if job["metadata"]["name"].startswith("m1") else None
        (first,) = server.jobs
        operator.reconciler.enqueue(operator.cache.saw_job(server.end(first)))
        operator.reconciler.make_room()
        await until(lambda: any(name.startswith("m2") for name in server.jobs), "the third's Job")


async def test_a_new_resource_does_not_inherit_the_refusal_of_its_namesake() -> None:
    server = Server()
    server.refuse = lambda job: RefusedError("422: invalid")
    server.put(samples.body())
    async with operating(server) as operator:
        await until(lambda: operator.reason() == "InvalidSpec")
        server.refuse = lambda job: None
        operator.tell(server.put(samples.body(metadata={"uid": "another"})))
        await until(lambda: len(server.jobs) == 1, "its Job")


async def test_an_error_puts_one_resource_off_and_leaves_the_others_alone() -> None:
    server = Server()
    server.refuse = lambda job: ClusterError("500") if job["metadata"]["name"].startswith("bad") else None
    server.put(samples.body(metadata={"name": "bad", "uid": "1"}))
    server.put(samples.body(metadata={"name": "good", "uid": "2"}))
    async with operating(server):
        await until(lambda: any(name.startswith("good") for name in server.jobs))
        server.refuse = lambda job: None
        await until(lambda: any(name.startswith("bad") for name in server.jobs), "another try")


async def test_a_namespace_that_may_not_be_listed_keeps_no_other_from_being_served() -> None:
    server = Server()
    server.forbidden = {"gone"}
    server.put(samples.body())
    async with operating(server, namespaces=("gone", "mirrors")) as operator:
        await until(lambda: len(server.jobs) == 1, "a Job")
        assert operator.reconciler._served == ("mirrors",)


async def test_the_operator_ends_to_watch_a_namespace_that_it_may_read_by_now() -> None:
    server = Server()
    server.forbidden = {"back"}
    operator = Operator(server, namespaces=("back", "mirrors"), resync_seconds=0.05)
    await operator.reconciler.begin()
    task = asyncio.create_task(operator.reconciler.run())
    server.forbidden = set()
    await asyncio.wait_for(task, 60)


def missed(operator: Operator) -> float:
    (found,) = (each for each in operator.counters.families(operator.cache.resources) if "missed" in each.name)
    (sample,) = found.samples
    return sample.value


@pytest.mark.parametrize(("uptime", "counted"), [(timedelta(0), {0}), (timedelta(days=1), {2, 3})])
async def test_what_was_missed_since_the_operator_started_is_counted_though_its_run_starts_at_once(
    uptime: timedelta, counted: set[int]
) -> None:
    server = Server()
    ran = {"id": "a", "jobName": "community-a", "generation": 3, "result": "NoChange", "reason": "NoChange"}
    began = rfc3339.render(datetime.now(UTC) - timedelta(hours=3, minutes=30))
    body = samples.body(schedule="0 * * * *", metadata={"creationTimestamp": began})
    server.put({**body, "status": {"lastRun": {**ran, "startTime": began}}})
    async with operating(server, since=datetime.now(UTC) - uptime) as operator:
        await until(lambda: len(server.jobs) == 1, "the run that makes up for it")
        assert missed(operator) in counted, "by the minute at which the test runs"


async def test_what_a_list_finds_and_no_watch_has_told_of_is_counted_by_its_kind() -> None:
    server = Server()
    server.put(samples.body())
    async with operating(server, resync_seconds=0.05) as operator:
        await until(lambda: len(server.jobs) == 1, "a Job")
        assert not operator.observer.missed_changes["Job"], "the operator knows of what it has made itself"
        (name,) = server.jobs
        server.end(name)
        await until(lambda: operator.observer.missed_changes["Job"] == 1, "a list")
        assert not operator.observer.missed_changes["CollectionSync"]


async def test_nothing_is_written_where_nothing_has_changed() -> None:
    server = Server()
    server.put(samples.body())
    async with operating(server) as operator:
        await until(lambda: operator.reason() == "Running")
        patches = server.patches
        for _ in range(5):
            operator.tell(server.put(server.resources[KEY]))  # as a watch echoes what was written
            await until(lambda: not operator.reconciler._dirty)
        assert server.patches == patches


ELSEWHERE: dict[str, Any] = {"collections": None, "requirementsFrom": {"configMapKeyRef": {"name": "wanted"}}}


def trigger(job: Body) -> str:
    return str(job["metadata"]["annotations"]["collectionsync.dev/trigger"])


async def test_changed_requirements_start_another_run_once_the_first_has_ended() -> None:
    server = Server()
    server.put_config_map("wanted")
    server.put(samples.body(**ELSEWHERE))
    async with operating(server) as operator:
        await until(lambda: len(server.jobs) == 1, "the first Job")
        (first,) = server.jobs
        assert operator.reconciler.config_maps.saw(server.put_config_map("wanted"), deleted=False)
        operator.reconciler.enqueue(operator.cache.saw_job(server.end(first)))
        await until(lambda: len(server.jobs) == 2, "the second Job")
        (second,) = (job for name, job in server.jobs.items() if name != first)
        assert trigger(second).startswith("Requirements/")
        digests = [job["metadata"]["annotations"]["collectionsync.dev/requirements"] for job in server.jobs.values()]
        assert trigger(second) == f"Requirements/{digests[1]}"
        assert digests[0] != digests[1]


async def test_a_config_map_is_looked_at_once_however_often_its_resource_is() -> None:
    server = Server()
    server.put_config_map("wanted")
    server.put(samples.body(**ELSEWHERE))
    async with operating(server) as operator:
        await until(lambda: operator.reason() == "Running")
        for _ in range(5):
            operator.reconciler.enqueue(KEY)
            await until(lambda: not operator.reconciler._dirty)
        assert server.looks == 1


async def test_a_change_that_no_watch_has_told_of_is_found_by_a_list_of_everything() -> None:
    server = Server()
    server.put_config_map("wanted")
    server.put(samples.body(**ELSEWHERE))
    async with operating(server, resync_seconds=0.05):
        await until(lambda: len(server.jobs) == 1, "the first Job")
        (first,) = server.jobs
        server.put_config_map("wanted")
        server.end(first)
        await until(lambda: len(server.jobs) == 2, "the second Job")


async def test_config_maps_that_may_not_be_looked_at_keep_no_run_from_starting() -> None:
    server = Server()
    server.put(samples.body(**ELSEWHERE))
    async with operating(server) as operator:
        server.forbidden = {"mirrors"}
        operator.tell(server.put(server.resources[KEY]))
        await until(lambda: len(server.jobs) == 1, "a Job")
        (job,) = server.jobs.values()
        assert trigger(job) == "Spec/3"


async def test_artifacts_that_have_nowhere_to_go_are_told_before_there_is_a_job() -> None:
    server = Server()
    server.put(samples.body(contentPolicy="Full"))
    async with operating(server) as operator:
        await until(lambda: operator.reason() == "ArtifactStoreMissing")
        assert server.jobs == {}
        target = {"artifacts": {"url": "s3://mirror"}}
        operator.tell(server.put(samples.body(contentPolicy="Full", target=target, metadata={"generation": 4})))
        await until(lambda: len(server.jobs) == 1, "a Job")


async def test_the_status_tells_where_the_repository_is_served_as_long_as_there_is_a_server() -> None:
    server = Server()
    server.put(samples.body())

    def told() -> object:
        return server.resources[KEY].get("status", {}).get("url")

    async with operating(server, server_url="https://mirror.example.com"):
        await until(lambda: told() == "https://mirror.example.com/mirrors/default/api/", "the URL")
    async with operating(server):
        await until(lambda: told() is None, "a status without it")
