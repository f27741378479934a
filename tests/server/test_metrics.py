"""What is counted of answers, and that it is what clients were sent."""

from prometheus_client import CollectorRegistry

from collectionsync.memory import Cgroup
from collectionsync.server.metrics import Readings, ServerCollector
from collectionsync.server.tally import BUCKETS, Tally


def registry(tally: Tally) -> CollectorRegistry:
    """What a scrape reads."""
    found = CollectorRegistry()
    readings = Readings(
        inflight_bytes=lambda: 1,
        connections=lambda: 2,
        database_up=lambda: True,
        document_cache_bytes=lambda: 3,
        cgroup=Cgroup(),
        limit_bytes=4,
    )
    found.register(ServerCollector(tally, readings))
    return found


def value(tally: Tally, name: str, **labels: str) -> float | None:
    return registry(tally).get_sample_value(f"collectionsync_server_{name}", labels)


def test_requests_are_counted_by_route_and_code() -> None:
    tally = Tally()
    for status in (200, 200, 404):
        tally.answered("version", status, 100, 0.01)
    assert value(tally, "requests_total", route="version", code="200") == 2
    assert value(tally, "requests_total", route="version", code="404") == 1
    assert value(tally, "response_bytes_total", route="version") == 300


def test_each_duration_is_in_its_bucket_and_all_above() -> None:
    tally = Tally()
    for seconds in (0.0, BUCKETS[0], 0.03, 1e6):
        tally.answered("version", 200, 1, seconds)
    name = "request_duration_seconds_bucket"
    assert value(tally, name, route="version", le=str(BUCKETS[0])) == 2
    assert value(tally, name, route="version", le="0.025") == 2
    assert value(tally, name, route="version", le="0.05") == 3
    assert value(tally, name, route="version", le="+Inf") == 4
    assert value(tally, "request_duration_seconds_count", route="version") == 4


def test_reasons_are_there_before_anything_broke_off() -> None:
    for reason in ("Stalled", "Disconnected", "StoreFailed"):
        assert value(Tally(), "aborted_total", reason=reason) == 0


def test_what_is_looked_at_is_told() -> None:
    tally = Tally()
    names = ("inflight_bytes", "connections", "document_cache_bytes", "memory_limit_bytes", "database_up")
    assert [value(tally, name) for name in names] == [1, 2, 3, 4, 1]
    assert (value(tally, "peak_rss_bytes") or 0) > 1_000_000


def test_what_the_kernel_does_not_say_is_not_told() -> None:
    assert value(Tally(), "cgroup_memory_bytes") is None
