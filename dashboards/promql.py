"""The parts that the panels' queries are made of.

Prometheus may scrape a target twice, by two monitors that both choose it for instance, and a new operator may be there
before the old one has gone: so each query first brings what is the same to one value by `max`, and adds up only then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

OWNER = ("namespace", "name")
"""The labels that a CollectionSync is known by."""
RUN = ("run_id", "pod")
"""The labels that counts within a run are known by: a run that is tried again has another pod, which counts anew."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a page is about, as matchers of labels."""

    matchers: str

    def where(self, matcher: str) -> "Selection":
        """Return what of it has this label besides, such as `type="Ready"`."""
        return Selection(f"{self.matchers}, {matcher}")

    def series(self, metric: str) -> str:
        """Return a selector of this metric."""
        return f"{metric}{{{self.matchers}}}"

    def each(self, metric: str, *by: str) -> str:
        """Return one value for each CollectionSync, and for each value of the labels `by`."""
        return largest(self.series(metric), *OWNER, *by)

    def condition(self, kind: str, status: str = "True") -> str:
        """Return 1 for each CollectionSync whose condition has this status, and 0 for the others."""
        found = self.where(f'type="{kind}"').where(f'status="{status}"')
        return found.each("collectionsync_status_condition")

    def with_condition(self, kind: str, status: str = "True") -> str:
        """Return the CollectionSyncs whose condition has this status."""
        return f"{self.condition(kind, status)} == 1"

    def not_ready(self) -> str:
        """Return the CollectionSyncs that are not Ready, or not known to be, as the alert of that name has it.

        Suspended ones are not meant to be; one whose spec cannot be read tells nothing of that, and is in.
        """
        suspended = f"{self.each('collectionsync_suspended')} == 1"
        return f"{self.condition('Ready')} == 0 unless on ({', '.join(OWNER)}) {suspended}"

    def run(self, metric: str, *by: str) -> str:
        """Return one value for each pod of each run, of a gauge or of a counter since the pod started."""
        return largest(self.series(metric), *RUN, *by)

    def seen(self, metric: str) -> str:
        """Return the largest value of a run's gauge within each step, so that no short run falls between two."""
        series = self.series(metric)
        return largest(f"max_over_time({series}[$__interval]) or {series}", "run_id")

    def rate(self, metric: str, *by: str) -> str:
        """Return how much a counter of runs grows per second, added up by these labels."""
        return total(largest(f"rate({self.series(metric)}[$__rate_interval])", *RUN, *by), *by)


EVERY = Selection('namespace=~"$namespace", name=~"$name"')
ONE = Selection('namespace="$namespace", name="$name"')
RUNS = ONE.where('run_id!=""')
"""What runs tell themselves. Every process has `process_resident_memory_bytes`, and only a run has a `run_id`."""
SERVER_PODS = Selection('namespace=~"$namespace", pod=~"$pod"')
"""What the chosen pods of servers tell."""
ANSWERS = SERVER_PODS.where('route!~"health|ready"')
"""What they tell of requests, but for those of the kubelet: it asks all the time, and expects a 503 at times."""
POD = ("namespace", "pod")
"""The labels that a pod is known by."""


def largest(expression: str, *by: str) -> str:
    """Return the largest value by these labels; of all where there are none."""
    return _aggregated("max", expression, by)


def total(expression: str, *by: str) -> str:
    """Return the sum by these labels; over all where there are none."""
    return _aggregated("sum", expression, by)


def how_many(expression: str) -> str:
    """Return how many there are: 0 where there are none, and nothing where no operator is scraped that would tell."""
    return f"count({expression}) or 0 * {largest('collectionsync_operator_active_runs')}"


def operator(metric: str, *by: str) -> str:
    """Return a metric of the operator's own, for each of its pods."""
    return largest(metric, *POD, *by)


def operator_process(metric: str) -> str:
    """Return a metric that every process has, for each pod of the operator."""
    return largest(f"{metric} and on (job, instance) collectionsync_operator_active_runs", *POD)


def operator_rate(metric: str, *by: str) -> str:
    """Return how much a counter of the operator's own grows per second, over all its pods."""
    return total(operator(f"rate({metric}[$__rate_interval])", *by), *by)


def server(metric: str, *by: str, of: Selection = SERVER_PODS) -> str:
    """Return a metric of the server's own, for each of its pods."""
    return largest(of.series(f"collectionsync_server_{metric}"), *POD, *by)


def server_process(expression: str) -> str:
    """Return what every process has, for each pod of a server."""
    return largest(f"{expression} and on (job, instance) collectionsync_server_memory_limit_bytes", *POD)


def server_rate(metric: str, labels: Sequence[str], *by: str, of: Selection = SERVER_PODS) -> str:
    """Return how much a counter of the server's own with these labels grows per second, added up by some of them."""
    series = of.series(f"collectionsync_server_{metric}")
    return total(largest(f"rate({series}[$__rate_interval])", *POD, *labels), *by)


def needed(selection: Selection) -> str:
    """Return the memory that each last run needed: the smaller one of its two peaks, since each is more than that.

    Resident memory has pages in it that others are charged for, and what a cgroup is charged for has page cache.
    """
    resident = selection.each("collectionsync_last_run_peak_rss_bytes")
    charged = selection.each("collectionsync_last_run_cgroup_peak_memory_bytes")
    return f"{resident} < {charged} or {charged} or {resident}"


def counted(counter: str, *by: str) -> str:
    """Return by how much a counter grew within each step, in whole numbers.

    `increase()` estimates, and is blind to the first event of a counter that is born with it. So the counter is held
    against itself one step ago, or as it was before a gap of up to an hour between scrapes; one that was not there then
    counts from one below where it begins.
    """
    kept = ("pod", *OWNER, *by)
    now, before = largest(counter, *kept), largest(f"last_over_time({counter}[1h] offset $__interval)", *kept)
    return total(f"clamp_min({now} - ({before} or clamp_min({now} - 1, 0)), 0)", *by)


def quantile(share: float, histogram: str) -> str:
    """Return an estimate of this quantile, from the rates of a histogram's buckets by `le`."""
    return f"histogram_quantile({share:g}, {histogram})"


def _aggregated(function: str, expression: str, by: tuple[str, ...]) -> str:
    return f"{function} by ({', '.join(by)}) ({expression})" if by else f"{function}({expression})"
