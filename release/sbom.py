"""What is in the image: its Debian packages and its Python packages, as one CycloneDX document.

debsbom reads what dpkg has written down in it, and CycloneDX's own generator what pip has; nothing of the image is run.
"""

import json
import sys
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from release.layout import Layout
from testcluster.commands import run

Document = dict[str, Any]

_SPECIFICATION = "1.6"
"""The newest that both tools write."""
_DPKG = PurePosixPath("var/lib/dpkg")
_IMAGE_REF = "image"


def write_sbom(archive: Path, target: Path, *, version: str, time: int) -> None:
    """Write what the image in the OCI archive consists of; `time`, in seconds since 1970, is said to be when."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        root = Path(scratch, "root")
        image = Layout(archive)
        try:
            image.extract(root, is_inventory)
            digest = image.digest
        finally:
            image.close()
        parts = [_debian(root, Path(scratch)), _python(root, Path(scratch))]
    target.write_text(json.dumps(combined(parts, digest=digest, version=version, time=time), indent=1) + "\n")


def is_inventory(path: PurePosixPath) -> bool:
    """Whether a file of the image says what is installed in it."""
    return path in (_DPKG / "status", _DPKG / "arch-native") or path.parent.suffix == ".dist-info"


def combined(parts: list[Document], *, digest: str, version: str, time: int) -> Document:
    """One document about the image with this digest, out of those about what it consists of."""
    components = [component for part in parts for component in part["components"]]
    named = {component["bom-ref"] for component in components}
    dependencies = [each for part in parts for each in part["dependencies"] if each["ref"] in named]
    image = {
        "type": "container",
        "bom-ref": _IMAGE_REF,
        "name": "collectionsync",
        "version": version,
        "purl": f"pkg:oci/collectionsync@{digest.replace(':', '%3A')}?tag={version}",
    }
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{_SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": _SPECIFICATION,
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, f"{digest} {time}").urn,
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(time, UTC).isoformat(),
            "tools": {"components": [tool for part in parts for tool in part["metadata"]["tools"]["components"]]},
            "component": image,
        },
        "components": components,
        "dependencies": [{"ref": _IMAGE_REF, "dependsOn": sorted(named)}, *dependencies],
    }


def _debian(root: Path, scratch: Path) -> Document:
    options = (
        "--sbom-type",
        "cdx",
        "--cdx-schema-version",
        _SPECIFICATION,
        "--root",
        root,
        "--out",
        scratch / "debian",
    )
    run([sys.executable, "-m", "debsbom.cli", "generate", *options])
    return _read(scratch / "debian.cdx.json")


def _python(root: Path, scratch: Path) -> Document:
    """A virtual environment with no more in it than what the image's one says of itself is enough for the generator."""
    environment, target = scratch / "environment", scratch / "python.json"
    run([sys.executable, "-m", "venv", "--without-pip", environment])
    (packages,) = environment.glob("lib/python3.*/site-packages")
    for installed in root.glob("opt/collectionsync/lib/python3.*/site-packages/*.dist-info"):
        installed.rename(packages / installed.name)
    options = ("--output-reproducible", "--spec-version", _SPECIFICATION, "--output-file", target)
    run([sys.executable, "-m", "cyclonedx_py", "environment", environment, *options])
    return _read(target)


def _read(path: Path) -> Document:
    document: Document = json.loads(path.read_text())
    return document
