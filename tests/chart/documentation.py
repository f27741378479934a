"""The table of values in the chart's README, made from values.yaml: run this module to write it again.

A value, or a group of them, is documented by the comment above it that begins with `# --`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from chart.rendering import CHART, read_values

README = CHART / "README.md"

_BEGIN, _END = "<!-- values: written by `make generate` -->\n", "<!-- end of values -->\n"
_KEY = re.compile(r"^( *)([A-Za-z]+):")
_COMMENT = re.compile(r"^ *# (-- )?(.*)$")


def documented(values_yaml: str) -> Iterator[tuple[str, str]]:
    """Yield the path of every documented value, such as `image.tag`, and what its comment says."""
    path: list[str] = []
    told: list[str] = []
    for line in values_yaml.splitlines():
        if comment := _COMMENT.match(line):
            told = [comment[2]] if comment[1] else [*told, comment[2]]
        elif key := _KEY.match(line):
            path[len(key[1]) // 2 :] = [key[2]]
            if told:
                yield ".".join(path), " ".join(told)
            told = []


def table() -> str:
    """Return the table as it has to be."""
    rows = ["| value | meaning | default |", "| --- | --- | --- |"]
    values = read_values()
    for path, meaning in documented(CHART.joinpath("values.yaml").read_text()):
        default: Any = values
        for key in path.split("."):
            default = default[key]
        rows.append(f"| `{path}` | {meaning} | `{json.dumps(default)}` |")
    return "\n".join(rows) + "\n"


def with_table(readme: str) -> str:
    """Return a README with the table in its place."""
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{table()}{_END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
