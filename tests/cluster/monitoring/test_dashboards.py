"""Every panel of every dashboard shows something where there is something to see, and can be drawn.

`make pictures` keeps the drawings that are made here in docs/dashboards.
"""

import asyncio
import functools
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from dashboards.files import FOLDER
from dashboards.page import FLEET, RESOURCE, SERVER
from dashboards.pictures.__main__ import draw
from dashboards.pictures.prometheus import ask
from dashboards.queries import ALL, ALL_PODS, Query, queries

from cluster.buckets import bucket_for_pods
from cluster.monitoring.release import RELEASE, SERVERS_ALERTS
from cluster.monitoring.traffic import traffic
from objectstore import Bucket
from operating import SYSTEM, Server, Tenant, status, tenant_in
from syncing import manifest
from testcluster import Cluster
from testcluster.monitoring import Prometheus
from testgalaxy import Fault, TestGalaxy, kind, small_catalog
from testgalaxy.__main__ import make_catalog
from testgalaxy.restamp import SEED_630
from testgalaxy.wirefaults import status as answering

pytestmark = pytest.mark.timeout(900)

KEPT_IN = os.environ.get("COLLECTIONSYNC_PICTURES")
PAGES = {uid: json.loads((FOLDER / f"{uid}.json").read_text()) for uid in (FLEET, RESOURCE, SERVER)}
# A picture is for people, who see more in one that has some more points than a test needs.
SAMPLES_OF_THE_SERVER = 24 if KEPT_IN else 4
# More than the operator has for all runs together, so that it waits for ever, and nobody else for it.
TOO_LARGE = {"limits": {"memory": "3Gi"}}


@dataclass(frozen=True)
class Scene:
    """What there was to see, from `start` to `end`, in seconds since 1970: `namespace/community` above all."""

    url: str
    namespace: str
    start: float
    end: float

    def variables(self, page: str) -> dict[str, str]:
        """The values of the page's variables."""
        one = {"namespace": self.namespace, "name": "community"}
        return {FLEET: ALL, RESOURCE: one, SERVER: ALL_PODS}[page]

    def queries(self) -> Iterator[Query]:
        """Every query of every page."""
        for uid, page in PAGES.items():
            yield from queries(page, self.variables(uid), span_seconds=int(self.end - self.start))


@pytest.fixture(scope="module")
def scene(
    cluster: Cluster,
    monitored_with_server: Prometheus,
    served_database: str,
    server_url: str,
    database_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    """Mirrors of every kind: one is well, the source of one does not answer, one is late, one suspended.

    The server has what they mirror, and is asked for it.
    """
    with asyncio.Runner() as runner:
        context = tenant_in(cluster, database_server, name="mirrors", secret=False)
        tenant = runner.run(context.__aenter__())
        runner.run(tenant.secret("collectionsync-database", uri=served_database))
        try:
            yield runner.run(_played(tenant, monitored_with_server, server_url, tmp_path_factory.mktemp("bucket")))
        finally:
            runner.run(context.__aexit__(None, None, None))


async def _played(tenant: Tenant, monitored: Prometheus, server_url: str, folder: Path) -> Scene:
    try:
        return await _play(tenant, monitored, server_url, folder)
    except Exception as error:
        chosen = ("--selector", "app.kubernetes.io/component=server", "--tail=100")
        error.add_note(tenant.cluster.kubectl("--namespace", SYSTEM, "logs", *chosen, check=False).stdout)
        raise


async def _play(tenant: Tenant, monitored: Prometheus, server_url: str, folder: Path) -> Scene:
    start, host = time.time(), tenant.cluster.host
    catalog = make_catalog(names=sorted(SEED_630), plan="630")
    async with (
        TestGalaxy(catalog, host=host, latency=0.06) as galaxy,
        TestGalaxy(small_catalog({"acme.tools": ["1.0.0"]}), host=host) as other,
        bucket_for_pods(host, folder) as bucket,
    ):
        tools: dict[str, Any] = {"target": {"repository": "tools"}}
        await tenant.apply(_named("huge", manifest(other.url, "acme.tools", resources=TOO_LARGE, **tools)))
        await tenant.secret("store", **bucket.settings)
        await tenant.apply(_named("nightly", manifest(other.url, "acme.tools", interval="12h", **_full(bucket))))
        await tenant.apply(_named("moved", manifest("http://127.0.0.1:1/api/", "acme.tools")))
        await tenant.apply(_named("paused", manifest(other.url, "acme.tools", suspend=True, suspendReason="moving")))
        galaxy.faults.add(Fault(kind("docs"), answering(503), times=3))
        wanted = manifest(galaxy.url, *sorted(SEED_630), fetch={"concurrency": 4}, schedule="17 3 * * *")
        await tenant.apply(_named("community", wanted))
        await tenant.until_ready("community")
        await tenant.until_ready("nightly")
        await tenant.until("moved", lambda seen: bool(status(seen).get("consecutiveFailures")), "a failure")
        async with traffic(server_url, f"{tenant.namespace}/default", "amazon/aws", "community/crypto"):
            await _request(tenant, "community")
            await asyncio.to_thread(_until_seen, monitored, tenant.namespace)
            end = time.time()
    return Scene(monitored.url, tenant.namespace, start, end)


def _full(bucket: Bucket) -> dict[str, Any]:
    """What a spec has besides where artifacts are mirrored as well, into the bucket."""
    store = {"url": bucket.url, "secretRef": {"name": "store"}}
    return {"contentPolicy": "Full", "target": {"repository": "tools", "artifacts": store}}


def _named(name: str, document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "name": name}}


async def _request(tenant: Tenant, name: str) -> None:
    """Have a run made now, and wait for its end."""
    await tenant.kubectl("annotate", "collectionsync", name, "collectionsync.dev/requestedAt=again")
    await tenant.until(name, lambda seen: status(seen)["lastRun"]["trigger"] == "Requested/again", "the second run")


def _until_seen(monitored: Prometheus, namespace: str) -> None:
    """Wait until all has been scraped that a page shows: what ended last, and what is late for longer than a minute."""
    of = f'namespace="{namespace}"'
    ended = f'collectionsync_runs_total{{{of}, name="community", result="NoChange"}} == 1'
    late = f'time() - collectionsync_next_sync_timestamp_seconds{{{of}, name="huge"}} > 60'
    asked = 'count_over_time(collectionsync_server_requests_total{route="version"}[10m])'
    expected = (
        (ended, "run that changed nothing"),
        (late, "mirror that is late"),
        (f"{asked} >= {SAMPLES_OF_THE_SERVER}", "curve of the server"),
    )
    for expression, what in expected:
        monitored.until(functools.partial(_has_data, monitored, expression), what)


def _has_data(monitored: Prometheus, expression: str) -> bool:
    return bool(monitored.query(expression))


def test_every_query_returns_data(scene: Scene) -> None:
    empty = [
        f"{query.dashboard}: {query.panel} ({query.ref}): {query.expr}"
        for query in scene.queries()
        if not _numbers(scene, query)
    ]
    assert not empty, "\n".join(empty)


def test_the_alerts_of_the_server_are_evaluated_and_quiet(scene: Scene, monitored_with_server: Prometheus) -> None:
    groups = monitored_with_server.until_evaluating(SYSTEM, RELEASE)
    rules = [rule for group in groups for rule in group["rules"] if rule["name"].startswith(SERVERS_ALERTS)]
    assert {(rule["health"], rule.get("lastError"), rule["state"]) for rule in rules} == {("ok", None, "inactive")}
    assert len(rules) == 5


def _numbers(scene: Scene, query: Query) -> list[float]:
    # Points are aligned with the step, and the last one before the scene's end may be older than all that it shows.
    end = scene.end if query.instant else scene.end + query.step_seconds
    answers = ask(scene.url, query, scene.start, end)
    return [value for series in answers for _, value in series.points if not math.isnan(value)]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_can_be_drawn(scene: Scene, page: str, tmp_path: Path) -> None:
    drawn = draw(PAGES[page], scene.url, scene.variables(page), scene.start, scene.end)
    folder = Path(KEPT_IN) if KEPT_IN else tmp_path
    (folder / f"{page.removeprefix('collectionsync-')}.svg").write_text(drawn)
    titles = {panel["title"] for panel in PAGES[page]["panels"]}
    said = {"".join(text.itertext()) for text in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")}
    assert len(titles & said) > len(titles) / 2, "titles that are too long are cut"
