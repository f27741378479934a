"""Amounts counted by how large they are, as Prometheus has them."""

from bisect import bisect_left


class Histogram:
    """Counts amounts in buckets, each of which has its bound in it; what is above all bounds is in one more.

    A scrape may read while somebody counts: each number is right, and one of them may be of a moment later.
    """

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, amount: float) -> None:
        """Count an amount."""
        self._counts[bisect_left(self._bounds, amount)] += 1
        self.sum += amount

    def buckets(self) -> list[tuple[str, float]]:
        """Return each bound, and how many amounts were no larger."""
        total, found = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found
