import re
from xml.etree import ElementTree

import pytest
from bench.curve import Point
from bench.plot import HEIGHT, WIDTH, Level, Line, plot

SVG = "{http://www.w3.org/2000/svg}"
CURVE = [Point(index / 20, 40_000_000 + index * 10_000) for index in range(700)]
LINES = [Line("630 & more", CURVE[:200], 49_000_000), Line("2,000 versions", CURVE, 50_000_000)]


def test_the_plot_is_xml_that_stays_on_its_ground() -> None:
    root = ElementTree.fromstring(plot(LINES))
    assert root.tag == f"{SVG}svg"
    polylines = root.findall(f"{SVG}polyline")
    assert len(polylines) == 2
    points = " ".join(line.get("points", "") for line in polylines)
    for number, value in re.findall(r"([\d.]+),([\d.]+)", points):
        assert 0 <= float(number) <= WIDTH
        assert 0 <= float(value) <= HEIGHT


def test_units_and_comparisons_are_named() -> None:
    texts = " ".join(text.text or "" for text in ElementTree.fromstring(plot(LINES)).iter(f"{SVG}text"))
    for said in ("MB (10⁶ bytes", ", s", "4,160 MB", "897 MB", "598 MB", "630 & more: peak 49.0 MB (46.7 MiB)"):
        assert said in texts


def test_readers_in_the_dark_are_thought_of() -> None:
    assert "prefers-color-scheme: dark" in plot(LINES)


def test_more_memory_is_higher_up() -> None:
    root = ElementTree.fromstring(plot(LINES, [Level("much", 4000), Level("little", 40)]))
    much, little = (float(line.get("y1", "nan")) for line in root.iter(f"{SVG}line") if line.get("class") == "other")
    assert much < little


@pytest.mark.parametrize("seconds", [0.3, 3.0, 31.0, 299.0])
def test_a_run_of_any_length_fits(seconds: float) -> None:
    root = ElementTree.fromstring(plot([Line("run", [Point(0.1, 10_000), Point(seconds, 90_000_000_000)], 1)]))
    labels = [text.text or "" for text in root.iter(f"{SVG}text") if text.get("text-anchor") == "middle"]
    ticks = [float(label) for label in labels if label[0].isdigit()]
    assert ticks[-1] >= seconds
    assert len(ticks) <= 12
