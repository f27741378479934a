"""What is asked of a Prometheus that runs: its samples, its targets, its rules."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from testcluster.errors import ClusterError

Labels = dict[str, str]
Answer = dict[str, Any]

_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.5
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Without the proxy that the environment may name: no test cluster is behind one."""


@dataclass(frozen=True)
class Sample:
    """One value of one series. `time` is in seconds since 1970."""

    labels: Labels
    time: float
    value: float


@dataclass(frozen=True)
class Series:
    """The values of one series over some time, as pairs of a time in seconds since 1970 and a value."""

    labels: Labels
    points: list[tuple[float, float]]

    @property
    def values(self) -> list[float]:
        """The values alone."""
        return [value for _, value in self.points]


class Prometheus:
    """A Prometheus at `url`. Its methods block for as long as it takes to answer, mostly milliseconds.

    All raise ClusterError where it does not answer, or refuses the question.
    """

    def __init__(self, url: str, *, hasten: Callable[[], None] = lambda: None) -> None:
        self.url = url
        self._hasten = hasten

    def query(self, expression: str, *, at: float | None = None) -> list[Sample]:
        """The value of each series that the expression gives, now or at a time in seconds since 1970."""
        when = {} if at is None else {"time": str(at)}
        result = self._get("query", query=expression, **when)["result"]
        return [Sample(each["metric"], *_point(each["value"])) for each in result]

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """The values between two times in seconds since 1970, `step` seconds apart."""
        bounds = {"start": str(start), "end": str(end), "step": str(step)}
        result = self._get("query_range", query=expression, **bounds)["result"]
        return [Series(each["metric"], [_point(pair) for pair in each["values"]]) for each in result]

    def scraped(self, selector: str, *, seconds: int) -> list[Series]:
        """The samples themselves of the last `seconds`, at the times when they were scraped."""
        result = self._get("query", query=f"{selector}[{seconds}s]")["result"]
        return [Series(each["metric"], [_point(pair) for pair in each["values"]]) for each in result]

    def series(self, match: str) -> list[Labels]:
        """The labels of all series that match, those that have ended included."""
        found: list[Labels] = self._get("series", **{"match[]": match})
        return found

    def targets(self) -> list[Answer]:
        """The active targets, as /api/v1/targets has them."""
        found: list[Answer] = self._get("targets", state="active")["activeTargets"]
        return found

    def rules(self) -> list[Answer]:
        """The groups of rules, as /api/v1/rules has them."""
        found: list[Answer] = self._get("rules")["groups"]
        return found

    def build(self) -> Answer:
        """Its version and the like."""
        found: Answer = self._get("status/buildinfo")
        return found

    def configuration(self) -> str:
        """Its configuration, as YAML."""
        return str(self._get("status/config")["yaml"])

    def is_ready(self) -> bool:
        """Whether it serves questions; False also while nobody listens."""
        try:
            self._open("/-/ready")
        except ClusterError:
            return False
        return True

    def until_monitoring(self, kind: str, namespace: str, name: str) -> None:
        """Wait until the monitor of this kind (`PodMonitor` or `ServiceMonitor`) is in force."""
        job = f"job_name: {kind[0].lower()}{kind[1:]}/{namespace}/{name}/"
        self.until(lambda: job in self.configuration(), f"{kind} {namespace}/{name} in its configuration")

    def until_evaluating(self, namespace: str, name: str) -> list[Answer]:
        """Wait until all rules of the PrometheusRule have been evaluated; its groups."""
        self.until(lambda: _are_evaluated(self._groups(namespace, name)), f"rules of {namespace}/{name} evaluated")
        return self._groups(namespace, name)

    def until(self, condition: Callable[[], bool], what: str, *, seconds: float = 180.0) -> None:
        """Wait until `condition` holds of it; meanwhile what it is to know is brought to it as soon as can be.

        Raises ClusterError where that does not come.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise ClusterError(f"Prometheus has no {what} after {seconds:.0f} s:\n{self.story()}")
            self._hasten()
            time.sleep(_PAUSE_SECONDS)

    def story(self) -> str:
        """What there is to tell of it where something is missing."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for target in self.targets():
            yield f"target {target['scrapePool']} {target['scrapeUrl']}: {target['health']} {target['lastError']}"
        for group in self.rules():
            for rule in group["rules"]:
                place = f"{group['file']} {group['name']} {rule['name']}"
                yield f"rule {place}: {rule['health']} {rule.get('lastError', '')}"
        yield self.configuration()

    def _groups(self, namespace: str, name: str) -> list[Answer]:
        return [group for group in self.rules() if f"/{namespace}-{name}-" in group["file"]]

    def _get(self, path: str, **parameters: str) -> Any:
        answer = json.loads(self._open(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))
        return answer["data"]

    def _open(self, path: str) -> bytes:
        try:
            with _DIRECT.open(self.url + path, timeout=_TIMEOUT_SECONDS) as response:
                body: bytes = response.read()
                return body
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise ClusterError(f"Prometheus answers {self.url}{path} with {error.code}: {text}") from error
        except OSError as error:
            raise ClusterError(f"Prometheus does not answer {self.url}{path}: {error}") from error


def _point(pair: tuple[float, str]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _are_evaluated(groups: list[Answer]) -> bool:
    rules = [rule for group in groups for rule in group["rules"]]
    return bool(rules) and all(rule["health"] != "unknown" for rule in rules)
