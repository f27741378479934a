"""The resident set over the time of a run: what the samples say of its shape."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Point(NamedTuple):
    """A sample: seconds since the process began, and resident bytes then."""

    seconds: float
    rss_bytes: int


Curve = Sequence[Point]


def quarters(curve: Curve, duration: float) -> tuple[int, int]:
    """Return the largest sample of the first and of the last quarter of the run; 0 where there is none."""
    first = max((point.rss_bytes for point in curve if point.seconds <= duration / 4), default=0)
    last = max((point.rss_bytes for point in curve if point.seconds >= duration * 3 / 4), default=0)
    return first, last


def thinned(curve: Curve, points: int) -> list[Point]:
    """Return at most `points` of the samples: the largest of each stretch of equal length, so that no peak is lost."""
    if len(curve) <= points:
        return list(curve)
    cuts = [len(curve) * index // points for index in range(points + 1)]
    stretches = (curve[start:end] for start, end in pairwise(cuts))
    return [max(stretch, key=lambda point: point.rss_bytes) for stretch in stretches]
