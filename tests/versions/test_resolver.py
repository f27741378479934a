"""What is chosen for a range is what ansible-galaxy's own resolver would install from a server with the same versions.

Everything of the resolver is Ansible's; only a server's answers, and the disk, are made up. Each intended difference
has a test of its own that shows both answers and says why they differ.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectionsync.galaxy.versions import Range, chosen, parse
from collectionsync.resource import Prereleases

thorough = settings(deadline=None, max_examples=300)

# Few numbers, so that ranges hit versions; suffixes as they occur on Galaxy.
cores = st.builds("{}.{}.{}".format, *[st.integers(0, 2)] * 3)
suffixes = st.sampled_from(["-alpha", "-beta.1", "-beta.2", "-rc.1", "-rc.1+b", "-rc1", "-0"])
releases = st.one_of(cores, cores.map("{}+b".format))
prereleases = st.builds("{}{}".format, cores, suffixes)
listed = st.one_of(
    st.lists(st.one_of(releases, prereleases), max_size=8, unique=True),
    st.lists(prereleases, max_size=5, unique=True),
)
bounds = st.builds(
    "{}{}".format, st.sampled_from(["!=", ">=", ">", "<=", "<"]), st.one_of(releases, prereleases, st.just("1"))
)
ranges = st.one_of(st.just("*"), st.lists(bounds, min_size=1, max_size=3).map(",".join))


class Server:
    """A Galaxy server as the resolver sees one: what it answers, and nothing of how."""

    api_server = "https://galaxy.example.com/api/"

    def __init__(self, versions: list[str]) -> None:
        self._versions = versions

    def get_collection_versions(self, namespace: str, name: str) -> list[str]:
        return self._versions

    def get_collection_version_metadata(self, namespace: str, name: str, version: str) -> Any:
        from ansible.galaxy.api import CollectionVersionMetadata  # type: ignore[import-untyped]

        return CollectionVersionMetadata(namespace, name, version, "", "", {}, "", [])


class Disk:
    """Where the resolver would note what it found."""

    keyring = None

    def save_collection_source(self, *_: object) -> None:
        return


def installed(versions: list[str], text: str, *, pre: bool) -> str | None:
    """The version that `ansible-galaxy collection install` takes, with or without --pre; None where it gives up."""
    # Here rather than above, so that tests of other things do not wait for Ansible.
    from ansible.galaxy import dependency_resolution as resolution  # type: ignore[import-untyped]
    from ansible.galaxy.dependency_resolution.dataclasses import Requirement  # type: ignore[import-untyped]
    from ansible.galaxy.dependency_resolution.errors import (  # type: ignore[import-untyped]
        CollectionDependencyResolutionImpossible,
    )

    disk = Disk()
    resolver = resolution.build_collection_dependency_resolver(
        galaxy_apis=[Server(versions)],
        concrete_artifacts_manager=disk,
        with_pre_releases=pre,
        include_signatures=False,
    )
    wanted = Requirement.from_requirement_dict({"name": "community.general", "version": text}, disk)
    try:
        found = resolver.resolve([wanted], max_rounds=100)
    except CollectionDependencyResolutionImpossible:
        return None
    return str(found.mapping["community.general"].ver)


def mirrored(versions: list[str], text: str, *, pre: bool) -> list[str]:
    """What is mirrored of the same: all, for clients with --pre, or the one that the others take."""
    # As the plan remembers it.
    wanted = Range.parse(str(Range.parse(text)))
    if pre:
        return chosen(versions, wanted, latest=None, prereleases=Prereleases.ALL)
    return chosen(versions, wanted, latest=1, prereleases=Prereleases.WHEN_NEEDED)


def agree(versions: list[str], text: str, *, pre: bool) -> bool:
    theirs, ours = installed(versions, text, pre=pre), mirrored(versions, text, pre=pre)
    if theirs is None or not ours:
        return theirs is None and not ours
    # Ansible takes either of two that differ in build metadata only, by the order of a set.
    return parse(theirs) == parse(ours[0]) and (theirs in ours or "+" in ours[0])


HISTORY = ["0.9.0", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0-alpha", "2.0.0-rc.1", "2.0.0", "3.0.0-rc.1"]
UNRELEASED = ["1.0.0-alpha", "1.0.0-beta.1", "1.0.0-beta.10", "1.0.0-beta.2"]
CASES = [
    (HISTORY, "*", "2.0.0", "3.0.0-rc.1"),
    (HISTORY, ">=1.0.0,<2.0.0", "1.10.0", "2.0.0-rc.1"),
    (HISTORY, "<2", "1.10.0", "2.0.0-rc.1"),
    (HISTORY, "1.2", "1.2.0", "1.2.0"),
    (HISTORY, "=1.10.0", "1.10.0", "1.10.0"),
    (HISTORY, "3.0.0-rc.1", "3.0.0-rc.1", "3.0.0-rc.1"),
    (HISTORY, "=3.0.0-rc.1", "3.0.0-rc.1", "3.0.0-rc.1"),
    (HISTORY, "==3.0.0-rc.1", "3.0.0-rc.1", "3.0.0-rc.1"),
    (HISTORY, ">=3.0.0-rc.1", None, "3.0.0-rc.1"),
    (HISTORY, ">2.0.0", None, "3.0.0-rc.1"),
    (HISTORY, "!=2.0.0", "1.10.0", "3.0.0-rc.1"),
    (HISTORY, ">=2.0.0-alpha,<2.0.0", None, "2.0.0-rc.1"),
    (HISTORY, "4.0.0", None, None),
    (UNRELEASED, "*", "1.0.0-beta.10", "1.0.0-beta.10"),
    (UNRELEASED, "<1.0.0-beta.10", "1.0.0-beta.2", "1.0.0-beta.2"),
    (UNRELEASED, ">=1.0.0", None, None),
    (["1.0.0", "1.0.1+build.5"], "*", "1.0.1+build.5", "1.0.1+build.5"),
    (["1.0.0+build.5"], "1.0.0", "1.0.0+build.5", "1.0.0+build.5"),
    (["1.0.0", "1.1.0-rc.1+b"], "1.1.0-rc.1+b", "1.1.0-rc.1+b", "1.1.0-rc.1+b"),
    (["1.0.0", "1.1.0-rc.1+b"], "1.1.0-rc.1", None, "1.1.0-rc.1+b"),
    ([], "*", None, None),
]


@pytest.mark.parametrize(("versions", "text", "without", "with_pre"), CASES)
def test_the_choice_is_that_of_ansible_with_and_without_pre_releases(
    versions: list[str], text: str, without: str | None, with_pre: str | None
) -> None:
    assert (installed(versions, text, pre=False), installed(versions, text, pre=True)) == (without, with_pre)
    assert mirrored(versions, text, pre=False) == [version for version in [without] if version]
    assert next(iter(mirrored(versions, text, pre=True)), None) == with_pre


@thorough
@given(listed, ranges, st.booleans())
def test_the_choice_for_any_range_is_that_of_ansible(versions: list[str], text: str, pre: bool) -> None:
    assert agree(versions, text, pre=pre)


@thorough
@given(st.data(), st.sampled_from(["", "=", "=="]), st.booleans())
def test_the_choice_for_one_version_is_that_of_ansible(data: st.DataObject, sign: str, pre: bool) -> None:
    versions = data.draw(listed.filter(bool))
    version = data.draw(st.one_of(st.sampled_from(versions), releases, prereleases))
    assert agree(versions, sign + version, pre=pre)


@pytest.mark.parametrize("text", ["<3,==2.0.0-rc.1", "==2.0.0-rc.1,<3", "2-rc.1"])
def test_a_pre_release_is_mirrored_where_ansible_overlooks_that_it_is_asked_for(text: str) -> None:
    """It compares the text of the whole range with that of the version. Who writes an equality means that version."""
    assert installed(HISTORY, text, pre=False) is None
    assert mirrored(HISTORY, text, pre=False) == ["2.0.0-rc.1"]


def test_the_latest_of_all_is_a_release_where_ansible_with_pre_takes_a_pre_release() -> None:
    """Of a mirror with the latest version only, most clients must find that which they take: without --pre."""
    assert installed(HISTORY, "*", pre=True) == "3.0.0-rc.1"
    assert chosen(HISTORY, Range.parse("*"), latest=1, prereleases=Prereleases.ALL) == ["2.0.0"]
