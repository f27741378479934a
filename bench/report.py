"""The figures as text: a table that is both what a terminal shows and what Markdown renders."""

from collections.abc import Iterator, Mapping, Sequence

from bench.figures import MB, MIB, Confined, Connections, Figures, Floor, Results, Second
from bench.plot import Line, plot
from bench.targets import Target, targets

_HEADER = (
    "row",
    "versions",
    "MB",
    "base MiB",
    "peak MiB",
    "first ¼ MiB",
    "last ¼ MiB",
    "s",
    "MB/s",
    "Python ms/MB",
    "PostgreSQL ms/MB",
    "server CPU s",
    "connections",
)
_CURVES = {"630-tls-0": "630 versions", "2000-tls-0": "2,000 versions"}


def markdown(results: Results) -> str:
    """Return everything that was found, and how it compares with what was promised."""
    parts = [
        "# Memory and time",
        f"`{results.command}`",
        str(results.machine),
        _how(results),
        *_sections(results),
        "## Targets",
        target_table(targets(results), results.unmeasured),
    ]
    return "\n\n".join(parts) + "\n"


def _how(results: Results) -> str:
    repeated = f"Each first sync is the run of median duration of {results.repeats}, with the largest peak of all. "
    return (repeated if results.repeats > 1 else "") + (
        "Each first sync has an empty database. MB are 10⁶ bytes of documents, MiB are 2²⁰ bytes of memory. Base is "
        "the resident set after the imports, peak is the kernel's own (VmHWM), the quarters are samples of every "
        "50 ms. Seconds are the whole process's, CPU is user and system time. Server is the source of the collections, "
        "on the same cores. The floor is PostgreSQL alone, taking the same documents from files. Rows called full "
        "bring artifacts as well, into an empty folder, and their MB are of both: each artifact is read back after the "
        "run, and has the digest and the size that the database knows."
    )


def _sections(results: Results) -> Iterator[str]:
    if results.rows:
        yield "## First syncs"
        yield first_syncs(results.rows, results.floors)
    if results.floors:
        yield "## The floor: PostgreSQL alone"
        yield _floors(results.floors)
    if results.connections:
        yield "## The number of connections"
        yield _connections(results.connections)
    if results.second:
        yield "## A second run, nothing changed"
        yield _second(results.second)
    if results.second_full:
        yield "## A second run with artifacts, nothing changed"
        yield _second(results.second_full)
    if confined := results.confined:
        yield f"## Within a memory cgroup of {confined.limit_bytes / MIB:.0f} MiB, with artifacts"
        yield _confined(confined)
    if idle := results.idle:
        yield "## The operator at rest"
        yield (
            f"{idle.resources:,} resources with nothing to do: {idle.rss_bytes / MIB:.1f} MiB resident, "
            f"{idle.cpu_share:.1%} of a processor, {idle.requests_per_minute:.1f} requests a minute besides watches."
        )
    if together := results.together:
        yield "## Two syncs of the same content at once"
        yield (
            f"Exit codes {' and '.join(map(str, together.exit_codes))} after {together.seconds:.1f} s, "
            f"{' + '.join(map(str, together.created))} versions created of {together.versions}, "
            f"{together.requests:,} requests in all, larger peak {together.peak_bytes / MIB:.1f} MiB."
        )


def _second(found: Second) -> str:
    share = found.fetched_bytes / found.first_fetched_bytes
    return (
        f"{found.result} in {found.seconds:.1f} s, peak {found.peak_bytes / MIB:.1f} MiB: "
        f"{found.fetched_bytes:,} of {found.first_fetched_bytes:,} bytes ({share:.3%}), "
        f"{found.requests} of {found.first_requests:,} requests ({found.requests / found.first_requests:.1%})."
    )


def _confined(found: Confined) -> str:
    return (
        f"Exit code {found.exit_code} after {found.seconds:.1f} s, {found.oom_kills} OOM kills. The resident set had a "
        f"peak of {found.peak_bytes / MIB:.1f} MiB; the cgroup was charged for {found.charged_bytes / MIB:.1f} MiB at "
        "most, with the page cache, which the kernel takes back when it must."
    )


def first_syncs(rows: Sequence[Figures], floors: dict[str, Floor]) -> str:
    """Return the table of first syncs, with their ratios to floors where those are given."""
    if not floors:
        return table(_HEADER, [_cells(figures) for figures in rows])
    sessions = next(iter(floors.values())).several.sessions
    header = [*_HEADER, "x floor", f"x floor of {sessions}"]
    return table(header, [_cells(figures) + _ratios(figures, floors.get(figures.row.served_plan)) for figures in rows])


def _cells(figures: Figures) -> list[str]:
    sizes = (figures.base_bytes, figures.peak_bytes, figures.first_quarter_bytes, figures.last_quarter_bytes)
    return [
        figures.row.name,
        str(figures.versions),
        f"{figures.megabytes:.0f}",
        *(f"{size / MIB:.1f}" for size in sizes),
        f"{figures.seconds:.1f}",
        f"{figures.mb_per_second:.0f}",
        f"{figures.ms_per_mb(figures.worker_cpu):.2f}",
        f"{figures.ms_per_mb(figures.postgres_cpu):.2f}",
        f"{figures.server_cpu:.1f}",
        str(figures.connections),
    ]


def _ratios(figures: Figures, floor: Floor | None) -> list[str]:
    if floor is None:
        return ["", ""]
    return [f"{figures.seconds / load.seconds:.2f}" for load in (floor.single, floor.several)]


def _floors(floors: dict[str, Floor]) -> str:
    rows = []
    for plan, floor in floors.items():
        size = floor.document_bytes / MB
        for load in (floor.single, floor.several):
            per_mb = f"{load.cpu * 1000 / size:.2f}"
            cells = [
                plan,
                str(load.sessions),
                f"{size:.0f}",
                f"{load.seconds:.1f}",
                f"{size / load.seconds:.0f}",
                per_mb,
            ]
            rows.append(cells)
    return table(["plan", "sessions", "MB", "s", "MB/s", "PostgreSQL ms/MB"], rows)


def _connections(found: Connections) -> str:
    every = (found.adaptive, found.roomy, *found.fixed)
    syncs = first_syncs(every, floors={})
    shares = [
        f"{figures.row.name} has {figures.mb_per_second / found.best.mb_per_second:.0%} of its throughput"
        for figures in (found.adaptive, found.roomy)
    ]
    return f"{syncs}\n\nThe best fixed number is {found.best.row.connections}; {' and '.join(shares)}."


def target_table(found: Sequence[Target], unmeasured: Mapping[str, str]) -> str:
    """Return a line for each target, and for each row that was not measured, with how many were met and missed."""
    rows = [[each.where, each.what, each.found, each.promised, "met" if each.met else "**MISSED**"] for each in found]
    rows += [[where, "everything", reason, "", "not measured"] for where, reason in unmeasured.items()]
    missed = sum(not each.met for each in found)
    ended = f"{len(found) - missed} met, {missed} missed"
    ended += f", {len(unmeasured)} rows not measured." if unmeasured else "."
    return f"{table(['row', 'what', 'found', 'promised', ''], rows)}\n\n{ended}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns line up; the first is text, and so is each of a row that holds words."""
    widths = [max(len(row[index]) for row in [header, *rows]) for index in range(len(header))]
    lines = [
        "| " + " | ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in [header, ["-" * width for width in widths], *rows]
    ]
    return "\n".join(lines)


def _padded(cell: str, width: int) -> str:
    return cell.rjust(width) if cell.replace(".", "").isdigit() else cell.ljust(width)


def svg(results: Results) -> str | None:
    """Return the plot of the rows over TLS, or None where none was measured."""
    found = [(figures, label) for name, label in _CURVES.items() if (figures := results.row(name)) and figures.curve]
    lines = [Line(label, figures.curve, figures.peak_bytes) for figures, label in found]
    return plot(lines) if lines else None
