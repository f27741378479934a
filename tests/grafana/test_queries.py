"""The queries speak of metrics that there are, as Grafana sends them."""

import re
from typing import Any

import pytest
from dashboards.page import FLEET, RESOURCE
from dashboards.queries import Query, UndefinedVariableError, queries

from docs.test_metrics import documented
from grafana.stored import QUERIES, every_query

METRIC = re.compile(r"\b(?:collectionsync|process)_\w+")
OF_A_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
"""What the client library of Prometheus adds for every process."""


def known() -> set[str]:
    """The names of all series, which are more than one for a histogram."""
    shapes = documented("The operator") | documented("A worker")
    suffixes = {
        name: ("_bucket", "_sum", "_count") if shape.type == "histogram" else ("",) for name, shape in shapes.items()
    }
    return OF_A_PROCESS | {name + suffix for name, several in suffixes.items() for suffix in several}


@every_query
def test_every_metric_of_a_query_is_described(query: Query) -> None:
    found = set(METRIC.findall(query.expr))
    assert found
    assert found <= known()


@every_query
def test_every_label_that_is_matched_is_one_of_the_metric(query: Query) -> None:
    shapes = documented("The operator") | documented("A worker")
    for metric, matchers in re.findall(r"\b(collectionsync_\w+)\{([^}]*)\}", query.expr):
        labels = set(re.findall(r"(\w+)(?:=~|!=|=)", matchers))
        of_runs = {"namespace", "name", "run_id"} if metric.startswith("collectionsync_worker") else set[str]()
        assert labels <= {*shapes[metric.removesuffix("_bucket")].labels} | of_runs, metric


@every_query
def test_no_variable_is_left(query: Query) -> None:
    assert "$" not in query.expr


@every_query
def test_every_series_goes_through_max_so_that_what_is_scraped_twice_counts_once(query: Query) -> None:
    assert re.search(r"\bmax(?: by \([^)]*\) )?\(", query.expr)


@every_query
def test_a_legend_speaks_of_labels_that_the_query_keeps(query: Query) -> None:
    kept = {"reason"} | {label for by in re.findall(r"by \(([^)]*)\)", query.expr) for label in by.split(", ")}
    assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= kept


def page(expr: str, **target: Any) -> dict[str, Any]:
    panel = {"type": "timeseries", "title": "A panel", "targets": [{"refId": "A", "expr": expr, **target}]}
    return {"uid": "a-page", "panels": [{"type": "row", "title": "A row"}, panel]}


def test_variables_are_put_in_however_they_are_written() -> None:
    (query,) = queries(page('m{a="$name", b=~"${name}", c=~"${name:regex}"}'), {"name": "x"})
    assert query.expr == 'm{a="x", b=~"x", c=~"x"}'


def test_a_variable_without_a_value_is_told_with_its_panel() -> None:
    with pytest.raises(UndefinedVariableError, match=r"a-page: the panel 'A panel' uses \$name"):
        queries(page('m{a="$name"}'), {})


@pytest.mark.parametrize(
    ("smallest", "span_seconds", "step", "rate"),
    [
        ("5s", 600, "5s", "20s"),
        ("30s", 3600, "30s", "120s"),
        ("5s", 86400, "288s", "293s"),
        ("10m", 60, "600s", "2400s"),
    ],
)
def test_intervals_are_what_grafana_makes_them(smallest: str, span_seconds: int, step: str, rate: str) -> None:
    asked = page("rate(m[$__rate_interval]) / n[$__interval]", interval=smallest)
    (query,) = queries(asked, {}, span_seconds=span_seconds)
    assert query.expr == f"rate(m[{rate}]) / n[{step}]"
    assert f"{query.step_seconds}s" == step


def test_a_rate_of_a_run_has_four_scrapes_to_see_an_increase() -> None:
    (rates,) = {
        match for query in QUERIES if query.step_seconds < 30 for match in re.findall(r"rate\(.*?\[(\w+)\]", query.expr)
    }
    assert rates == "20s"


def test_figures_of_the_fleet_are_zero_and_not_nothing() -> None:
    counts = [query for query in QUERIES if query.dashboard == FLEET and query.expr.startswith("count(")]
    assert len(counts) >= 8
    assert all(query.expr.endswith("or vector(0)") for query in counts)


def test_the_page_of_one_asks_for_one_only() -> None:
    asked = "".join(query.expr for query in QUERIES if query.dashboard == RESOURCE)
    assert set(re.findall(r'\bname="[^"]*"', asked)) == {'name="community"'}
    assert re.findall(r"collectionsync_\w+(?!\w|\{)", asked) == []
