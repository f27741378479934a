"""Prometheus is asked what Grafana asks it, and its refusals are told with the query."""

import http.server
import json
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from dashboards.pictures.prometheus import PrometheusError, ask
from dashboards.queries import Query


class Answering(http.server.BaseHTTPRequestHandler):
    """Stands for Prometheus: says what was asked, as labels, and refuses the query `bad`."""

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        labels = {"path": self.path, **{name: value for name, (value,) in asked.items()}}
        result = {"metric": labels, "value": [10, "1.5"], "values": [[5, "1"], [10, "NaN"]]}
        self.send_response(400 if labels["query"] == "bad" else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": {"result": [result]}}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def query(expr: str, *, instant: bool = False) -> Query:
    return Query("a-page", "A panel", "A", expr, "", 30, instant)


def test_a_panel_of_now_asks_for_the_newest_point_in_time(url: str) -> None:
    (series,) = ask(url, query("up", instant=True), 1000.0, 1090.5)
    assert series.labels == {"path": "/api/v1/query", "query": "up", "time": "1090.500"}
    assert series.points == ((10, 1.5),)


def test_a_range_is_aligned_with_its_step(url: str) -> None:
    (series,) = ask(url, query("up"), 1000.0, 1090.0)
    bounds = {"start": "990.0", "end": "1080.0", "step": "30"}
    assert series.labels == {"path": "/api/v1/query_range", "query": "up", **bounds}
    assert series.points[0] == (5, 1)


def test_a_refusal_is_told_with_the_query(url: str) -> None:
    with pytest.raises(PrometheusError, match="refused bad"):
        ask(url, query("bad"), 0.0, 60.0)


def test_a_prometheus_that_is_not_there_is_told_with_its_address() -> None:
    with pytest.raises(PrometheusError, match=r"http://127\.0\.0\.1:1/api/v1/query_range could not be reached"):
        ask("http://127.0.0.1:1", query("up"), 0.0, 60.0)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(PrometheusError, match="has to begin with http"):
        ask("prometheus:9090", query("up"), 0.0, 60.0)
