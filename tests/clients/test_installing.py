"""What people install all day, out of one mirror."""

import pytest

from clients.releases import every_release
from clients.shelf import CLASHING
from testansible import Client

pytestmark = pytest.mark.slow


@every_release
async def test_the_newest_version_in_a_range_comes_with_what_it_depends_on(client: Client, server: str) -> None:
    done = await client.run("install", "acme.app:>=1.0.0,<2.0.0", "--server", server)
    assert client.installed == {"acme.app": "1.2.0", "acme.base": "1.1.0"}, done.said


async def test_a_version_that_is_named_is_installed_and_no_newer_one(client: Client, server: str) -> None:
    done = await client.run("install", "acme.base:1.0.0", "--server", server)
    assert client.installed == {"acme.base": "1.0.0"}, done.said


async def test_a_pre_release_is_installed_when_it_is_asked_for(client: Client, server: str) -> None:
    done = await client.run("install", "acme.base", "--pre", "--server", server)
    assert client.installed == {"acme.base": "2.1.0-rc.1"}, done.said


async def test_odd_versions_and_deprecated_collections_are_installed(client: Client, server: str) -> None:
    done = await client.run("install", "acme.early", "acme.built", "acme.old", "--server", server)
    expected = {"acme.early": "0.1.0-alpha.10", "acme.built": "1.0.1+build.5", "acme.old": "1.0.0"}
    assert client.installed == expected, done.said


async def test_collections_whose_names_are_words_in_paths_are_installed(client: Client, server: str) -> None:
    done = await client.run("install", *CLASHING, "--server", server)
    assert client.installed == dict.fromkeys(CLASHING, "1.0.0"), done.said


@every_release
async def test_what_this_ansible_core_is_too_old_for_is_passed_over_where_it_looks(client: Client, server: str) -> None:
    done = await client.run("install", "acme.future", "--server", server)
    looks = client.release.minor >= (2, 21)
    assert client.installed == {"acme.future": "1.0.0" if looks else "2.0.0"}, done.said


@every_release
async def test_a_requirements_file_is_installed_as_a_whole(client: Client, server: str) -> None:
    file = client.requirements(
        [
            {"name": "acme.app", "version": ">=1.0.0,!=2.0.0"},
            {"name": "acme.base", "version": "1.0.0"},
            {"name": "acme.early", "source": server},
            "acme.old",
        ]
    )
    done = await client.run("install", "--requirements-file", file, "--server", server)
    expected = {"acme.app": "1.2.0", "acme.base": "1.0.0", "acme.early": "0.1.0-alpha.10", "acme.old": "1.0.0"}
    assert client.installed == expected, done.said
