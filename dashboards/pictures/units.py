"""How Grafana writes a value in its unit."""

import math
from collections.abc import Sequence

_LEAST = 0.0
_BYTES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (_LEAST, "B"))
_SECONDS = ((86400.0, "days"), (3600.0, "hours"), (60.0, "mins"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (_LEAST, "s"))
_ROUND_SECONDS = (2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 604800)


def written(value: float, unit: str, *, decimals: int | None = None) -> str:
    """Return a value as people read it. Raises KeyError for a unit that no panel has so far."""
    if math.isnan(value):
        return "–"
    return _WRITERS[unit](value, decimals)


def ticks(highest: float, unit: str, most: int) -> list[float]:
    """Return round values from 0 up to at least `highest`, `most` of them or fewer."""
    highest = max(highest, 1e-9)
    if unit in {"bytes", "binBps"}:
        step = max(1.0, 2.0 ** math.ceil(math.log2(highest / most)))
    elif unit == "s" and highest > most:
        step = float(next((each for each in _ROUND_SECONDS if highest <= each * most), _ROUND_SECONDS[-1]))
    else:
        power = 10.0 ** math.floor(math.log10(highest / most))
        step = next(factor * power for factor in (1, 2, 5, 10) if highest <= factor * power * most)
        if unit in {"none", "locale"}:
            step = max(1.0, step)
    return [index * step for index in range(max(1, math.ceil(highest / step - 1e-9)) + 1)]


def _scaled(value: float, scales: Sequence[tuple[float, str]], decimals: int | None) -> str:
    if value == 0:
        return f"0 {scales[-1][1]}"
    size, name = next((size, name) for size, name in scales if abs(value) >= size)
    return f"{_number(value / (1 if size == _LEAST else size), decimals)} {name}".rstrip()


def _number(value: float, decimals: int | None) -> str:
    if decimals is None:
        decimals = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{decimals}f}" if decimals == 0 else f"{value:.{decimals}f}".rstrip("0").rstrip(".")


_WRITERS = {
    "none": lambda value, decimals: _number(value, decimals),
    "locale": lambda value, decimals: f"{value:,.0f}",
    "bytes": lambda value, decimals: _scaled(value, _BYTES, decimals),
    "binBps": lambda value, decimals: _scaled(value, _BYTES, decimals) + "/s",
    "s": lambda value, decimals: _scaled(value, _SECONDS, decimals),
    "percentunit": lambda value, decimals: _number(value * 100, 1 if decimals is None else decimals) + "%",
    "ops": lambda value, decimals: _number(value, decimals) + " ops/s",
    "reqps": lambda value, decimals: _number(value, decimals) + " req/s",
}
