"""The server, fuzzed by its own description: what it answers to whatever is asked is what the description says."""

import asyncio
import sys
from pathlib import Path

import pytest

from collectionsync.artifacts.store import ArtifactStore
from commandline import Commands
from servingmirror import filled, mirror_process
from testgalaxy import Catalog
from testgalaxy.namespaces import PNG
from testgalaxy.small import small_catalog, small_version

pytestmark = pytest.mark.slow

_SCHEMATHESIS = Path(sys.executable).with_name("st")
_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def everything() -> Catalog:
    """A catalog that has something of all that answers can hold."""
    catalog = small_catalog(
        {
            "acme.alpha": ["1.0.0", "1.1.0", "2.0.0-rc.1", "1.0.1+build.5", *(f"0.{minor}.0" for minor in range(12))],
            "acme.index": ["1.0.0"],
            "all.versions": ["1.0.0"],
        },
        dependencies={"acme.alpha": {"acme.index": ">=1.0.0"}},
    )
    catalog.add(small_version("acme.index", "1.1.0", docs=False, requires_ansible=None))
    catalog.sign("acme", "alpha", "1.0.0")
    catalog.mark("acme", "alpha", "1.1.0", "certified")
    catalog.deprecate("all", "versions")
    catalog.describe("acme", company="Acme", links={"home": "https://acme.example.com/"}, avatar=PNG)
    catalog.describe("all", description="Everything.", avatar=PNG)
    return catalog


async def test_whatever_is_asked_the_answer_is_as_described(commands: Commands, database: str, tmp_path: Path) -> None:
    artifacts = (tmp_path / "artifacts").as_uri()
    (tmp_path / "artifacts").mkdir()
    store = ArtifactStore.open(artifacts, {})
    await filled(database, everything(), artifacts=store, contentPolicy="Full")
    await store.close()
    async with mirror_process(commands, database, "--artifacts", artifacts) as server:
        assert server.process is not None
        code, said = await fuzzed(f"{server.url}/openapi.json", tmp_path)
        assert code == 0, said
        assert "ERROR" not in server.process.err


async def fuzzed(description: str, folder: Path) -> tuple[int | None, str]:
    """Run the fuzzer in a folder of its own, and return its exit code and what it says."""
    fuzzer = await asyncio.create_subprocess_exec(
        *(_SCHEMATHESIS, "--config-file", _CONFIGURATION, "run", description, "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await fuzzer.communicate()
    finally:
        if fuzzer.returncode is None:
            fuzzer.kill()
            await fuzzer.wait()
    return fuzzer.returncode, said.decode(errors="replace")
