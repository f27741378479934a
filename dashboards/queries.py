"""The queries of a dashboard with its variables put in, as Grafana would send them to Prometheus."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.page import Document

POINTS = 300
"""How many points in time Grafana asks for at most; the width of a panel in pixels is near to it."""
ALL = {"namespace": ".*", "name": ".*"}
"""The variables of the fleet's page when everything is chosen."""
ALL_PODS = {"namespace": ".*", "pod": ".*"}
"""Those of the server's page."""

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::\w+)?\})")
_DURATION = re.compile(r"(\d+)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class UndefinedVariableError(KeyError):
    """A query speaks of a variable that has no value."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a panel. `step_seconds` is the time between two of its points; `instant` asks for now alone."""

    dashboard: str
    panel: str
    ref: str
    expr: str
    legend: str
    step_seconds: int
    instant: bool


def panels(document: Document) -> Iterator[dict[str, Any]]:
    """Yield the panels that show something, which rows do not."""
    for panel in document["panels"]:
        if panel["type"] != "row":
            yield panel


def queries(document: Document, variables: Mapping[str, str], *, span_seconds: int = 3600) -> list[Query]:
    """Return every query of a page that shows this much time, with these values for its variables.

    Raises:
        UndefinedVariableError: a query speaks of a variable that has no value.
    """
    return [
        _query(document["uid"], panel["title"], target, variables, span_seconds)
        for panel in panels(document)
        for target in panel["targets"]
    ]


def variables_in(text: str) -> set[str]:
    """Return the names of the variables in a text, Grafana's own included."""
    return {match[1] or match[2] for match in _VARIABLE.finditer(text)}


def _query(uid: str, title: str, target: Mapping[str, Any], variables: Mapping[str, str], span_seconds: int) -> Query:
    smallest = _seconds(target.get("interval") or "15s")
    step = max(smallest, -(-span_seconds // POINTS))
    # As Grafana's data source has it: https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
    own = {
        "__interval": f"{step}s",
        "__interval_ms": f"{step * 1000}",
        "__rate_interval": f"{max(step + smallest, 4 * smallest)}s",
        "__range": f"{span_seconds}s",
    }

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        try:
            return {**own, **variables}[name]
        except KeyError:
            raise UndefinedVariableError(f"{uid}: the panel {title!r} uses ${name}, which has no value") from None

    return Query(
        dashboard=uid,
        panel=title,
        ref=target["refId"],
        expr=_VARIABLE.sub(value, target["expr"]),
        legend=target.get("legendFormat", ""),
        step_seconds=step,
        instant=bool(target.get("instant")),
    )


def _seconds(duration: str) -> int:
    match = _DURATION.fullmatch(duration)
    assert match, f"{duration!r} is no duration such as 30s"
    return int(match[1]) * _SECONDS[match[2]]
