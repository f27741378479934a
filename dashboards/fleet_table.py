"""The table of all CollectionSyncs, whose rows lead to the page of each."""

from dashboards.page import RESOURCE
from dashboards.panels import OF_LIMIT, Column, Panel, Steps, above, meaning, table, thresholds
from dashboards.promql import EVERY, needed

_DUE: Steps = ((None, "red"), (-60, "text"))
_READY = {0: ("no", "red"), 1: ("unknown", "yellow"), 2: ("yes", "green")}
_COLORED = ("custom.cellOptions", {"type": "color-text"})
_GAUGE = ("custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"})


def panel() -> Panel:
    """Return the table."""
    return table(
        "All CollectionSyncs",
        "A row for each CollectionSync; its name leads to its own page. A next run in less than no time waits for "
        "room. The peak is the smaller one of resident memory and of what the cgroup was charged for, as the "
        "condition MemoryPressure has it: from 90 % of the limit on, raise the limit.",
        _queries(),
        [
            Column("Namespace", "namespace", 150),
            Column("CollectionSync", "name", 200, settings=(("links", [_link()]),)),
            Column("Ready", "Value #A", 80, settings=(("mappings", meaning(_READY)), _COLORED)),
            Column("Last result", "result", 110),
            Column("Reason", "reason", 180),
            Column("Since success", "Value #C", 120, "s"),
            Column("Next run in", "Value #D", 120, "s", (_steps(_DUE), _COLORED)),
            Column("Versions", "Value #E", 90, "locale"),
            Column("Peak of limit", "Value #F", 200, "percentunit", (("min", 0), ("max", 1), _steps(OF_LIMIT), _GAUGE)),
            Column("Limit", "Value #G", 90, "bytes"),
            Column("Duration", "Value #H", 100, "s"),
            Column("Failures", "Value #I", 80, settings=(_steps(above(1)), _COLORED)),
        ],
        absent="",
    )


def _queries() -> dict[str, str]:
    def each(metric: str, *by: str) -> str:
        return EVERY.each(f"collectionsync_{metric}", *by)

    return {
        "A": f"{EVERY.condition('Ready')} * 2 + {EVERY.condition('Ready', 'Unknown')}",
        "B": each("last_run_info", "result", "reason"),
        "C": f"time() - {each('last_success_timestamp_seconds')}",
        "D": f"{each('next_sync_timestamp_seconds')} - time()",
        "E": each("published_versions"),
        "F": f"({needed(EVERY)}) / {each('last_run_memory_limit_bytes')}",
        "G": each("last_run_memory_limit_bytes"),
        "H": each("last_run_duration_seconds"),
        "I": each("consecutive_failures"),
    }


def _link() -> dict[str, str]:
    """The names of the columns are those of the fields of a row."""
    resource = "var-namespace=${__data.fields.Namespace}&var-name=${__data.fields.CollectionSync}"
    return {
        "title": "Show this CollectionSync",
        "url": f"/d/{RESOURCE}?{resource}&var-datasource=${{datasource}}&${{__url_time_range}}",
    }


def _steps(steps: Steps) -> tuple[str, object]:
    return "thresholds", thresholds(steps).build()
