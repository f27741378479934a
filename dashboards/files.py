"""The files that the chart brings, each with the page that it has to hold."""

from pathlib import Path

from dashboards import fleet, resource, server
from dashboards.page import text

FOLDER = Path(__file__).parents[1] / "charts" / "collectionsync" / "files" / "dashboards"


def wanted() -> dict[Path, str]:
    """Return what each file has to hold, made anew."""
    return {FOLDER / f"{page['uid']}.json": text(page) for page in (fleet.page(), resource.page(), server.page())}


def stored() -> dict[Path, str]:
    """Return what the files hold."""
    return {path: path.read_text() for path in sorted(FOLDER.glob("*.json"))}
