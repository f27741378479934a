"""`make package`, and the part of `make generate` and `make lint` that keeps copies of the version right."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from collectionsync import __version__
from release.errors import ReleaseError
from release.packaging import package
from release.versions import drifted
from testcluster import ClusterError

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "dist"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m release", description="What a release consists of.")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("package", help="write image, chart, wheel, SBOM and checksums to dist/")
    making.add_argument(
        "--base-image", default="", metavar="IMAGE", help="what the image is built on; see the Dockerfile"
    )
    copying = commands.add_parser("versions", help="write the version wherever else it stands")
    copying.add_argument("--check", action="store_true", help="only say where another one stands")
    return parser


def _package(base: str) -> int:
    made = package(ROOT, TARGET, __version__, base=base)
    for path in made.files:
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path.relative_to(ROOT)}")
    if made.obstacles:
        print(f"A development build of {__version__}, not a release: {'; '.join(made.obstacles)}.", file=sys.stderr)
    return 0


def _versions(*, check: bool) -> int:
    found = list(drifted(ROOT, __version__))
    for path, right in found:
        if check:
            print(f"{path.relative_to(ROOT)} is not of version {__version__}: run make generate", file=sys.stderr)
        else:
            path.write_text(right)
    return int(check and bool(found))


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command says; 1 where that cannot be done, or where --check has found something."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.command == "package":
            return _package(asked.base_image)
        return _versions(check=asked.check)
    except (ReleaseError, ClusterError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
