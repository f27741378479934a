"""The rows about what the server answers: which requests, with what success, and how fast."""

from dashboards.page import Place, place
from dashboards.panels import CODE_COLORS, SERVER_STEP, Panel, Target, counts, lines
from dashboards.promql import ANSWERS, SERVER_PODS, Selection, counted, quantile, server_rate

_SMALL = SERVER_PODS.where('route=~"root|published|collections|collection|versions|namespaces|namespace"')
"""What fits the buffers of a connection, so that the time that it takes is the server's own."""
_QUIET = "No request was seen"


def requests() -> list[Place]:
    """Return the panels about requests."""
    return place(12, 8, *_rates(), _shares(), _aborted())


def share(code: str) -> str:
    """Return the share of requests that have this status, given as a regular expression: 0 where none has."""
    answered = server_rate("requests_total", ("route", "code"), of=ANSWERS)
    found = server_rate("requests_total", ("route", "code"), of=ANSWERS.where(f'code=~"{code}"'))
    return f"({found} or 0 * {answered}) / {answered}"


def quickly(part: float) -> str:
    """Return the time within which this part of the small answers is sent."""
    return quantile(part, _durations("le", of=_SMALL))


def durations() -> list[Place]:
    """Return the panels about the time that an answer takes."""
    return place(8, 9, *(_quantile(part) for part in (0.5, 0.9, 0.99)))


def _rates() -> list[Panel]:
    return [
        lines(
            "Requests by route",
            "Requests per second by what they are for. `health` and `ready` are the kubelet's; every installation "
            "begins with a `root`, and asks for `versions` and `version` of each collection that it may need.",
            Target(server_rate("requests_total", ("route", "code"), "route"), "{{route}}"),
            unit="reqps",
            step=SERVER_STEP,
            calculations=["mean"],
            stacked=True,
            absent=_QUIET,
        ),
        lines(
            "Requests by status",
            "Requests per second by their HTTP status. 304 is a client that has what it asks for already; 401 is one "
            "without the right token, 404 what is not mirrored, and 503 a database or a store that is away.",
            Target(server_rate("requests_total", ("route", "code"), "code", of=ANSWERS), "{{code}}"),
            unit="reqps",
            step=SERVER_STEP,
            calculations=["mean", "max"],
            colors=CODE_COLORS,
            stacked=True,
            absent=_QUIET,
        ),
    ]


def _shares() -> Panel:
    return lines(
        "Share of errors",
        "The share of requests that were answered with 4xx, which are about what was asked, and with 5xx, which are "
        "the server's. From 5 % of 5xx on see docs/runbooks/collection-sync-server-errors.md.",
        Target(share("4.."), "4xx"),
        Target(share("5.."), "5xx"),
        unit="percentunit",
        step=SERVER_STEP,
        calculations=["mean", "max"],
        colors={"4xx": "orange", "5xx": "red"},
        absent=_QUIET,
    )


def _aborted() -> Panel:
    return counts(
        "Answers that were cut off, by reason",
        "How many answers did not come to their end in each step. Disconnected is a client that went away, Stalled one "
        "that took nothing for a minute, StoreFailed an object store that went away in the middle of an artifact.",
        Target(counted(SERVER_PODS.series("collectionsync_server_aborted_total"), "reason"), "{{reason}}"),
        step="1m",
        absent="None was cut off",
        colors={"StoreFailed": "red", "Stalled": "orange", "Disconnected": "blue"},
    )


def _quantile(part: float) -> Panel:
    name = f"p{part * 100:g}"
    return lines(
        f"Time to the last byte, {name}",
        f"The time within which {part:.0%} of the answers of each route were sent as a whole. Those of `artifact`, "
        "`version`, `docs-blob`, `all-collections` and `all-versions` may be large, and take as long as their clients "
        "take to read them; the others are the server's and the database's own time.",
        Target(quantile(part, _durations("route", "le", of=ANSWERS)), "{{route}}"),
        unit="s",
        step=SERVER_STEP,
        calculations=["max"],
        absent=_QUIET,
    )


def _durations(*by: str, of: Selection) -> str:
    return server_rate("request_duration_seconds_bucket", ("route", "le"), *by, of=of)
