"""What clients ask for by name: bounded before it comes to PostgreSQL, which is not to fail of it."""

_LONGEST = 1000  # no name and no version is as long
_MOST = 2**63 - 1


def can_exist(*names: str | None) -> bool:
    """Return whether PostgreSQL could hold all of these as names; those that it cannot hold match nothing."""
    return all(name is None or _can_exist(name) for name in names)


def _can_exist(name: str) -> bool:
    return len(name) <= _LONGEST and "\0" not in name and not any("\ud800" <= c <= "\udfff" for c in name)


def bounded(number: int) -> int:
    """Return the nearest number that a bigint holds and that is not negative: a limit, or an offset."""
    return min(max(number, 0), _MOST)
