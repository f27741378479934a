"""The table of the comparison, and when its targets are met."""

from bench.peer_report import markdown, median
from bench.peer_turns import Measured, Turn

MIB = 1024 * 1024


def measured(seconds: float, mebibytes: int) -> Measured:
    return Measured(
        seconds=seconds,
        sync_cpu=seconds / 2,
        postgres_cpu=1.0,
        server_cpu=2.0,
        rest_cpu=0.1,
        peak_bytes=mebibytes * MIB,
        releases=630,
    )


PULP = measured(150.0, 580)


def line(text: str, start: str) -> str:
    (found,) = (each for each in text.splitlines() if each.startswith(f"| {start}"))
    return found


def test_a_tenth_meets_the_targets() -> None:
    text = markdown([Turn(PULP, measured(15.0, 58))])
    assert line(text, "wall time") == "| wall time | 0.100 | 0.100 | <= 0.1 | met |"
    assert line(text, "peak RSS |") == "| peak RSS | 0.100 | 0.100 | <= 0.1 | met |"


def test_one_turn_above_a_tenth_misses_a_target() -> None:
    text = markdown([Turn(PULP, measured(15.0, 58)), Turn(PULP, measured(12.0, 59))])
    assert line(text, "wall time").endswith("| met |")
    assert line(text, "peak RSS |") == "| peak RSS | 0.100 | 0.102 | <= 0.1 | **MISSED** |"


def test_every_turn_is_a_pair_of_lines_and_the_medians_follow() -> None:
    lines = markdown([Turn(PULP, measured(15.0, 58)), Turn(PULP, measured(12.0, 50))]).splitlines()
    assert [each.split(" | ")[:2] for each in lines[4:10]] == [
        ["| 1", "pulp-ansible"],
        ["| 1", "collectionsync"],
        ["| 2", "pulp-ansible"],
        ["| 2", "collectionsync"],
        ["| median", "pulp-ansible"],
        ["| median", "collectionsync"],
    ]


def test_a_median_is_taken_of_each_figure() -> None:
    found = median([measured(10.0, 50), measured(30.0, 40), measured(20.0, 60)])
    assert (found.seconds, found.peak_bytes) == (20.0, 50 * MIB)
