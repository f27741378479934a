"""The queries speak of metrics that there are, as Grafana sends them."""

import re
from typing import Any

import pytest
from dashboards.page import FLEET, RESOURCE
from dashboards.queries import Query, UndefinedVariableError, queries

from docs.test_metrics import Shape, documented
from grafana.stored import QUERIES, every_query

METRIC = re.compile(r"\b(?:collectionsync|process)_\w+")
OF_A_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
"""What the client library of Prometheus adds for every process."""
OF_TARGETS = {
    "collectionsync_worker": {"namespace", "name", "run_id"},
    "collectionsync_server": {"namespace", "pod"},
}
"""Labels that whatever is scraped gets from its target, by what its metrics begin with."""


def described() -> dict[str, Shape]:
    """All metrics by their names."""
    return documented("The operator") | documented("A worker") | documented("A server")


def known() -> set[str]:
    """The names of all series, which are more than one for a histogram."""
    shapes = described()
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
    shapes = described()
    for metric, matchers in re.findall(r"\b(collectionsync_\w+)\{([^}]*)\}", query.expr):
        labels = set(re.findall(r"(\w+)(?:=~|!=|=)", matchers))
        of_targets = next((given for prefix, given in OF_TARGETS.items() if metric.startswith(prefix)), set[str]())
        assert labels <= {*shapes[metric.removesuffix("_bucket")].labels} | of_targets, metric


@every_query
def test_no_variable_is_left(query: Query) -> None:
    assert "$" not in query.expr


TOKEN = re.compile(
    r"(?P<matchers>\{[^}]*\})|(?P<metric>\b(?:collectionsync|process)_\w+)"
    r"|(?P<opened>(?:(?P<function>\w+) ?)?(?:by \((?P<by>[^)]*)\) )?\()|(?P<closed>\))"
)
AGGREGATIONS = {"max", "sum", "count", "topk", "avg", "min", "group"}
OF_THE_SCRAPE = {"job", "instance", "service", "container"}
"""Labels in which one and the same thing differs when it is scraped twice."""


def not_brought_to_one(expr: str) -> list[str]:
    """The metrics that anything but `max`, without the labels of the scrape, is the first to aggregate."""
    found, around = [], list[tuple[str, set[str]]]()
    for token in TOKEN.finditer(expr):
        if token["opened"]:
            around.append((token["function"] or "", set((token["by"] or "").split(", "))))
        elif token["closed"]:
            around.pop()
        elif token["metric"]:
            first, by = next((each for each in reversed(around) if each[0] in AGGREGATIONS), ("", set()))
            if first != "max" or by & OF_THE_SCRAPE:
                found.append(token["metric"])
    return found


@every_query
def test_every_series_is_brought_to_one_by_max_before_anything_else_adds_it_up(query: Query) -> None:
    assert not_brought_to_one(query.expr) == []


@pytest.mark.parametrize(
    "expr",
    [
        "collectionsync_a",
        'sum(max by (pod) (process_a)) / collectionsync_a{name="max"}',
        "sum by (pod) (rate(collectionsync_a[1m])) > max by (pod) (process_a)",
        "max(sum(collectionsync_a))",
        "max by (pod, instance) (collectionsync_a)",
    ],
)
def test_a_series_that_is_added_up_as_it_is_scraped_is_found(expr: str) -> None:
    assert not_brought_to_one(expr) == ["collectionsync_a"]


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
    asked = page("rate(m[$__rate_interval]) * $__interval_ms / n[$__interval]", interval=smallest)
    (query,) = queries(asked, {}, span_seconds=span_seconds)
    assert query.expr == f"rate(m[{rate}]) * {step.removesuffix('s')}000 / n[{step}]"
    assert f"{query.step_seconds}s" == step


def test_a_rate_of_a_run_has_four_scrapes_to_see_an_increase() -> None:
    (rates,) = {
        match for query in QUERIES if query.step_seconds < 30 for match in re.findall(r"rate\(.*?\[(\w+)\]", query.expr)
    }
    assert rates == "20s"


def test_figures_of_the_fleet_are_zero_and_not_nothing_as_long_as_an_operator_is_scraped() -> None:
    counts = [query for query in QUERIES if query.dashboard == FLEET and query.expr.startswith("count(")]
    assert len(counts) >= 8
    assert all(query.expr.endswith("or 0 * max(collectionsync_operator_active_runs)") for query in counts)
    assert not any("vector(" in query.expr for query in QUERIES)


def test_the_page_of_one_asks_for_one_only() -> None:
    asked = "".join(query.expr for query in QUERIES if query.dashboard == RESOURCE)
    assert set(re.findall(r'\bname="[^"]*"', asked)) == {'name="community"'}
    assert re.findall(r"collectionsync_\w+(?!\w|\{)", asked) == []
