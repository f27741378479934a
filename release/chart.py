"""The chart, packaged by helm; its bytes are the same whenever that is done."""

import tempfile
from pathlib import Path

from release.archives import settle
from release.errors import ReleaseError
from testcluster.binaries import binaries
from testcluster.commands import run


def write_chart(chart: Path, target: Path, *, time: int) -> None:
    """Package the folder `chart` as the file `target`, whose name has to be the one that helm gives it."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folders = {f"HELM_{kind}_HOME": f"{scratch}/{kind}" for kind in ("CACHE", "CONFIG", "DATA")}
        run([binaries() / "helm", "package", chart, "--destination", scratch], environment=folders)
        packaged = Path(scratch, target.name)
        if not packaged.is_file():
            raise ReleaseError(f"helm made {[path.name for path in Path(scratch).glob('*.tgz')]}, not {target.name}")
        settle(packaged, target, time=time)
