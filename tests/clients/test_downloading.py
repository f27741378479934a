"""Collections are downloaded here, and installed where no server is."""

from pathlib import Path

import pytest

from clients.releases import Another

pytestmark = pytest.mark.slow


async def test_what_was_downloaded_is_installed_without_a_server(another: Another, server: str, tmp_path: Path) -> None:
    folder = tmp_path / "downloaded"
    done = await another().run("download", "acme.app", "--download-path", folder, "--server", server)
    found = {path.name for path in folder.iterdir()}
    assert found == {"acme-app-2.0.0.tar.gz", "acme-base-1.1.0.tar.gz", "requirements.yml"}, done.said
    elsewhere = another()
    done = await elsewhere.run("install", "--requirements-file", "requirements.yml", "--offline", folder=folder)
    assert elsewhere.installed == {"acme.app": "2.0.0", "acme.base": "1.1.0"}, done.said
