"""What a panel says of one of its series: its name, unit, colour and texts, overrides included."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.pictures import units
from dashboards.pictures.prometheus import Series

Settings = dict[str, Any]

COLORS = {
    "green": "#73bf69",
    "red": "#f2495c",
    "orange": "#ff9830",
    "yellow": "#fade2a",
    "blue": "#5794f2",
    "text": "#ccccdc",
    "transparent": "#24282f",
}
_PALETTE = (
    "#73bf69",
    "#f2cc0c",
    "#5794f2",
    "#ff9830",
    "#b877d9",
    "#8ab8ff",
    "#ff7383",
    "#37872d",
    "#fade2a",
    "#c4162a",
)
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def name(series: Series) -> str:
    """Return what a series is called, by its query's legend."""
    if not series.query.legend:
        return ", ".join(series.labels.values()) or "value"
    return _LABEL.sub(lambda match: series.labels.get(match[1], ""), series.query.legend)


def of(panel: Mapping[str, Any], called: str) -> Settings:
    """Return the settings of the series or column of this name; those of its kind are `custom.width` and so on."""
    config = panel["fieldConfig"]
    settings: Settings = {key: value for key, value in config["defaults"].items() if key != "custom"}
    settings |= {f"custom.{key}": value for key, value in config["defaults"].get("custom", {}).items()}
    for override in config.get("overrides", []):
        kind, wanted = override["matcher"]["id"], override["matcher"]["options"]
        if (kind == "byName" and wanted == called) or (kind == "byRegexp" and re.fullmatch(wanted, called)):
            settings |= {each["id"]: each["value"] for each in override["properties"]}
    return settings


def color(settings: Settings, index: int) -> str:
    """Return the colour of the series with this index."""
    chosen = settings.get("color", {})
    if "fixedColor" not in chosen:
        return _PALETTE[index % len(_PALETTE)]
    fixed = COLORS[chosen["fixedColor"]]
    return _shade(fixed, index) if chosen["mode"] == "shades" else fixed


def _shade(fixed: str, index: int) -> str:
    """Return a darker shade of a colour for each series, in turns."""
    share = 1 - 0.12 * (index % 4)
    return "#" + "".join(f"{int(int(fixed[at : at + 2], 16) * share):02x}" for at in (1, 3, 5))


def shown(settings: Settings, value: float) -> tuple[str, str]:
    """Return a value's text and colour: what is mapped to it, else its number and that of its threshold."""
    for mapping in settings.get("mappings") or ():
        found = mapping["options"].get(f"{value:g}")
        if found:
            return found["text"], COLORS[found["color"]]
    return units.written(value, settings.get("unit", "none"), decimals=settings.get("decimals")), threshold(
        settings, value
    )


def threshold(settings: Settings, value: float) -> str:
    """Return the colour of the highest threshold that a value is over."""
    steps: Sequence[Mapping[str, Any]] = settings["thresholds"]["steps"]
    reached = [step for step in steps if step.get("value") is None or value >= step["value"]]
    return COLORS[reached[-1]["color"]]
