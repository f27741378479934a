"""What is read off the machine: its routes and its cgroups."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from testcluster.cgroups import Hierarchy, hierarchies
from testcluster.errors import ClusterError
from testcluster.network import PODS, SERVICES, free_subnet


def test_the_cable_gets_a_subnet_that_nobody_routes_to() -> None:
    taken = [IPv4Network("10.201.0.0/24"), IPv4Network("10.201.1.128/25"), IPv4Network("127.0.0.0/8")]
    assert free_subnet(taken) == IPv4Network("10.201.2.0/24")


def test_where_one_private_range_is_taken_there_are_others() -> None:
    assert free_subnet([IPv4Network("10.0.0.0/8")]) == IPv4Network("172.30.0.0/24")


def test_no_subnet_is_left_where_all_are_taken() -> None:
    with pytest.raises(ClusterError, match="none is left"):
        free_subnet([IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1")])


def test_the_cable_is_outside_of_what_is_used_inside() -> None:
    subnet = free_subnet([])
    assert not subnet.overlaps(IPv4Network(PODS))
    assert not subnet.overlaps(IPv4Network(SERVICES))


def test_hierarchies_of_version_1_and_2_side_by_side() -> None:
    mounts = (
        "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
        "cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n"
    )
    found = [(each.root, each.version, "memory" in each.controllers) for each in hierarchies(mounts)]
    assert found == [
        (Path("/sys/fs/cgroup/memory"), 1, True),
        (Path("/sys/fs/cgroup/unified"), 2, False),
    ]


def test_a_hierarchy_of_version_2_alone() -> None:
    mounts = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n"
    assert hierarchies(mounts) == [Hierarchy(Path("/sys/fs/cgroup"), 2, frozenset())]
