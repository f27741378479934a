"""`python -m dashboards`: write the chart's dashboards, or with `--check` tell what has drifted."""

import argparse
import difflib
import sys

from dashboards.files import FOLDER, stored, wanted


def main() -> int:
    """Return 0, or 1 where a check found a difference."""
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Write the chart's Grafana dashboards.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file is not as it would be written"
    )
    if parser.parse_args().check:
        return _check()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in wanted().items():
        path.write_text(text)
    return 0


def _check() -> int:
    there, made = stored(), wanted()
    found = [line for path in {**there, **made} for line in _difference(path.name, there.get(path), made.get(path))]
    if found:
        sys.stdout.writelines(found)
        print(f"{FOLDER} has drifted: run python -m dashboards, and commit what it writes.", file=sys.stderr)
    return int(bool(found))


def _difference(name: str, there: str | None, made: str | None) -> list[str]:
    old, new = ((text or "").splitlines(keepends=True) for text in (there, made))
    return [*difflib.unified_diff(old, new, f"{name} as it is", f"{name} as it has to be")]


if __name__ == "__main__":
    sys.exit(main())
