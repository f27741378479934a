"""Series as promtool writes them, a value for each minute.

`1x60` is 1 and 60 times the same, `0+5x60` is 0 and 60 times 5 more, `_x5` a gap of five.
"""

import re
from collections.abc import Mapping

Series = Mapping[str, str]
"""Values by series."""

OPERATORS_NAMESPACE = "tools"
STALE = "stale"
"""What Prometheus notes down when a target does not answer, or tells of a series no more."""

_SERIES = re.compile(r"(\w+)(?:\{(.*)\})?")
_REPEATED = re.compile(r"(\d+|_)(?:\+(\d+))?x(\d+)")


def mirror(values: Series, *, name: str = "community", pod: str = "operator-1") -> dict[str, str]:
    """Series of a CollectionSync in the namespace `mirrors`, as a pod of the operator tells of them."""
    return _labelled("collectionsync_", values, namespace="mirrors", name=name, pod=pod)


def operator(values: Series, *, namespace: str = OPERATORS_NAMESPACE, pod: str = "operator-1") -> dict[str, str]:
    """Series of an operator itself."""
    return _labelled("collectionsync_operator_", values, namespace=namespace, pod=pod)


def server(values: Series, *, namespace: str = OPERATORS_NAMESPACE, pod: str = "server-1") -> dict[str, str]:
    """Series of a pod of the server, which is in the operator's namespace unless it is said."""
    return _labelled("collectionsync_server_", values, namespace=namespace, pod=pod)


def _labelled(prefix: str, values: Series, **labels: str) -> dict[str, str]:
    found = {}
    for series, each in values.items():
        match = _SERIES.fullmatch(series)
        assert match, series
        own = [f'{label}="{value}"' for label, value in labels.items()]
        found[f"{prefix}{match[1]}{{{','.join([*own, *filter(None, [match[2]])])}}}"] = each
    return found


def every(minutes: int, *, until: int) -> str:
    """The time in seconds, as a metric has it that tells when something last happened that happens so often."""
    return " ".join(f"{minute * 60}x{minutes - 1}" for minute in range(0, until, minutes))


def each_minute(values: str) -> list[str]:
    """The values one by one."""
    found: list[str] = []
    for token in values.split():
        match = _REPEATED.fullmatch(token)
        if match is None:
            found.append(token)
        elif match[1] == "_":
            found += ["_"] * int(match[3])
        else:
            begin, more, times = int(match[1]), int(match[2] or 0), int(match[3])
            found += [str(begin + more * index) for index in range(times + 1)]
    return found


def interrupted(series: Series, *, minute: int, minutes: int, target_is_down: bool) -> dict[str, str]:
    """The same with a gap of so many minutes in all of them."""
    gap = [STALE if target_is_down else "_", *["_"] * (minutes - 1)]
    found = {}
    for name, values in series.items():
        each = each_minute(values)
        found[name] = " ".join([*each[:minute], *gap, *each[minute + minutes :]])
    return found


def restarted(series: Series, *, minute: int, minutes: int) -> dict[str, str]:
    """The same from two pods, one after the other, with nothing between them for so many minutes."""
    found = {}
    for name, values in series.items():
        each = each_minute(values)
        found[name] = " ".join([*each[:minute], STALE])
        found[name.replace('-1"', '-2"')] = " ".join(["_"] * (minute + minutes) + each[minute + minutes :])
    return found


def gone(series: Series, *, minute: int) -> dict[str, str]:
    """The same up to a minute, from which on they are told no more."""
    return {name: " ".join([*each_minute(values)[:minute], STALE]) for name, values in series.items()}
