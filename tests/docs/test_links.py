"""Pages lead to what is there, and name commands that can be typed."""

import re
from pathlib import Path

import pytest

from docs.pages import PAGES, ROOT, anchors, code, commands, links, name, read


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    for link in links(page.read_text()):
        file, _, heading = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not heading or heading in anchors(target.read_text()), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_target_of_make_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    named = {target for each in (*code(text), *commands(text)) for target in re.findall(r"\bmake ([a-z-]+)", each)}
    assert named <= set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


def test_each_page_is_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            ahead += [(page.parent / link.partition("#")[0]).resolve() for link in links(page.read_text())]
    assert reached >= set(PAGES)
