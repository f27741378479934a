"""With the chart's monitors and rules, Prometheus has what the operator and its runs tell, and it is the truth."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from cluster.manifests import AUTHORITIES, authorities, over_tls
from cluster.monitoring.release import RELEASE, SERVERS_ALERTS
from operating import CHART, SYSTEM, Server, Tenant, status, tenant_in
from syncing import manifest
from testcluster import Cluster
from testcluster.monitoring import Prometheus
from testgalaxy import Fault, TestGalaxy, small_catalog
from testgalaxy.__main__ import make_catalog
from testgalaxy.faults import Exchange
from testgalaxy.restamp import SEED_630
from testgalaxy.wirefaults import hold

Serve = Callable[..., Awaitable[Any]]

SECONDS = 3600
"""How far back series are looked for: longer than the tests take."""
SCRAPES = 4

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Mirrored:
    """A run that has ended: the resource as it was left."""

    namespace: str
    last_run: dict[str, Any]

    def series_of(self, metric: str) -> str:
        """A selector of this metric of the run's, or of the resource's where it has no run_id."""
        return f'{metric}{{namespace="{self.namespace}", name="mirror"}}'


@pytest.fixture(scope="module")
def mirrored(cluster: Cluster, monitored: Prometheus, database_server: Server) -> Iterator[Mirrored]:
    """A run that lasted for several scrapes: 630 versions over four connections, one of which waits for the last."""
    with asyncio.Runner() as runner:
        context = tenant_in(cluster, database_server)
        tenant = runner.run(context.__aenter__())
        try:
            yield runner.run(_mirror(tenant, monitored))
        finally:
            runner.run(context.__aexit__(None, None, None))


async def _mirror(tenant: Tenant, monitored: Prometheus) -> Mirrored:
    catalog, scraped = make_catalog(names=sorted(SEED_630), plan="630"), asyncio.Event()
    last = f"/{catalog.versions('ansible', 'posix')[0].version}/docs-blob/"

    def is_last(exchange: Exchange) -> bool:
        return exchange.kind == "docs" and "/posix/" in exchange.path and exchange.path.endswith(last)

    async with TestGalaxy(catalog, host=tenant.cluster.host, latency=0.06) as galaxy:
        galaxy.faults.add(Fault(is_last, hold(scraped)))
        await tenant.apply(manifest(galaxy.url, *sorted(SEED_630), fetch={"concurrency": 4}))
        resident = f'process_resident_memory_bytes{{namespace="{tenant.namespace}", name="mirror"}}'

        def has_a_curve() -> bool:
            return any(len(each.points) >= SCRAPES for each in monitored.scraped(resident, seconds=SECONDS))

        await asyncio.to_thread(monitored.until, has_a_curve, f"{SCRAPES} samples of the run")
        scraped.set()
        resource = await tenant.until_ready("mirror")
    return Mirrored(tenant.namespace, status(resource)["lastRun"])


def test_the_operator_is_a_target_that_is_up(monitored: Prometheus) -> None:
    pool = f"serviceMonitor/{SYSTEM}/{RELEASE}/0"

    def health() -> list[str]:
        return [str(target["health"]) for target in monitored.targets() if target["scrapePool"] == pool]

    monitored.until(lambda: health() == ["up"], "operator that is up")


def test_a_run_is_one_target_whose_labels_say_which_run_it_is(monitored: Prometheus, mirrored: Mirrored) -> None:
    (labels,) = monitored.series(mirrored.series_of("collectionsync_worker_peak_rss_bytes"))
    assert labels["run_id"] == mirrored.last_run["id"]
    assert labels["container"] == "sync"
    assert labels["pod"].startswith("mirror-")


def test_the_scraped_memory_is_that_of_the_report(monitored: Prometheus, mirrored: Mirrored) -> None:
    """A curve of samples is never above the true peak, and this one is flat, so that it is not far below it either."""
    peak = mirrored.last_run["peakRssBytes"]
    (resident,) = monitored.scraped(mirrored.series_of("process_resident_memory_bytes"), seconds=SECONDS)
    (so_far,) = monitored.scraped(mirrored.series_of("collectionsync_worker_peak_rss_bytes"), seconds=SECONDS)
    assert len(resident.points) >= SCRAPES
    assert so_far.values == sorted(so_far.values)
    assert 0.95 * peak <= so_far.values[-1] <= peak
    assert 0.95 * peak <= max(resident.values) <= peak


def test_what_a_resource_tells_has_its_own_namespace_and_name(monitored: Prometheus, mirrored: Mirrored) -> None:
    peak = mirrored.series_of("collectionsync_last_run_peak_rss_bytes")
    monitored.until(lambda: bool(monitored.query(peak)), "peak of the run by the operator")
    (sample,) = monitored.query(peak)
    assert sample.value == mirrored.last_run["peakRssBytes"]


def test_nothing_that_is_scraped_had_to_give_way_to_a_label_of_its_target(
    monitored: Prometheus, mirrored: Mirrored
) -> None:
    series = monitored.series('{__name__=~"collectionsync_.+"}')
    assert {"collectionsync_info", "collectionsync_worker_peak_rss_bytes"} <= {each["__name__"] for each in series}
    assert [each for each in series if any(label.startswith("exported_") for label in each)] == []


def test_all_rules_of_the_chart_are_evaluated_without_an_error(monitored: Prometheus) -> None:
    groups = monitored.until_evaluating(SYSTEM, RELEASE)
    rules = [rule for group in groups for rule in group["rules"]]
    files = (CHART / "files" / "alerts").glob("*.yaml")
    alerts = {yaml.safe_load(file.read_text())["alert"] for file in files}
    assert {rule["name"] for rule in rules} == {each for each in alerts if not each.startswith(SERVERS_ALERTS)}
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_a_mirror_that_is_well_raises_no_alarm(monitored: Prometheus, mirrored: Mirrored) -> None:
    monitored.until_evaluating(SYSTEM, RELEASE)
    alarms = monitored.scraped(f'ALERTS{{namespace="{mirrored.namespace}", alertstate="firing"}}', seconds=SECONDS)
    assert [alarm.labels["alertname"] for alarm in alarms] == []


async def test_a_run_that_is_killed_for_its_memory_raises_the_alarm(
    monitored: Prometheus, tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}), tls=True)
    await tenant.secret("bundle", ca_crt=galaxy.certificates.ca_pem.decode() + "".join(authorities(AUTHORITIES)))
    small = {"limits": {"memory": "32Mi"}}
    await tenant.apply(over_tls(galaxy.url, "community.crypto", ca="bundle", resources=small))
    await tenant.until_reason("mirror", "OOMKilled")

    def alarms() -> list[dict[str, Any]]:
        rules = [rule for group in monitored.rules() for rule in group["rules"]]
        raised = [alert for rule in rules for alert in rule.get("alerts", []) if alert["state"] == "firing"]
        return [alert for alert in raised if alert["labels"].get("namespace") == tenant.namespace]

    await asyncio.to_thread(monitored.until, lambda: bool(alarms()), "alarm")
    (alarm,) = alarms()
    assert alarm["labels"]["alertname"] == "CollectionSyncOOMKilled"
    assert alarm["labels"]["name"] == "mirror"
    assert f"{tenant.namespace}/mirror" in alarm["annotations"]["summary"]
    assert alarm["annotations"]["runbook_url"].endswith("/collection-sync-oom-killed.md")
