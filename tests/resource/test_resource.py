"""What a resource says where its manifest says nothing, and what importing it costs."""

import subprocess
import sys

import msgspec
import pytest

from collectionsync.resource import (
    API_VERSION,
    GROUP,
    VERSION,
    CollectionRequirement,
    ContentPolicy,
    Limits,
    OnError,
    Quantity,
    Resources,
    Source,
    Spec,
    Target,
    memory_limit_bytes,
)
from collectionsync.status import ConditionType, Reason, Status

MEBIBYTE = 1024 * 1024


def spec(policy: ContentPolicy = ContentPolicy.METADATA, memory: Quantity | None = None) -> Spec:
    return Spec(
        source=Source(url="https://galaxy.example.com/api/"),
        content_policy=policy,
        resources=Resources(limits=Limits(memory=memory)),
    )


def test_the_api_version_is_group_and_version() -> None:
    assert f"{GROUP}/{VERSION}" == API_VERSION


@pytest.mark.parametrize(
    ("policy", "memory", "mebibytes"),
    [
        (ContentPolicy.METADATA, None, 64),
        (ContentPolicy.FULL, None, 96),
        (ContentPolicy.METADATA, "128Mi", 128),
        (ContentPolicy.FULL, 48 * MEBIBYTE, 48),
    ],
)
def test_the_memory_limit_is_the_resources_own_or_that_of_its_content_policy(
    policy: ContentPolicy, memory: str | int | None, mebibytes: int
) -> None:
    assert memory_limit_bytes(spec(policy, memory)) == mebibytes * MEBIBYTE


def test_a_run_skips_what_it_cannot_have_by_default() -> None:
    assert spec().on_error is OnError.SKIP


def test_all_versions_of_a_collection_are_meant_by_default() -> None:
    assert CollectionRequirement(name="community.general").version == "*"


def test_one_repository_per_namespace_is_the_default_target() -> None:
    assert spec().target == Target(repository="default")


def test_a_spec_is_written_without_its_defaults() -> None:
    written = msgspec.json.decode(msgspec.json.encode(Spec(source=Source(url="https://galaxy.example.com/api/"))))
    assert written == {"source": {"url": "https://galaxy.example.com/api/"}}


def test_a_status_that_nobody_has_observed_is_about_no_generation() -> None:
    assert Status().observed_generation == -1


@pytest.mark.parametrize("word", [*ConditionType, *Reason])
def test_condition_types_and_reasons_are_camel_case_as_the_api_conventions_ask(word: str) -> None:
    assert word[0].isupper()
    assert word.isalpha()


def test_the_worker_loads_neither_yaml_nor_the_status_for_a_manifest_in_json() -> None:
    manifest = (
        '{"apiVersion": "collectionsync.dev/v1alpha1", "kind": "CollectionSync", "metadata": {"name": "a"}, '
        '"spec": {"source": {"url": "https://galaxy.example.com/"}, "collections": [{"name": "a.b"}]}}'
    )
    program = (
        f"import sys; from collectionsync.manifest import load; load({manifest.encode()!r});"
        "print({'yaml', 'json', 'difflib', 'collectionsync.status', 'collectionsync.explanation'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
