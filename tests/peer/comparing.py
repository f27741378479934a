"""Two mirrors held against each other."""

from peer.cases import SAME, Difference
from testpulp import Content


def compare(mine: Content, pulps: Content, difference: Difference = SAME) -> None:
    """Everything is the same but what the difference names, and that differs as it says."""
    only_ours = frozenset(str(release) for release in mine.releases - pulps.releases)
    only_pulp = frozenset(str(release) for release in pulps.releases - mine.releases)
    assert (only_ours, only_pulp) == (difference.only_ours, difference.only_pulp), difference.reason
    assert mine.deprecated == pulps.deprecated
    assert mine.signatures == pulps.signatures
    assert mine.marks == pulps.marks
    assert mine.namespaces == pulps.namespaces
