"""Values are written as Grafana writes them."""

import math

import pytest
from dashboards.pictures import units


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0, "bytes", "0 B"),
        (512, "bytes", "512 B"),
        (64 * 2**20, "bytes", "64 MiB"),
        (1.17 * 2**30, "bytes", "1.17 GiB"),
        (3 * 2**20, "binBps", "3 MiB/s"),
        (0, "s", "0 s"),
        (0.0123, "s", "12.3 ms"),
        (90, "s", "1.5 mins"),
        (-7200, "s", "-2 hours"),
        (86400, "s", "1 days"),
        (0.925, "percentunit", "92.5%"),
        (2010, "locale", "2,010"),
        (12, "none", "12"),
        (20_000, "none", "20000"),
        (0.5, "reqps", "0.5 req/s"),
        (math.nan, "s", "–"),
    ],
)
def test_a_value_is_written_in_its_unit(value: float, unit: str, written: str) -> None:
    assert units.written(value, unit) == written


@pytest.mark.parametrize(
    ("highest", "unit", "ticks"),
    [
        (60 * 2**20, "bytes", [0, 2**24, 2**25, 3 * 2**24, 2**26]),
        (200, "s", [0, 60, 120, 180, 240]),
        (0.3, "none", [0, 1]),
        (0, "bytes", [0, 1]),
    ],
)
def test_ticks_are_round_in_their_unit_and_reach_the_highest_value(
    highest: float, unit: str, ticks: list[float]
) -> None:
    found = units.ticks(highest, unit, 5)
    assert found == ticks
    assert found[-1] >= highest
    assert 2 <= len(found) <= 6
