"""Asks a Prometheus, over its HTTP API."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.queries import Query

_TIMEOUT_SECONDS = 60
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Without the proxy that the environment may name, which is for the world outside."""


class PrometheusError(Exception):
    """Prometheus could not be reached, or refused a query."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values in time: pairs of seconds since 1970 and a number, which may be NaN. `query` is what they answer."""

    query: Query
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


def ask(url: str, query: Query, start: float, end: float) -> list[Series]:
    """Return the answer for the time from `start` to `end`, in seconds since 1970.

    Raises:
        PrometheusError: it could not be reached, or refused the query.
    """
    if query.instant:
        found = _get(f"{url}/api/v1/query", {"query": query.expr, "time": f"{end:.3f}"})
        return [_series(query, each["metric"], [each["value"]]) for each in found]
    # Grafana aligns the points with the step, so that they stay where they are when the page is refreshed.
    step = query.step_seconds
    bounds = {"start": str(start // step * step), "end": str(end // step * step), "step": str(step)}
    found = _get(f"{url}/api/v1/query_range", {"query": query.expr, **bounds})
    return [_series(query, each["metric"], each["values"]) for each in found]


def _series(query: Query, labels: Mapping[str, str], values: Iterable[tuple[float, str]]) -> Series:
    return Series(query, labels, tuple((float(moment), float(value)) for moment, value in values))


def _get(url: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    if not url.startswith(("http://", "https://")):
        raise PrometheusError(f"{url} is no address of a Prometheus: it has to begin with http:// or https://")
    body = urllib.parse.urlencode(parameters).encode()
    try:
        with _DIRECT.open(url, data=body, timeout=_TIMEOUT_SECONDS) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        raise PrometheusError(f"{url} refused {parameters['query']}: {error.read().decode()}") from error
    except OSError as error:
        raise PrometheusError(f"{url} could not be reached: {error}") from error
    result: list[dict[str, Any]] = told["data"]["result"]
    return result
