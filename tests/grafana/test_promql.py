"""Prometheus itself takes every query, and answers those that count as they are meant."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from dashboards.promql import EVERY, Selection, counted, how_many, needed, operator, total

from grafana.stored import QUERIES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

STEP = "60s"
OPERATORS = 'namespace="collectionsync-system", job="operator"'


def test_every_query_is_one_for_prometheus(promtool: Path, tmp_path: Path) -> None:
    rules = [{"record": f"query_{index}", "expr": query.expr} for index, query in enumerate(QUERIES)]
    assert len(rules) > 60
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{len(rules)} rules found" in done.stdout


class Asking:
    """Asks promtool what a query comes to, after five minutes if no more. Series have a value for each of them."""

    def __init__(self, promtool: Path, folder: Path) -> None:
        self._promtool = promtool
        self._folder = folder

    def comes_to(self, expr: str, series: Mapping[str, str], samples: Mapping[str, float], *, minutes: int = 5) -> None:
        """Assert that the query has these samples by their labels, when these series have these values."""
        for name, value in {"$namespace": ".*", "$name": ".*", "$pod": ".*", "$__interval": STEP}.items():
            expr = expr.replace(name, value)
        asked = {
            "expr": expr,
            "eval_time": f"{minutes}m",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
        }
        told = [{"series": each, "values": values} for each, values in series.items()]
        test = {"interval": "1m", "input_series": told, "promql_expr_test": [asked]}
        file = self._folder / "test.json"
        file.write_text(json.dumps({"tests": [test]}))
        done = subprocess.run([self._promtool, "test", "rules", file], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def asking(promtool: Path, tmp_path: Path) -> Asking:
    return Asking(promtool, tmp_path)


def scraped(metric: str, values: str, *, jobs: Sequence[str] = ("operator",), **labels: str) -> dict[str, str]:
    """A series of a resource as each of these jobs finds it."""
    own = {"namespace": "mirrors", "name": "community", "pod": "operator-1", **labels}
    told = ", ".join(f'{name}="{value}"' for name, value in own.items())
    return {f'{metric}{{{told}, job="{job}"}}': values for job in jobs}


TWICE = ("operator", "again")


def test_a_resource_that_is_scraped_twice_counts_once(asking: Asking) -> None:
    series = scraped("collectionsync_suspended", "1x5", jobs=TWICE)
    asking.comes_to(how_many(EVERY.each("collectionsync_suspended")), series, {"{}": 1})


def test_a_run_that_is_scraped_twice_counts_once(asking: Asking) -> None:
    runs = "collectionsync_operator_active_runs"
    series = {f'{runs}{{pod="operator-1", namespace="system", job="{job}"}}': "3x5" for job in TWICE}
    asking.comes_to(total(operator(runs)), series, {"{}": 3})


OPERATOR = {f'collectionsync_operator_active_runs{{pod="{pod}", {OPERATORS}}}': "3x5" for pod in ("a", "b")}


def test_where_an_operator_knows_of_none_the_number_is_zero(asking: Asking) -> None:
    asking.comes_to(how_many(EVERY.with_condition("Stalled")), OPERATOR, {"{}": 0})


def test_where_no_operator_is_scraped_there_is_no_number(asking: Asking) -> None:
    asking.comes_to(how_many(EVERY.with_condition("Stalled")), {}, {})


RUNS = Selection('namespace="mirrors", name="community"').series("collectionsync_runs_total")


def test_runs_are_counted_in_whole_numbers_and_once(asking: Asking) -> None:
    series = scraped("collectionsync_runs_total", "0 0 0 0 1 3", jobs=TWICE, result="Succeeded")
    asking.comes_to(counted(RUNS, "result"), series, {'{result="Succeeded"}': 2})


def test_the_first_run_of_a_kind_counts_though_its_counter_is_born_with_it(asking: Asking) -> None:
    series = scraped("collectionsync_runs_total", "_ _ _ _ _ 1", result="Failed")
    asking.comes_to(counted(RUNS, "result"), series, {'{result="Failed"}': 1})


def test_a_counter_that_prometheus_sees_late_counts_no_run_of_before(asking: Asking) -> None:
    series = scraped("collectionsync_runs_total", "_ _ _ _ _ 40", result="Succeeded")
    asking.comes_to(counted(RUNS, "result"), series, {'{result="Succeeded"}': 1})


def test_a_new_operator_counts_from_zero_and_takes_nothing_away(asking: Asking) -> None:
    before = scraped("collectionsync_runs_total", "7 7 7 8 stale", result="Succeeded")
    after = scraped("collectionsync_runs_total", "_ _ _ _ 0 1", result="Succeeded", pod="operator-2")
    asking.comes_to(counted(RUNS, "result"), before | after, {'{result="Succeeded"}': 1})


def test_a_counter_that_begins_anew_in_the_same_pod_takes_nothing_away(asking: Asking) -> None:
    series = scraped("collectionsync_runs_total", "7 7 7 8 8 0", result="Succeeded")
    asking.comes_to(counted(RUNS, "result"), series, {'{result="Succeeded"}': 0})


@pytest.mark.parametrize("minutes", [10, 33, 34])
def test_a_gap_between_scrapes_invents_no_run(asking: Asking, minutes: int) -> None:
    series = scraped("collectionsync_runs_total", "7x20 _x12 7x20", result="Succeeded")
    asking.comes_to(counted(RUNS, "result"), series, {'{result="Succeeded"}': 0}, minutes=minutes)


@pytest.mark.parametrize(("minutes", "ended"), [(33, 2), (34, 0)])
def test_runs_that_ended_within_a_gap_count_after_it(asking: Asking, minutes: int, ended: int) -> None:
    series = scraped("collectionsync_runs_total", "7x20 _x12 9x20", result="Succeeded")
    asking.comes_to(counted(RUNS, "result"), series, {'{result="Succeeded"}': ended}, minutes=minutes)


@pytest.mark.parametrize(("resident", "charged", "least"), [(50, 60, 50), (60, 50, 50), (60, None, 60), (None, 50, 50)])
def test_a_run_needed_the_smaller_one_of_its_peaks(
    asking: Asking, resident: int | None, charged: int | None, least: int
) -> None:
    peaks = {
        "collectionsync_last_run_peak_rss_bytes": resident,
        "collectionsync_last_run_cgroup_peak_memory_bytes": charged,
    }
    series = [scraped(metric, f"{value}x5") for metric, value in peaks.items() if value is not None]
    told = '{namespace="mirrors", name="community"}'
    asking.comes_to(needed(EVERY), {key: value for each in series for key, value in each.items()}, {told: least})


def query(panel: str, ref: str = "A") -> str:
    """A query of a panel whose title is on one page alone."""
    (found,) = (each.expr for each in QUERIES if (each.panel, each.ref) == (panel, ref))
    return found


def condition(name: str, holds: str) -> dict[str, str]:
    """The condition Ready of a resource, which has this status."""
    told = [
        scraped(
            "collectionsync_status_condition",
            f"{int(status == holds)}x5",
            jobs=TWICE,
            name=name,
            type="Ready",
            status=status,
        )
        for status in ("True", "False", "Unknown")
    ]
    return {key: value for series in told for key, value in series.items()}


def last_run(name: str, result: str, reason: str) -> dict[str, str]:
    return scraped("collectionsync_last_run_info", "1x5", jobs=TWICE, name=name, result=result, reason=reason)


REASONS = "Not ready, by the reason of the last run"


def test_what_is_not_known_to_be_ready_is_not_ready(asking: Asking) -> None:
    series = {**OPERATOR, **condition("a", "True"), **condition("b", "False"), **condition("c", "Unknown")}
    asking.comes_to(query("Not ready"), series, {"{}": 2})


def test_what_is_suspended_is_not_meant_to_be_ready(asking: Asking) -> None:
    suspended = {
        **scraped("collectionsync_suspended", "1x5", jobs=TWICE, name="a"),
        **scraped("collectionsync_suspended", "0x5", jobs=TWICE, name="b"),
    }
    series = {**OPERATOR, **condition("a", "False"), **condition("b", "Unknown"), **suspended}
    asking.comes_to(query("Not ready"), series, {"{}": 1})
    asking.comes_to(query(REASONS), series, {'{reason="no run of this spec has ended"}': 1})


def test_what_is_not_ready_is_grouped_by_the_reason_of_its_last_run(asking: Asking) -> None:
    runs = [last_run(name, "Failed", "SourceUnavailable") for name in ("a", "b")]
    series = {**condition("a", "False"), **condition("b", "False"), **runs[0], **runs[1]}
    asking.comes_to(query(REASONS), series, {'{reason="SourceUnavailable"}': 2})


def test_what_is_not_ready_without_a_run_that_failed_is_not_left_out(asking: Asking) -> None:
    series = {**condition("a", "False"), **last_run("a", "Succeeded", "Succeeded"), **condition("b", "False")}
    asking.comes_to(query(REASONS), series, {'{reason="it cannot run"}': 2})


def test_a_run_of_an_earlier_spec_is_no_reason_for_what_has_not_run_since(asking: Asking) -> None:
    series = {**condition("a", "Unknown"), **last_run("a", "Failed", "OOMKilled"), **condition("b", "Unknown")}
    asking.comes_to(query(REASONS), series, {'{reason="no run of this spec has ended"}': 2})


def test_ready_is_told_apart_from_unknown_and_from_not_ready(asking: Asking) -> None:
    expr = next(each.expr for each in QUERIES if each.panel == "All CollectionSyncs" and each.ref == "A")
    series = {**condition("a", "True"), **condition("b", "False"), **condition("c", "Unknown")}
    named = {f'{{namespace="mirrors", name="{name}"}}': value for name, value in {"a": 2, "b": 0, "c": 1}.items()}
    asking.comes_to(expr, series, named)


def test_what_cannot_be_read_is_a_collection_sync_all_the_same(asking: Asking) -> None:
    series = scraped("collectionsync_created_timestamp_seconds", "1795600000x5", jobs=TWICE)
    asking.comes_to(query("CollectionSyncs"), series, {"{}": 1})


TWO = {"ours": 290, "theirs": 10}
"""A value of each of two operators, by their namespaces."""


def test_an_operator_whose_watch_is_deaf_is_not_hidden_by_another(asking: Asking) -> None:
    metric = "collectionsync_operator_last_watch_event_timestamp_seconds"
    series = {f'{metric}{{namespace="{name}", pod="{name}-1", kind="Job"}}': f"{at}x5" for name, at in TWO.items()}
    told = {f'{{namespace="{name}", pod="{name}-1", kind="Job"}}': 300.0 - at for name, at in TWO.items()}
    asking.comes_to(query("Since a watch told of a change"), series, told)


@pytest.mark.parametrize(
    ("panel", "metric"),
    [
        ("Runs that go on, and that wait", "collectionsync_operator_simultaneous_runs_limit"),
        ("Memory admitted, against the budget", "collectionsync_operator_memory_budget_bytes"),
    ],
)
def test_limits_of_two_operators_are_not_added_up(asking: Asking, panel: str, metric: str) -> None:
    (expr,) = (each.expr for each in QUERIES if each.panel == panel and metric in each.expr)
    series = {f'{metric}{{namespace="{name}", pod="{name}-1"}}': f"{value}x5" for name, value in TWO.items()}
    asking.comes_to(expr, series, {f'{{namespace="{name}"}}': value for name, value in TWO.items()})


def test_the_largest_peaks_are_of_those_that_were_largest_within_the_whole_time(asking: Asking) -> None:
    peaks = {f"small-{index}": "50x5" for index in range(10)} | {"large": "10 900 10 10 10 10"}
    series = [scraped("collectionsync_last_run_peak_rss_bytes", values, name=name) for name, values in peaks.items()]
    expr = f'({query("Largest peaks of the last runs")}) and on (name) group by (name) ({{name="large"}})'
    told = {'{namespace="mirrors", name="large"}': 10.0}
    asking.comes_to(expr, {key: value for each in series for key, value in each.items()}, told)


def test_a_step_of_a_heatmap_counts_what_happened_within_it_alone(asking: Asking) -> None:
    found = next(each for each in QUERIES if each.panel == "Fetching a version, spread")
    ours = 'namespace="mirrors", name="community", run_id="a", pod="a-1"'
    series = {f'collectionsync_worker_fetch_duration_seconds_bucket{{{ours}, le="0.1"}}': "0+60x5"}
    # promtool's scrapes are a minute apart, so that the window has to be as wide as a few of them.
    wide = found.expr.replace("[20s]", "[3m]")
    assert wide != found.expr
    asking.comes_to(wide, series, {'{le="0.1"}': found.step_seconds})


def test_memory_of_the_operator_is_not_that_of_other_processes(asking: Asking) -> None:
    series = {
        f'collectionsync_operator_active_runs{{{OPERATORS}, instance="10.0.0.1:9090", pod="operator-1"}}': "0x5",
        f'process_resident_memory_bytes{{{OPERATORS}, instance="10.0.0.1:9090", pod="operator-1"}}': "100x5",
        'process_resident_memory_bytes{job="other", instance="10.0.0.2:9090", pod="other"}': "999x5",
    }
    told = '{namespace="collectionsync-system", pod="operator-1"}'
    asking.comes_to(query("Memory of the operator"), series, {told: 100})


def of_server(
    metric: str, values: str, *, pod: str = "server-1", jobs: Sequence[str] = TWICE, **labels: str
) -> dict[str, str]:
    """A series of a pod of the server as each of these jobs finds it."""
    own = {"namespace": "mirrors", "pod": pod, "instance": f"{pod}:9090", **labels}
    told = ", ".join(f'{name}="{value}"' for name, value in own.items())
    return {f'{metric}{{{told}, job="{job}"}}': values for job in jobs}


REQUESTS = "collectionsync_server_requests_total"


def rated(panel: str, ref: str = "A") -> str:
    """A query of rates, whose window is as wide as a few of promtool's scrapes, which are a minute apart."""
    expr = query(panel, ref)
    assert "[120s]" in expr
    return expr.replace("[120s]", "[3m]")


def test_requests_that_are_scraped_twice_count_once_and_those_of_two_pods_add_up(asking: Asking) -> None:
    pods = [of_server(REQUESTS, "0+60x5", pod=pod, route="versions", code="200") for pod in ("a", "b")]
    found = of_server(REQUESTS, "0+60x5", pod="a", route="versions", code="304")
    asking.comes_to(rated("Requests by route"), {**pods[0], **pods[1], **found}, {'{route="versions"}': 3})


def test_what_the_kubelet_asks_is_no_request_by_status(asking: Asking) -> None:
    series = {
        **of_server(REQUESTS, "0+60x5", route="versions", code="200"),
        **of_server(REQUESTS, "0+60x5", route="ready", code="503"),
    }
    asking.comes_to(rated("Requests by status"), series, {'{code="200"}': 1})
    asking.comes_to(rated("Share of errors", "B"), series, {"{}": 0})


def test_the_share_of_errors_is_that_of_all_pods(asking: Asking) -> None:
    series = {
        **of_server(REQUESTS, "0+90x5", pod="a", route="versions", code="200"),
        **of_server(REQUESTS, "0+30x5", pod="b", route="versions", code="503"),
    }
    asking.comes_to(rated("Share of errors", "B"), series, {"{}": 0.25})


def test_a_share_of_no_requests_is_no_number(asking: Asking) -> None:
    asking.comes_to(rated("Errors"), of_server(REQUESTS, "5x5", route="versions", code="200"), {})


@pytest.mark.parametrize(("resident", "charged", "share"), [(60, 100, 0.6), (95, 80, 0.8), (95, None, 0.95)])
def test_the_smaller_peak_of_a_pod_is_what_it_needed(
    asking: Asking, resident: int, charged: int | None, share: float
) -> None:
    series = {
        **of_server("collectionsync_server_memory_limit_bytes", "100x5"),
        **of_server("collectionsync_server_peak_rss_bytes", f"{resident}x5"),
        **(of_server("collectionsync_server_cgroup_peak_memory_bytes", f"{charged}x5") if charged else {}),
        **of_server("collectionsync_server_memory_limit_bytes", "100x5", pod="server-2"),
        **of_server("collectionsync_server_peak_rss_bytes", "50x5", pod="server-2"),
    }
    asking.comes_to(query("Peak of limit"), series, {"{}": share})


def test_memory_of_the_server_is_not_that_of_others_in_its_namespace(asking: Asking) -> None:
    series = {
        **of_server("collectionsync_server_memory_limit_bytes", "100x5"),
        **of_server("process_resident_memory_bytes", "60x5"),
        **of_server("process_resident_memory_bytes", "99x5", pod="operator-1"),
    }
    told = '{namespace="mirrors", pod="server-1"}'
    asking.comes_to(query("Resident memory, by pod"), series, {told: 60})


def test_an_answer_that_was_cut_off_counts_once(asking: Asking) -> None:
    series = of_server("collectionsync_server_aborted_total", "0x4 2", reason="Stalled")
    asking.comes_to(query("Answers that were cut off, by reason"), series, {'{reason="Stalled"}': 2})


def test_one_pod_without_its_database_is_enough_to_say_so(asking: Asking) -> None:
    up = "collectionsync_server_database_up"
    asking.comes_to(query("Database"), {**of_server(up, "1x5", pod="a"), **of_server(up, "0x5", pod="b")}, {"{}": 0})
