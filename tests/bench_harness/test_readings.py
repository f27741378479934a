import os

from bench.curve import Point, quarters, thinned
from bench.proc import Stat, connections_to, family_cpu_seconds, family_ticks, parse_stat, parse_tcp, rss_bytes

STAT = "42 (a (strange) name) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 30 4 20 0 1 0 100 1000 10 18446744073709551615"
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9A3C 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:1F90 0100007F:9A3C 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:9A3E 0100007F:1F90 06 00000000:00000000 00:00000000 00000000     0        0 3 1
   3: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1
"""


def test_a_process_name_may_look_like_fields() -> None:
    assert parse_stat(STAT) == Stat(parent=7, own_ticks=120, waited_ticks=34)


def test_cpu_of_a_server_does_not_shrink_when_a_session_ends() -> None:
    before = {1: Stat(0, 10, 5), 2: Stat(1, 7, 0), 3: Stat(1, 2, 0), 9: Stat(4, 1000, 0)}
    after = {1: Stat(0, 10, 12), 3: Stat(1, 2, 0), 9: Stat(4, 1000, 0)}
    assert family_ticks(before, 1) == family_ticks(after, 1) == 24


def test_connections_are_counted_once_and_only_open_ones() -> None:
    assert parse_tcp(TCP, 0x1F90) == 1


def test_this_process_can_be_read() -> None:
    assert rss_bytes(os.getpid()) > 1_000_000
    assert family_cpu_seconds(os.getpid()) > 0
    assert connections_to(1) == 0


def test_a_process_that_is_gone_has_no_memory() -> None:
    assert rss_bytes(2**22 + 1) == 0


def test_quarters_are_of_time_and_not_of_samples() -> None:
    curve = [Point(0.1, 5), Point(0.2, 9), Point(2.4, 7), Point(5.0, 30), Point(7.6, 8), Point(9.9, 6)]
    assert quarters(curve, 10.0) == (9, 8)
    assert quarters([], 10.0) == (0, 0)


def test_a_thinned_curve_keeps_its_peaks() -> None:
    curve = [Point(index / 10, 1000 if index == 777 else index % 7) for index in range(1000)]
    thin = thinned(curve, 50)
    assert len(thin) == 50
    assert Point(77.7, 1000) in thin
    assert thinned(curve[:20], 50) == curve[:20]
