"""The kinds of panels on all pages, with what they have in common set once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import heatmap as heatmaps
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_options
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Panel = model.Panel
Steps = Sequence[tuple[float | None, str]]
"""From which value on there is which colour; the first has no value."""

DATASOURCE = options.DataSourceRef(type_val="prometheus", uid="${datasource}")
PLAIN: Steps = ((None, "text"),)
GOOD: Steps = ((None, "green"),)
OF_LIMIT: Steps = ((None, "green"), (0.9, "orange"), (1, "red"))
"""Memory as a share of its limit: MemoryPressure begins at 90 %."""
WANTED = {0: ("no", "red"), 1: ("yes", "green")}
"""What 0 and 1 mean of something that had better be the case."""
RESULT_COLORS = {"Succeeded.*": "green", "NoChange.*": "blue", "Partial.*": "orange", "Failed.*": "red"}
"""Colours of runs by their result, which their series begin with."""
RUN_STEP = "5s"
"""How often runs are scraped, and so the smallest step of what is about them: a run may take seconds."""
OPERATOR_STEP = "30s"
"""How often the operator is scraped."""
SERVER_STEP = "30s"
"""How often a server is scraped."""
CODE_COLORS = {"2..": "green", "3..": "blue", "4..": "orange", "5..": "red"}
"""Colours of answers by their HTTP status."""


@dataclass(frozen=True, slots=True)
class Target:
    """A query, and what its series are called."""

    expr: str
    legend: str = ""


class _Panel(Protocol):
    """What the builders of all kinds have."""

    def build(self) -> Panel: ...
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: options.DataSourceRef) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def thresholds(self, thresholds: Builder[model.ThresholdsConfig]) -> Self: ...
    def with_target(self, target: Builder[Dataquery]) -> Self: ...
    def interval(self, interval: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def override_by_name(self, name: str, properties: list[model.DynamicConfigValue]) -> Self: ...


def above(warning: float, *, color: str = "red") -> Steps:
    """Return steps that are green below this value."""
    return ((None, "green"), (warning, color))


def meaning(texts: Mapping[int, tuple[str, str]]) -> list[model.ValueMapping]:
    """Return the text and the colour that stand for each value."""
    results = {
        str(value): model.ValueMappingResult(text=text, color=color, index=index)
        for index, (value, (text, color)) in enumerate(texts.items())
    }
    return [model.ValueMap(options=results)]


def number(
    title: str,
    description: str,
    *targets: Target,
    unit: str = "none",
    steps: Steps = PLAIN,
    mappings: Sequence[model.ValueMapping] = (),
    by_name: bool = False,
    absent: str = "–",
    step: str = "",
) -> Panel:
    """Return one figure of now, or the name of what there is now. A rate needs `step`, the least that it can have."""
    builder = (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(options.BigValueGraphMode.NONE)
        .color_mode(options.BigValueColorMode.VALUE)
        .text_mode(options.BigValueTextMode.NAME if by_name else options.BigValueTextMode.VALUE)
        .mappings(list(mappings))
        .no_value(absent)
    )
    return _finished(builder, title, description, unit, steps, (_instant(each, step) for each in targets), step)


def bars(
    title: str,
    description: str,
    target: Target,
    *,
    unit: str,
    steps: Steps = GOOD,
    highest: float | None = None,
    absent: str = "None",
) -> Panel:
    """Return one bar for each series of now."""
    builder = (
        bargauge.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .min(0)
        .no_value(absent)
    )
    if highest is not None:
        builder.max(highest)
    return _finished(builder, title, description, unit, steps, [_instant(target)])


def lines(
    title: str,
    description: str,
    *targets: Target,
    unit: str,
    step: str,
    steps: Steps = (),
    limits: Sequence[str] = (),
    calculations: Sequence[str] = (),
    colors: Mapping[str, str] | None = None,
    stacked: bool = False,
    held: bool = False,
    absent: str | None = None,
) -> Panel:
    """Return curves over time. A value that is `held` stays until the next.

    Those with a name that a regular expression of `limits` has as a whole are dashed and red; `colors` are by regular
    expression, too, each for what may be several.
    """
    builder = (
        _curves(calculations)
        .fill_opacity(30 if stacked else 8)
        .stacking(common.StackingConfig().mode(options.StackingMode.NORMAL if stacked else options.StackingMode.NONE))
        # A run of seconds is a point or two, and a line needs more than that to be seen.
        .show_points(options.VisibilityMode.AUTO if step != RUN_STEP else options.VisibilityMode.ALWAYS)
        .line_interpolation(options.LineInterpolation.STEP_AFTER if held else options.LineInterpolation.LINEAR)
    )
    if steps:
        dashed = common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED)
        builder.thresholds_style(dashed)
    if absent:
        builder.no_value(absent)
    for name in limits:
        builder.override_by_regexp(name, _LIMIT)
    for name, color in (colors or {}).items():
        builder.override_by_regexp(name, [_color(color, "shades")])
    return _finished(builder, title, description, unit, steps or GOOD, (_ranged(each, step) for each in targets), step)


def counts(title: str, description: str, target: Target, *, step: str, absent: str, colors: Mapping[str, str]) -> Panel:
    """Return stacked columns of whole numbers, one for each step; `colors` are by regular expression."""
    builder = (
        _curves(["sum"])
        .draw_style(options.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
        .decimals(0)
        .min(0)
        .no_value(absent)
    )
    for name, color in colors.items():
        # There is more than one way to fail.
        builder.override_by_regexp(name, [_color(color, "shades" if color == "red" else "fixed")])
    return _finished(builder, title, description, "none", GOOD, [_ranged(target, step)], step)


def heatmap(title: str, description: str, expr: str, *, step: str) -> Panel:
    """Return how durations are spread over time, from the buckets of a histogram in seconds."""
    color = (
        heatmaps.HeatmapColorOptions()
        .mode(heatmap_options.HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .exponent(0.5)
        .steps(64)
    )
    builder = heatmaps.Panel().calculate(False).color(color).y_axis(heatmaps.YAxisConfig().unit("s"))
    query = _ranged(Target(expr, "{{le}}"), step).format(PromQueryFormat.HEATMAP)
    return _finished(builder, title, description, "s", GOOD, [query], step)


def states(
    title: str, description: str, *targets: Target, mappings: Sequence[model.ValueMapping], good: str = "", step: str
) -> Panel:
    """Return what was the case when: 1 for what is. A series `good` is green while it is, and red while it is not."""
    builder = (
        statetimeline.Panel()
        .mappings(list(mappings))
        .show_value(options.VisibilityMode.NEVER)
        .row_height(0.8)
        .fill_opacity(80)
        .legend(common.VizLegendOptions().show_legend(False))
    )
    if good:
        builder.override_by_name(good, [model.DynamicConfigValue("mappings", meaning(WANTED))])
    return _finished(builder, title, description, "none", GOOD, (_ranged(each, step) for each in targets), step)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: a label that all queries share, a label or the value of one query.

    `field` is what Grafana calls it: the name of a label, or `Value #A` for the value of the query A.
    """

    title: str
    field: str
    width: int
    unit: str = ""
    settings: tuple[tuple[str, object], ...] = ()


def table(title: str, description: str, targets: Mapping[str, str], columns: Sequence[Column], *, absent: str) -> Panel:
    """Return a row for each CollectionSync, put together from the queries `targets` by reference."""
    order = {column.field: index for index, column in enumerate(columns)}
    hidden = {"Time": True} | {f"Value #{ref}": True for ref in targets if f"Value #{ref}" not in order}
    renamed = {column.field: column.title for column in columns}
    organized = {"excludeByName": hidden, "indexByName": order, "renameByName": renamed}
    builder = (
        tables.Panel()
        .with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(model.DataTransformerConfig(id_val="organize", options=organized))
        .cell_height(options.TableCellHeight.SM)
        .no_value(absent)
    )
    for column in columns:
        settings = [("custom.width", column.width), *([("unit", column.unit)] if column.unit else []), *column.settings]
        builder.override_by_name(column.title, [model.DynamicConfigValue(name, value) for name, value in settings])
    queries = (_instant(Target(expr)).format(PromQueryFormat.TABLE).ref_id(ref) for ref, expr in targets.items())
    return _finished(builder, title, description, "none", PLAIN, queries)


def thresholds(steps: Steps) -> Builder[model.ThresholdsConfig]:
    """Return steps as Grafana has them."""
    found = [model.Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


def _curves(calculations: Sequence[str]) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .placement(options.LegendPlacement.BOTTOM)
        .display_mode(options.LegendDisplayMode.LIST)
        .calcs(list(calculations))
    )
    tooltip = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING)
    return (
        timeseries.Panel()
        .line_width(1)
        .point_size(4)
        .axis_soft_min(0)
        .span_nulls(False)
        .legend(legend)
        .tooltip(tooltip)
    )


def _color(color: str, mode: str = "fixed") -> model.DynamicConfigValue:
    return model.DynamicConfigValue("color", {"mode": mode, "fixedColor": color})


_LIMIT = [
    _color("red"),
    model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
    model.DynamicConfigValue("custom.fillOpacity", 0),
    model.DynamicConfigValue("custom.showPoints", "never"),
]


def _instant(target: Target, step: str = "") -> prometheus.Dataquery:
    query = _query(target).instant()
    return query.interval(step) if step else query


def _ranged(target: Target, step: str) -> prometheus.Dataquery:
    return _query(target).range().interval(step)


def _query(target: Target) -> prometheus.Dataquery:
    return prometheus.Dataquery().datasource(DATASOURCE).expr(target.expr).legend_format(target.legend)


def _finished(
    builder: _Panel,
    title: str,
    description: str,
    unit: str,
    steps: Steps,
    queries: Iterable[prometheus.Dataquery],
    step: str = "",
) -> Panel:
    builder.title(title).description(description).datasource(DATASOURCE).unit(unit).thresholds(thresholds(steps))
    if step:
        builder.interval(step)
    for letter, query in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", queries, strict=False):
        if not query.build().ref_id:
            query.ref_id(letter)
        builder.with_target(query)
    return builder.build()
