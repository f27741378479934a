"""Prometheus itself takes every query, and answers those that count as they are meant."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from dashboards.promql import EVERY, Selection, counted, needed, number, operator, total

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
    """Asks promtool what a query comes to after five minutes. Series have one value for each, and one to begin with."""

    def __init__(self, promtool: Path, folder: Path) -> None:
        self._promtool = promtool
        self._folder = folder

    def comes_to(self, expr: str, series: Mapping[str, str], samples: Mapping[str, float]) -> None:
        """Assert that the query has these samples by their labels, when these series have these values."""
        for name, value in {"$namespace": ".*", "$name": ".*", "$__interval": STEP}.items():
            expr = expr.replace(name, value)
        asked = {
            "expr": expr,
            "eval_time": "5m",
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
    series = scraped("collectionsync_info", "1x5", jobs=TWICE)
    asking.comes_to(number(EVERY.each("collectionsync_info")), series, {"{}": 1})


def test_a_run_that_is_scraped_twice_counts_once(asking: Asking) -> None:
    runs = "collectionsync_operator_active_runs"
    series = {f'{runs}{{pod="operator-1", namespace="system", job="{job}"}}': "3x5" for job in TWICE}
    asking.comes_to(total(operator(runs)), series, {"{}": 3})


def test_where_there_is_nothing_the_number_is_zero(asking: Asking) -> None:
    asking.comes_to(number(EVERY.with_condition("Stalled")), {}, {"{}": 0})


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


def query(panel: str) -> str:
    """The query of a panel on the fleet's page."""
    (found,) = (each.expr for each in QUERIES if each.panel == panel)
    return found


REASONS = "Not ready, by the reason of the last run"


def not_ready(name: str) -> dict[str, str]:
    return scraped("collectionsync_status_condition", "1x5", jobs=TWICE, name=name, type="Ready", status="False")


def test_what_is_not_ready_is_grouped_by_the_reason_of_its_last_run(asking: Asking) -> None:
    told = {"result": "Failed", "reason": "SourceUnavailable"}
    runs = [scraped("collectionsync_last_run_info", "1x5", jobs=TWICE, name=name, **told) for name in ("a", "b")]
    series = {**not_ready("a"), **not_ready("b"), **runs[0], **runs[1]}
    asking.comes_to(query(REASONS), series, {'{reason="SourceUnavailable"}': 2})


def test_what_is_not_ready_without_a_run_that_failed_is_not_left_out(asking: Asking) -> None:
    told = {"result": "Succeeded", "reason": "Succeeded"}
    series = {**not_ready("a"), **scraped("collectionsync_last_run_info", "1x5", name="a", **told), **not_ready("b")}
    asking.comes_to(query(REASONS), series, {'{reason="no run of it failed"}': 2})


def test_ready_is_told_apart_from_unknown_and_from_not_ready(asking: Asking) -> None:
    def condition(name: str, holds: str) -> dict[str, str]:
        each = ("True", "False", "Unknown")
        told = [
            scraped(
                "collectionsync_status_condition", f"{int(status == holds)}x5", name=name, type="Ready", status=status
            )
            for status in each
        ]
        return {key: value for series in told for key, value in series.items()}

    expr = next(each.expr for each in QUERIES if each.panel == "All CollectionSyncs" and each.ref == "A")
    series = {**condition("a", "True"), **condition("b", "False"), **condition("c", "Unknown")}
    named = {f'{{namespace="mirrors", name="{name}"}}': value for name, value in {"a": 2, "b": 0, "c": 1}.items()}
    asking.comes_to(expr, series, named)


def test_memory_of_the_operator_is_not_that_of_other_processes(asking: Asking) -> None:
    series = {
        f'collectionsync_operator_active_runs{{{OPERATORS}, instance="10.0.0.1:9090", pod="operator-1"}}': "0x5",
        f'process_resident_memory_bytes{{{OPERATORS}, instance="10.0.0.1:9090", pod="operator-1"}}': "100x5",
        'process_resident_memory_bytes{job="other", instance="10.0.0.2:9090", pod="other"}': "999x5",
    }
    told = '{namespace="collectionsync-system", pod="operator-1"}'
    asking.comes_to(query("Memory of the operator"), series, {told: 100})
