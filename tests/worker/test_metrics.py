"""What a scrape of a real endpoint shows, under the names that dashboards rely on."""

import contextlib
import socket
import threading
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from collectionsync.byte_budget import ByteBudget
from collectionsync.exposition import exposed
from collectionsync.memory import Cgroup
from collectionsync.worker.metrics import WorkerCollector
from collectionsync.worker.tally import Tally

PROMISED = {
    "peak_rss_bytes": "gauge",
    "cgroup_memory_bytes": "gauge",
    "memory_limit_bytes": "gauge",
    "inflight_requests": "gauge",
    "inflight_bytes": "gauge",
    "queue_items": "gauge",
    "http_requests": "counter",
    "retries": "counter",
    "fetched_bytes": "counter",
    "rows_inserted": "counter",
    "fetch_duration_seconds": "histogram",
    "insert_duration_seconds": "histogram",
}


@pytest.fixture(scope="module")
def tally() -> Tally:
    return a_tally()


def a_tally() -> Tally:
    tally = Tally(versions_discovered=10)
    tally.request_started()
    tally.request_started()
    tally.request_ended("detail", "200")
    tally.received(5000)
    tally.retried("RateLimited")
    tally.versions_done["Created"] += 3
    tally.rows_inserted["collection_version"] += 3
    for seconds in (0.001, 0.05, 0.3, 1000.0):
        tally.fetch_latency.observe(seconds)
    return tally


@pytest.fixture(scope="module")
def cgroup(tmp_path_factory: pytest.TempPathFactory) -> Cgroup:
    folder = tmp_path_factory.mktemp("cgroup")
    (folder / "current").write_text("111\n")
    (folder / "peak").write_text("222\n")
    return Cgroup(peak=folder / "peak", current=folder / "current")


def collector(tally: Tally, cgroup: Cgroup) -> WorkerCollector:
    budget = ByteBudget(1000)
    budget.in_use = 42
    return WorkerCollector(tally=tally, budget=budget, cgroup=cgroup, limit_bytes=64 * 2**20)


@pytest.fixture(scope="module")
def address(tally: Tally, cgroup: Cgroup) -> Iterator[str]:
    with exposed("127.0.0.1", 0, collector(tally, cgroup)) as port:
        yield f"http://127.0.0.1:{port}/metrics"


def fetch(address: str, **headers: str) -> str:
    with contextlib.closing(urllib.request.urlopen(urllib.request.Request(address, headers=headers))) as response:
        text: str = response.read().decode()
    return text


def scrape(address: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(fetch(address))}


def value(families: dict[str, Metric], sample: str, **labels: str) -> float:
    found = [
        each.value
        for family in families.values()
        for each in family.samples
        if (each.name, each.labels) == (sample, labels)
    ]
    assert len(found) == 1, (sample, labels)
    return float(found[0])


def test_every_promised_metric_is_there_with_its_type(address: str) -> None:
    families = scrape(address)

    assert {name: families[f"collectionsync_worker_{name}"].type for name in PROMISED} == PROMISED


@pytest.mark.parametrize(
    ("sample", "labels", "expected"),
    [
        ("memory_limit_bytes", {}, 64 * 2**20),
        ("cgroup_memory_bytes", {}, 111),
        ("cgroup_peak_memory_bytes", {}, 222),
        ("inflight_requests", {}, 1),
        ("inflight_bytes", {}, 42),
        ("queue_items", {}, 7),
        ("http_requests_total", {"endpoint": "detail", "code": "200"}, 1),
        ("retries_total", {"reason": "RateLimited"}, 1),
        ("fetched_bytes_total", {}, 5000),
        ("rows_inserted_total", {"table": "collection_version"}, 3),
        ("versions_total", {"outcome": "Created"}, 3),
        ("fetch_duration_seconds_count", {}, 4),
        ("fetch_duration_seconds_sum", {}, 1000.351),
        ("fetch_duration_seconds_bucket", {"le": "0.01"}, 1),
        ("fetch_duration_seconds_bucket", {"le": "0.05"}, 2),
        ("fetch_duration_seconds_bucket", {"le": "0.5"}, 3),
        ("fetch_duration_seconds_bucket", {"le": "60.0"}, 3),
        ("fetch_duration_seconds_bucket", {"le": "+Inf"}, 4),
        ("insert_duration_seconds_count", {}, 0),
    ],
)
def test_a_metric_says_what_was_counted(address: str, sample: str, labels: dict[str, str], expected: float) -> None:
    assert value(scrape(address), f"collectionsync_worker_{sample}", **labels) == pytest.approx(expected)


def test_the_resident_set_comes_with_its_peak(address: str) -> None:
    families = scrape(address)

    assert (
        value(families, "collectionsync_worker_peak_rss_bytes") >= value(families, "process_resident_memory_bytes") / 2
    )


def test_what_is_scraped_is_of_now(address: str, tally: Tally) -> None:
    before = value(scrape(address), "collectionsync_worker_rows_inserted_total", table="collection_version")
    tally.rows_inserted["collection_version"] += 1
    after = value(scrape(address), "collectionsync_worker_rows_inserted_total", table="collection_version")
    tally.rows_inserted["collection_version"] -= 1

    assert after == before + 1


def test_openmetrics_knows_the_unit_of_the_latencies(address: str) -> None:
    text = fetch(address, Accept="application/openmetrics-text")
    families = {family.name: family for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]

    assert families["collectionsync_worker_fetch_duration_seconds"].unit == "seconds"


def test_without_a_cgroup_nothing_is_made_up(tally: Tally) -> None:
    names = {family.name for family in collector(tally, Cgroup()).collect()}

    assert not {name for name in names if "cgroup" in name}


def test_a_resumed_run_that_finishes_more_than_it_discovered_has_an_empty_queue() -> None:
    tally = a_tally()
    tally.versions_done["Created"] += 100
    registry = CollectorRegistry()
    registry.register(collector(tally, Cgroup()))

    assert registry.get_sample_value("collectionsync_worker_queue_items") == 0


def test_a_scrape_can_read_while_the_run_counts() -> None:
    tally = a_tally()
    reader = collector(tally, Cgroup())
    failed: list[Exception] = []
    over = threading.Event()

    def read() -> None:
        try:
            while not over.is_set():
                list(reader.collect())
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(20_000):
        tally.requests["detail", str(number % 5000)] += 1
        tally.retries[str(number % 5000)] += 1
    over.set()
    thread.join()

    assert failed == []


def test_a_port_that_is_taken_is_an_error(tally: Tally) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        _, port = taken.getsockname()
        with pytest.raises(OSError, match="in use"), exposed("127.0.0.1", port, collector(tally, Cgroup())):
            pass


def test_the_port_is_free_again_afterwards(tally: Tally) -> None:
    with exposed("127.0.0.1", 0, collector(tally, Cgroup())) as port:
        pass

    with exposed("127.0.0.1", port, collector(tally, Cgroup())) as again:
        assert again == port
