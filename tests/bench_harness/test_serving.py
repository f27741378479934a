"""The parts of the server's benchmark: what is asked, what wrk says, and when a target is met."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from bench.curve import Point
from bench.figures import MIB, Machine
from bench.serving_asked import Address, Release, Route
from bench.serving_crowd import Crowd
from bench.serving_load import Load, install, parse, put
from bench.serving_process import Memory
from bench.serving_report import markdown, svg
from bench.serving_targets import ServingResults, targets
from bench.serving_turns import Cell, Measured
from bench.workers import MeasuringError

RELEASES = [Release("acme", "tools", f"1.{minor}.0", "00") for minor in range(9)]
RELEASES.append(Release("acme", "built", "1.0.0+build.5", "11"))
ADDRESS = Address("http://api", "/x/api/v3/collections", "http://content", "/pulp/content/x")
LOAD = Load(requests=300, seconds=3.0, body_bytes=3_000_000, p50=0.01, p99=0.02, longest=0.03, refused=0, broken=0)
MACHINE = Machine(2, "a processor", 8 << 30, "3.11", "15", lz4=True)


def cell(who: str, requests: int, *, turn: int = 1, route: Route = Route.VERSIONS, **changes: Any) -> Cell:
    return Cell(turn, who, route, 32, replace(LOAD, requests=requests, **changes))


def pulp(requests: int, **changes: Any) -> Cell:
    return cell("pulp-ansible", requests, **changes)


def ours(requests: int, **changes: Any) -> Cell:
    return cell("collectionsync", requests, **changes)


def results(
    *cells: Cell,
    changing: list[Cell] | None = None,
    ours_mib: int = 60,
    slow: Crowd | None = None,
    idle: Crowd | None = None,
) -> ServingResults:
    measured = Measured([*cells], changing or [], 900 * MIB, ours_mib * MIB, 6, 0.02)
    return ServingResults(MACHINE, "make bench-serve", 3, "pulp-ansible 0.30.3", 2, 630, measured, slow, idle)


def judged(found: ServingResults) -> dict[tuple[str, str], bool]:
    return {(target.where, target.what): target.met for target in targets(found)}


def test_lists_are_asked_once_for_each_collection_and_versions_each_for_itself() -> None:
    counts = {route: len(ADDRESS.paths(route, RELEASES)) for route in Route}
    assert counts == {
        Route.COLLECTIONS: 1,
        Route.VERSIONS: 2,
        Route.DETAIL: 10,
        Route.DOCS: 10,
        Route.ARTIFACT: 10,
    }


def test_paths_are_those_that_answer_and_are_escaped() -> None:
    assert ADDRESS.paths(Route.COLLECTIONS, RELEASES) == ["/x/api/v3/collections/?limit=100"]
    assert "/x/api/v3/collections/acme/tools/versions/?limit=100" in ADDRESS.paths(Route.VERSIONS, RELEASES)
    assert "/x/api/v3/collections/acme/tools/versions/1.0.0/docs-blob/" in ADDRESS.paths(Route.DOCS, RELEASES)
    assert "/pulp/content/x/acme-built-1.0.0%2Bbuild.5.tar.gz" in ADDRESS.paths(Route.ARTIFACT, RELEASES)
    assert ADDRESS.origin(Route.ARTIFACT) == "http://content"


def test_both_servers_are_asked_in_the_same_order_which_is_none() -> None:
    other = replace(ADDRESS, collections="/y")
    mine, theirs = ADDRESS.paths(Route.DETAIL, RELEASES), other.paths(Route.DETAIL, RELEASES)
    assert [path.removeprefix("/x/api/v3/collections") for path in mine] == [path[2:] for path in theirs]
    assert mine != sorted(mine)


def test_what_the_script_says_is_read_and_the_rest_of_what_wrk_says_is_not() -> None:
    told = (
        '{"requests":10,"microseconds":2000000,"bytes":99,"p50":1500,"p99":2500,"longest":3000,"refused":1,"broken":2}'
    )
    load = parse(f"Running 2s test @ http://127.0.0.1\n  1 threads\n{told}\n")
    assert (load.per_second, load.p50, load.p99, load.refused, load.broken) == (5.0, 0.0015, 0.0025, 1, 2)


def test_a_wrk_without_a_word_is_told() -> None:
    with pytest.raises(MeasuringError, match="wrk said nothing"):
        parse("unable to connect\n")


def test_a_machine_without_wrk_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MeasuringError, match="apt-get install wrk"):
        install()


def test_five_times_in_every_turn_meet_the_target_and_once_less_misses_it() -> None:
    where = ("versions at 32", "requests/s of Pulp's")
    assert judged(results(pulp(100), ours(500)))[where] is True
    assert judged(results(pulp(100), ours(500), pulp(100, turn=2), ours(499, turn=2)))[where] is False


def test_what_is_made_anew_each_time_is_held_against_the_best_turn_of_the_peer() -> None:
    turns = [pulp(100), ours(5000), pulp(120, turn=2), ours(5000, turn=2)]
    where = ("versions at 32, database changing", "requests/s of Pulp's")
    assert judged(results(*turns, changing=[ours(600)]))[where] is True
    assert judged(results(*turns, changing=[ours(599)]))[where] is False
    assert "answered 199.7 of versions a second at 32 connections" in markdown(results(*turns, changing=[ours(599)]))


def test_nothing_is_promised_of_docs_and_artifacts() -> None:
    found = judged(results(pulp(100, route=Route.DOCS), ours(100, route=Route.DOCS)))
    assert [where for where, what in found if what == "requests/s of Pulp's"] == []


def test_a_pulp_that_answers_nothing_within_the_time_is_no_division_by_nought() -> None:
    assert judged(results(pulp(0), ours(5)))["versions at 32", "requests/s of Pulp's"] is True
    assert "none" in markdown(results(pulp(0), ours(5)))


def test_an_error_of_ours_misses_a_target_and_one_of_the_peers_does_not() -> None:
    assert judged(results(pulp(100, refused=3), ours(500)))["every request", "errors"] is True
    assert judged(results(pulp(100), ours(500, broken=1)))["every request", "errors"] is False


@pytest.mark.parametrize(("mebibytes", "met"), [(90, True), (91, False)])
def test_a_tenth_of_the_peers_memory_is_promised(mebibytes: int, met: bool) -> None:
    found = judged(results(pulp(100), ours(500), ours_mib=mebibytes))
    assert found["all of them", "peak RSS of Pulp's"] is met


CROWD = Crowd(
    clients=100,
    served=100,
    document_bytes=30_000_000,
    seconds=40.0,
    base_bytes=44 * MIB,
    peak_bytes=70 * MIB,
    answer_seconds=0.1,
    curve=[Point(1.0, 50 * MIB), Point(39.0, 60 * MIB)],
)


@pytest.mark.parametrize(
    ("crowd", "missed"),
    [
        (CROWD, set()),
        (replace(CROWD, peak_bytes=81 * MIB), {"peak RSS"}),
        (replace(CROWD, served=99), {"whole documents"}),
        (replace(CROWD, answer_seconds=1.5), {"another client's wait"}),
    ],
)
def test_slow_readers_get_what_they_read_in_little_memory_and_keep_nobody_waiting(
    crowd: Crowd, missed: set[str]
) -> None:
    found = judged(results(pulp(100), ours(500), slow=crowd))
    assert {what for (where, what), met in found.items() if where == "slow readers" and not met} == missed


def test_idle_connections_may_be_closed_for_others() -> None:
    found = judged(results(pulp(100), ours(500), idle=replace(CROWD, clients=5000, served=960)))
    assert {met for (where, _), met in found.items() if where == "idle connections"} == {True}


def test_the_report_has_the_command_the_medians_and_what_was_missed() -> None:
    cells = [pulp(100), ours(500), pulp(120, turn=2), ours(420, turn=2)]
    text = markdown(replace(results(*cells, slow=CROWD), unmeasured={"idle connections": "too few open files"}))
    assert "`make bench-serve`" in text
    assert re.search(r"\| versions +\| +32 \| +36.7 \| +153.3 \| +3.5 \|", text)
    assert re.search(r"\| versions at 32 +\| requests/s of Pulp's +\| 3.5 x +\| >= 5 x +\| \*\*MISSED\*\* +\|", text)
    assert "1 missed, 1 rows not measured." in text


def test_the_plot_has_a_line_for_each_crowd() -> None:
    drawing = svg(results(pulp(1), ours(5), slow=CROWD, idle=CROWD))
    assert drawing is not None
    root = ElementTree.fromstring(drawing)
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    assert svg(results(pulp(1), ours(5))) is None


_TAKING = """
large = bytearray(200 << 20)
del large
print("freed", flush=True)
input()
small = bytearray(20 << 20)
print("kept", flush=True)
input()
"""


@pytest.mark.slow
def test_a_peak_is_counted_from_the_moment_that_it_is_asked_for() -> None:
    with subprocess.Popen([sys.executable, "-c", _TAKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        memory = Memory()
        memory.look([process.pid])
        assert memory.peak_bytes > 200 * MIB
        memory.begin([process.pid])
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        memory.look([process.pid])
        process.stdin.write(b"\n")
        process.stdin.close()
    assert 20 * MIB < memory.peak_bytes < 100 * MIB


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = 404 if self.path == "/missing" else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    """A server of two bytes."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_asks_for_every_path_in_turn_and_counts_refusals(origin: str, tmp_path: Path) -> None:
    paths = tmp_path / "paths"
    paths.write_text("/there\n/missing\n")
    load = put(origin, paths, connections=2, seconds=1)
    assert load.requests > 10
    assert abs(load.refused - load.requests / 2) <= 2
    assert 0 < load.p50 <= load.p99 <= load.longest


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    paths = tmp_path / "paths"
    paths.write_text("/\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(MeasuringError, match="wrk ended with 1"):
            put(origin, paths, connections=1, seconds=1)
