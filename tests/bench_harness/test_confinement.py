"""A command in a memory cgroup of its own, where the machine lets one be made."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from bench.confinement import MemoryCgroup, NoCgroupError, oom_kills

LIMIT = 64 << 20
TAKE = "import sys; taken = bytearray(int(sys.argv[1])); taken[::4096] = bytes(len(taken[::4096]))"


@pytest.fixture
def cgroup() -> Iterator[MemoryCgroup]:
    try:
        with MemoryCgroup(LIMIT) as made:
            yield made
    except NoCgroupError as error:
        pytest.skip(str(error))


def taking(size: int) -> list[str]:
    """A command that takes so many bytes of memory."""
    return [sys.executable, "-c", TAKE, str(size)]


def test_what_stays_below_the_limit_ends_by_itself(cgroup: MemoryCgroup) -> None:
    subprocess.run(cgroup.command(taking(20 << 20)), check=True)
    readings = cgroup.readings()
    assert readings.oom_kills == 0
    assert 20 << 20 < readings.charged_bytes <= LIMIT


def test_what_takes_more_is_killed_and_counted(cgroup: MemoryCgroup) -> None:
    ended = subprocess.run(cgroup.command(taking(200 << 20)), check=False)
    assert ended.returncode == -9
    assert cgroup.readings().oom_kills == 1


@pytest.mark.parametrize(
    "text",
    ["low 0\nhigh 0\nmax 12\noom 2\noom_kill 2\noom_group_kill 0\n", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"],
)
def test_kills_are_read_as_both_versions_write_them(text: str) -> None:
    assert oom_kills(text) == 2


def test_a_kernel_that_counts_no_kills_is_told() -> None:
    with pytest.raises(NoCgroupError, match="does not count"):
        oom_kills("oom_kill_disable 0\nunder_oom 0\n")
