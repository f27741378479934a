"""`python -m dashboards.pictures`: draw all pages with the data of a Prometheus."""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from dashboards.files import FOLDER
from dashboards.page import FLEET, RESOURCE, SERVER, Document
from dashboards.pictures.picture import picture
from dashboards.pictures.prometheus import PrometheusError, Series, ask
from dashboards.queries import ALL, ALL_PODS, panels, queries

PICTURES = Path(__file__).parents[2] / "docs" / "dashboards"


def main() -> int:
    """Write fleet.svg, resource.svg and server.svg; 1 where Prometheus cannot be asked."""
    options = _parser().parse_args()
    end = options.to if options.to is not None else time.time()
    start = options.since if options.since is not None else end - options.minutes * 60
    one = {"namespace": options.namespace, "name": options.name}
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        for uid, variables in ((FLEET, ALL), (RESOURCE, one), (SERVER, ALL_PODS)):
            page = json.loads((FOLDER / f"{uid}.json").read_text())
            drawn = draw(page, options.prometheus.rstrip("/"), variables, start, end)
            path = options.out / f"{uid.removeprefix('collectionsync-')}.svg"
            path.write_text(drawn)
            print(f"{path}: {len(drawn.encode()) / 1000:.0f} kB")
    except PrometheusError as error:
        print(f"dashboards.pictures: {error}", file=sys.stderr)
        return 1
    return 0


def draw(page: Document, url: str, variables: Mapping[str, str], start: float, end: float) -> str:
    """Return the picture of a page with the data of the Prometheus at this URL, from `start` to `end`."""
    ids = {panel["title"]: panel["id"] for panel in panels(page)}
    answers: dict[int, list[Series]] = {}
    for query in queries(page, variables, span_seconds=int(end - start)):
        answers.setdefault(ids[query.panel], []).extend(ask(url, query, start, end))
    return picture(page, _subject(variables), answers, start, end)


def _subject(variables: Mapping[str, str]) -> str:
    if variables == ALL:
        return "all CollectionSyncs"
    return "all pods" if variables == ALL_PODS else f"{variables['namespace']}/{variables['name']}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dashboards.pictures", description="Draw the dashboards in SVG.")
    parser.add_argument("--prometheus", required=True, metavar="URL", help="such as http://127.0.0.1:9090")
    parser.add_argument("--namespace", required=True, help="that of the CollectionSync on the page of one")
    parser.add_argument("--name", required=True, help="its name")
    parser.add_argument("--to", type=_moment, metavar="TIME", help="the newest point in time (default: now)")
    since = parser.add_mutually_exclusive_group()
    since.add_argument("--from", dest="since", type=_moment, metavar="TIME", help="the oldest point in time")
    since.add_argument(
        "--minutes", type=float, default=60, help="how much time is shown instead (default: %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=PICTURES, metavar="DIR", help="where they go (default: %(default)s)"
    )
    return parser


def _moment(text: str) -> float:
    """Return a point in time, given in seconds since 1970 or as 2026-11-25T12:00:00Z, in seconds since 1970."""
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    sys.exit(main())
