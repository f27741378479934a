"""The project's pages in Markdown as tests read them: headings, tables, blocks of code, commands and links."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "charts/collectionsync/README.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEAD = re.compile(r"^\|.*\n\|( -+ \|)+\n", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


def name(page: Path) -> str:
    """What a page is called in the repository."""
    return str(page.relative_to(ROOT))


def read(page: str) -> str:
    """The text of a page, by its path in the repository."""
    return (ROOT / page).read_text()


def section(text: str, heading: str) -> str:
    """What stands below a heading, down to the next one that is no smaller."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    level, rest = len(found[1]), found[2]
    end = re.search(rf"^#{{1,{level}}} ", _FENCE.sub(lambda block: "x" * len(block[0]), rest), re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> Iterator[list[str]]:
    """The rows of all tables, without their heads."""
    for line in _HEAD.sub("", text).splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def code(text: str) -> list[str]:
    """What stands between backticks within lines."""
    return _CODE.findall(_FENCE.sub("", text))


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in a language."""
    return [block for found, block in _FENCE.findall(text) if found == language]


def commands(text: str) -> list[str]:
    """What a reader types: the lines of the console's blocks that begin with `$ `, with those that they go on in."""
    joined = "\n".join(blocks(text, "console")).replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def links(text: str) -> list[str]:
    """Where links within the repository lead."""
    return [link for link in _LINK.findall(_FENCE.sub("", text)) if "://" not in link]


def anchors(text: str) -> set[str]:
    """What the headings are called in links."""
    headings = (heading.lower() for _, heading in _HEADING.findall(_FENCE.sub("", text)))
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}
