"""From a row to its figures: collections served, an empty database, a sync, and the floor beside it."""

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.cluster import Cluster
from bench.confinement import MemoryCgroup
from bench.curve import quarters
from bench.figures import Confined, Connections, Figures, Floor, Idle, Load, Second, Together
from bench.floor import measure_floor
from bench.idle import measure_idle
from bench.objects import check, expected
from bench.rows import ADAPTIVE, CONFINED, FIXED, TOGETHER, Row
from bench.workers import Ended, MeasuringError, Worker, manifest, run_to_end
from collectionsync import manifest as manifests
from collectionsync.report import Result
from collectionsync.resource import memory_limit_bytes
from testcluster.starting import chosen_cluster
from testgalaxy import Served, served


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a sync finds: its source, an empty database, and a folder for whatever is written."""

    galaxy: Served
    database: str
    folder: Path

    @property
    def artifacts(self) -> Path:
        """Where artifacts go."""
        return self.folder / "artifacts"


@dataclass(slots=True)
class Bench:
    """Measures. `corpus` is a folder of ready collections, None for those out of the ansible package.

    Every row is measured `repeats` times, and the run of median duration counts, with the largest peak of all. `tell`
    takes a line for whoever waits. `floors` are by plan: measured beside the first row of it.
    """

    cluster: Cluster
    scratch: Path
    corpus: Path | None
    repeats: int
    tell: Callable[[str], None]
    floors: dict[str, Floor] = field(default_factory=dict)

    def first_sync(self, row: Row) -> Figures:
        """Measure a first sync, and the floor of its plan if that is not known yet."""
        with_floor = not row.full and row.plan not in self.floors
        runs: list[Figures] = []
        floors: list[Floor] = []
        for _ in range(self.repeats):
            with self._scene(row) as scene:
                runs.append(self._sync(row, scene))
                if with_floor:
                    self.tell(f"{row.name}: the floor")
                    floors.append(measure_floor(self.cluster, scene.database, scene.folder))
        if with_floor:
            self.floors[row.plan] = median_floor(floors)
        return median_run(runs)

    def second(self, row: Row) -> Second:
        """Measure a run with nothing changed."""
        with self._scene(row) as scene:
            first = self._sync(row, scene)
            self.cluster.settle()
            self.tell(f"{row.name}: again")
            ended = self._run(row, scene, "again")
            if row.full:
                self._check_artifacts(row, scene)
        return Second(
            result=ended.report.result.value,
            seconds=ended.seconds,
            peak_bytes=ended.report.peak_rss_bytes,
            fetched_bytes=ended.report.fetched_bytes,
            requests=ended.report.requests,
            first_fetched_bytes=first.fetched_bytes,
            first_requests=first.requests,
        )

    def confined(self) -> Confined:
        """Measure a sync with artifacts in a memory cgroup of the limit that its Job would have.

        Raises:
            NoCgroupError: this machine lets none be made.
        """
        limit = memory_limit_bytes(manifests.from_object(manifest(CONFINED, "https://localhost/api/")).spec)
        with MemoryCgroup(limit) as cgroup, self._scene(CONFINED) as scene:
            self.tell(f"confined: syncing in {limit >> 20} MiB")
            ended = self._run(CONFINED, scene, "confined", cgroup)
            readings = cgroup.readings()
            if ended.exit_code == 0:
                self._check_artifacts(CONFINED, scene)
        return Confined(
            limit_bytes=limit,
            exit_code=ended.exit_code,
            oom_kills=readings.oom_kills,
            seconds=ended.seconds,
            peak_bytes=ended.report.peak_rss_bytes,
            charged_bytes=readings.charged_bytes,
        )

    def connections(self) -> Connections:
        """Measure adaptive and fixed numbers of connections."""
        adaptive, roomy = (self.first_sync(row) for row in ADAPTIVE)
        return Connections(adaptive, roomy, tuple(self.first_sync(row) for row in FIXED))

    def together(self) -> Together:
        """Measure two syncs of the same content at once."""
        with self._scene(TOGETHER) as scene:
            self.tell("together: two syncs")
            names = ("left", "right")
            workers = [
                Worker(TOGETHER, scene.galaxy, scene.database, scene.folder / name, scene.artifacts) for name in names
            ]
            both = run_to_end(workers)
            return Together(
                exit_codes=tuple(ended.exit_code for ended in both),
                created=tuple(ended.report.versions.created for ended in both),
                requests=sum(ended.report.requests for ended in both),
                seconds=max(ended.seconds for ended in both),
                peak_bytes=max(ended.report.peak_rss_bytes for ended in both),
                versions=scene.galaxy.versions,
            )

    def idle(self) -> Idle:
        """Measure the operator at rest, on a cluster of its own."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder, chosen_cluster() as cluster:
            return measure_idle(cluster, Path(folder), self.tell)

    @contextlib.contextmanager
    def _scene(self, row: Row) -> Iterator[_Scene]:
        self.tell(f"{row.name}: serving")
        with (
            tempfile.TemporaryDirectory(dir=self.scratch) as folder,
            served(
                corpus=self.corpus,
                plan=row.served_plan,
                tls=row.transport.encrypted,
                gzip=row.transport.value == "gzip",
                latency_ms=row.latency_ms,
            ) as galaxy,
            self.cluster.fresh_database() as database,
        ):
            Path(folder).chmod(0o711)  # PostgreSQL may be another account, and reads its files in a folder below
            yield _Scene(galaxy, database, Path(folder))

    def _sync(self, row: Row, scene: _Scene) -> Figures:
        self.tell(f"{row.name}: syncing {scene.galaxy.versions} versions")
        postgres, server = self.cluster.cpu_seconds(), scene.galaxy.cpu_seconds()
        ended = self._run(row, scene, "first")
        report = ended.report
        if (report.result, report.versions.created) != (Result.SUCCEEDED, scene.galaxy.versions):
            raise MeasuringError(f"{row.name}: {report.result.value} ({report.reason}), {report.versions}\n{ended.log}")
        first, last = quarters(ended.curve, ended.seconds)
        return Figures(
            row=row,
            versions=report.versions.created,
            document_bytes=report.documents.bytes,
            fetched_bytes=report.fetched_bytes,
            requests=report.requests,
            seconds=ended.seconds,
            base_bytes=report.base_rss_bytes,
            peak_bytes=report.peak_rss_bytes,
            first_quarter_bytes=first,
            last_quarter_bytes=last,
            worker_cpu=ended.cpu_seconds,
            postgres_cpu=self.cluster.cpu_seconds() - postgres,
            server_cpu=scene.galaxy.cpu_seconds() - server,
            connections=ended.connections,
            curve=ended.curve,
            artifact_bytes=self._check_artifacts(row, scene) if row.full else 0,
        )

    def _check_artifacts(self, row: Row, scene: _Scene) -> int:
        """Read every artifact that is stored, and return their bytes."""
        self.tell(f"{row.name}: checking the artifacts")
        sizes = self.cluster.run(expected(scene.database))
        if len(sizes) != scene.galaxy.versions:
            raise MeasuringError(f"{row.name}: {len(sizes)} artifacts of {scene.galaxy.versions} versions")
        return check(scene.artifacts, sizes)

    def _run(self, row: Row, scene: _Scene, name: str, cgroup: MemoryCgroup | None = None) -> Ended:
        (ended,) = run_to_end(
            [Worker(row, scene.galaxy, scene.database, scene.folder / name, scene.artifacts, cgroup=cgroup)]
        )
        if ended.exit_code:
            raise MeasuringError(f"{row.name}: the sync ended with {ended.exit_code}\n{ended.log}")
        return ended


def median_run(runs: list[Figures]) -> Figures:
    """Return the run of median duration, with the largest peak of all: a median would hide the worst."""
    middle = sorted(runs, key=lambda figures: figures.seconds)[(len(runs) - 1) // 2]
    return replace(middle, peak_bytes=max(figures.peak_bytes for figures in runs))


def median_floor(floors: list[Floor]) -> Floor:
    """Return the median of each load."""
    return Floor(
        floors[0].document_bytes,
        _median_load([floor.single for floor in floors]),
        _median_load([floor.several for floor in floors]),
    )


def _median_load(loads: list[Load]) -> Load:
    seconds = statistics.median_low(load.seconds for load in loads)
    return next(load for load in loads if load.seconds == seconds)
