"""A run's Job is the same each time, holds under the restricted standard, and carries all that the worker needs."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync import malloc, manifest
from collectionsync.cli import _parser
from collectionsync.controller.jobs import JobDefaults, build_job, effective, job_name, run_id, secret_names
from collectionsync.controller.observed import CONTAINER, NAME_LABEL, RUN_ID_LABEL, job_facts
from collectionsync.pod_template import PodTemplate
from collectionsync.report import ExitCode
from collectionsync.resource import (
    ArtifactStore,
    CollectionSync,
    DatabaseSecretRef,
    Source,
    Target,
    memory_limit_bytes,
)
from controller.samples import DEFAULTS, STORE, as_stored, resource

DNS_LABEL = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_VALUE = re.compile(r"(?=.{0,63}\Z)([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?")

LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=12).map(".".join).filter(lambda name: len(name) <= 253)

POD_TEMPLATE: dict[str, Any] = {
    "metadata": {
        "labels": {"kueue.x-k8s.io/queue-name": "mirrors"},
        "annotations": {"example.com/cost-centre": "42"},
    },
    "serviceAccountName": "mirror",
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "mirrors", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
    "affinity": {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 10,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "collectionsync"}},
                    },
                }
            ]
        }
    },
    "priorityClassName": "background",
    "imagePullSecrets": [{"name": "registry"}],
}


WITH_STORE = replace(DEFAULTS, artifacts=STORE)
REQUIREMENTS: dict[str, Any] = {
    "collections": None,
    "requirementsFrom": {"configMapKeyRef": {"name": "wanted.here", "key": "galaxy.yml"}},
}


def built(
    given: CollectionSync | None = None,
    *,
    trigger: str = "Spec/3",
    inputs: str = "abcd",
    requirements: str = "",
    defaults: JobDefaults = DEFAULTS,
) -> dict[str, Any]:
    what = resource() if given is None else given
    return build_job(what, trigger=trigger, inputs=inputs, requirements=requirements, defaults=defaults)


def template_of(job: dict[str, Any]) -> dict[str, Any]:
    template: dict[str, Any] = job["spec"]["template"]
    return template


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = template_of(job)["spec"]
    return pod


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(job)["containers"]
    assert isinstance(container, dict)
    return container


def manifest_in(job: dict[str, Any]) -> CollectionSync:
    return manifest.load(template_of(job)["metadata"]["annotations"]["collectionsync.dev/manifest"].encode())


# Names


def test_a_run_is_called_the_same_each_time() -> None:
    assert run_id("uid", 3, "Spec/3") == run_id("uid", 3, "Spec/3")


@pytest.mark.parametrize("other", [("uie", 3, "Spec/3"), ("uid", 4, "Spec/3"), ("uid", 3, "Retry/0123456789")])
def test_another_resource_generation_or_trigger_is_another_run(other: tuple[str, int, str]) -> None:
    assert run_id(*other) != run_id("uid", 3, "Spec/3")


def test_what_is_told_apart_is_not_merely_joined() -> None:
    assert run_id("uid", 13, "x") != run_id("uid1", 3, "x")


@given(st.text(), st.integers(), st.text())
def test_a_run_is_called_by_ten_hexadecimal_digits(uid: str, generation: int, trigger: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{10}", run_id(uid, generation, trigger))


def test_the_name_of_a_job_says_whose_run_it_is() -> None:
    assert job_name("community", "0123456789") == "community-0123456789"


@given(NAMES.filter(lambda name: len(name) <= 52), st.text(max_size=300))
def test_every_name_and_label_of_a_job_is_one_that_kubernetes_takes(name: str, trigger: str) -> None:
    job = built(resource(metadata={"name": name}), trigger=trigger)
    assert DNS_SUBDOMAIN.fullmatch(job["metadata"]["name"])
    assert len(job["metadata"]["name"]) <= 63
    assert all(LABEL_VALUE.fullmatch(value) for value in job["metadata"]["labels"].values())


@given(st.lists(NAMES, min_size=1, max_size=3, unique=True))
def test_volumes_have_valid_names_however_secrets_are_called(names: list[str]) -> None:
    fields = ("secretRef", "certSecretRef", "proxySecretRef")
    references = {field: {"name": name} for field, name in zip(fields, names, strict=False)}
    pod = pod_of(built(resource(source={"url": "https://galaxy.example.com/api/"} | references)))
    volumes = [volume["name"] for volume in pod["volumes"]]
    assert all(DNS_LABEL.fullmatch(name) for name in volumes)
    assert len(set(volumes)) == len(volumes)
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == set(volumes)


def test_the_same_arguments_make_the_same_job() -> None:
    assert msgspec.json.encode(built()) == msgspec.json.encode(built())


def test_a_job_is_plain_json() -> None:
    job = built(resource(podTemplate=POD_TEMPLATE))
    assert msgspec.json.decode(msgspec.json.encode(job)) == job


# What the operator reads back


def test_what_a_job_says_is_read_back() -> None:
    facts = job_facts(as_stored(built(trigger="Schedule/2026-11-25T12:00:00Z", inputs="12" * 8)))
    assert (facts.trigger, facts.generation, facts.inputs) == ("Schedule/2026-11-25T12:00:00Z", 3, "12" * 8)
    assert (facts.owner_name, facts.owner_uid) == ("community", resource().metadata.uid)
    assert (facts.name, facts.namespace) == (job_name("community", facts.run_id), "mirrors")
    assert facts.run_id == run_id(resource().metadata.uid, 3, "Schedule/2026-11-25T12:00:00Z")
    assert facts.source_hosts == ("galaxy.example.com",)


def test_the_version_of_the_requirements_and_all_hosts_are_read_back() -> None:
    more = [{"name": "hub", "url": "https://hub.example.com/"}, {"name": "own", "url": "https://own.example.com/"}]
    facts = job_facts(as_stored(built(resource(sources=more), requirements="34" * 8)))
    assert facts.requirements == "34" * 8
    assert facts.source_hosts == ("galaxy.example.com", "hub.example.com", "own.example.com")


@pytest.mark.parametrize("memory", ["64Mi", "1.5G", 100_000_001, "1e8", "33554432.5"])
def test_the_memory_limit_is_read_back_to_the_byte(memory: str | int) -> None:
    given = resource(resources={"limits": {"memory": memory}})
    assert job_facts(as_stored(built(given))).memory_bytes == memory_limit_bytes(given.spec)


def test_a_job_belongs_to_its_resource_and_keeps_nobody_from_deleting_it() -> None:
    (owner,) = built()["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "name": "community",
        "uid": resource().metadata.uid,
        "controller": True,
    }


def test_job_and_pods_have_the_same_labels() -> None:
    job = built()
    assert job["metadata"]["labels"] == {
        "app.kubernetes.io/name": "collectionsync",
        "app.kubernetes.io/component": "worker",
        "app.kubernetes.io/managed-by": "collectionsync-operator",
        "collectionsync.dev/name": "community",
        "collectionsync.dev/run-id": run_id(resource().metadata.uid, 3, "Spec/3"),
    }
    assert template_of(job)["metadata"]["labels"] == job["metadata"]["labels"]


# When a run fails, and when it is over


def test_one_pod_at_a_time_is_tried_as_often_as_the_spec_says() -> None:
    spec = built(resource(backoffLimit=5))["spec"]
    assert (spec["completions"], spec["parallelism"], spec["backoffLimit"]) == (1, 1, 5)
    assert pod_of(built())["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("timeout", "deadline"), [("30m", 1920), ("1500ms", 122), ("2562047h", 2**31 - 1), ("1.5h", 5520)]
)
def test_the_jobs_deadline_comes_after_the_workers_own(timeout: str, deadline: int) -> None:
    assert built(resource(timeout=timeout))["spec"]["activeDeadlineSeconds"] == deadline


def test_a_job_that_nobody_deletes_goes_after_a_week() -> None:
    assert built()["spec"]["ttlSecondsAfterFinished"] == 604800


def test_disruptions_are_ignored_before_exit_codes_are_looked_at() -> None:
    first, second = built()["spec"]["podFailurePolicy"]["rules"]
    assert first == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert second["action"] == "FailJob"
    assert second["onExitCodes"]["containerName"] == CONTAINER


def test_what_another_pod_would_end_with_again_fails_the_job_at_once() -> None:
    codes = built()["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]
    # An API server wants them in order, each once.
    assert codes == {"containerName": "sync", "operator": "In", "values": [64, 65, 75, 77, 78, 137]}


@pytest.mark.parametrize("code", [ExitCode.UNAVAILABLE, ExitCode.BUG, 1, 139])
def test_what_another_pod_may_heal_is_tried_again(code: int) -> None:
    assert code not in built()["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"]


def test_the_kubelet_passes_on_the_report_or_else_the_end_of_the_log() -> None:
    container = container_of(built())
    assert container["terminationMessagePath"] in container["args"]
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert pod_of(built())["terminationGracePeriodSeconds"] == 30


# What the worker gets


def test_the_worker_is_given_the_same_spec() -> None:
    given = resource(podTemplate=POD_TEMPLATE, suspend=True, suspendReason="a\nb “c”", fetch={"maxInFlight": 2**21})
    assert manifest_in(built(given)).spec == effective(given, DEFAULTS).spec


def test_the_manifest_is_compact_and_leaves_defaults_out() -> None:
    text = template_of(built())["metadata"]["annotations"]["collectionsync.dev/manifest"]
    assert msgspec.json.decode(text) == {
        "apiVersion": "collectionsync.dev/v1alpha1",
        "kind": "CollectionSync",
        "metadata": {"name": "community", "namespace": "mirrors", "uid": resource().metadata.uid, "generation": 3},
        "spec": {
            "source": {"url": "https://galaxy.example.com/api/"},
            "collections": [{"name": "community.general"}],
            "target": {"databaseSecretRef": {"name": "collectionsync-database"}},
        },
    }
    assert '": ' not in text


def test_the_worker_is_told_nothing_of_status_labels_and_annotations() -> None:
    told = {"labels": {"a": "b"}, "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}
    given = msgspec.structs.replace(resource(metadata=told), status=msgspec.Raw(b'{"skippedCount": 1}'))
    metadata = manifest_in(built(given)).metadata
    assert (metadata.labels, metadata.annotations, metadata.creation_timestamp) == (None, None, None)


def test_a_database_of_the_resource_goes_before_the_operators() -> None:
    given = resource(target={"databaseSecretRef": {"name": "own", "key": "url"}})
    assert effective(given, DEFAULTS).spec.target.database_secret_ref == DatabaseSecretRef(name="own", key="url")


def test_filling_in_the_database_leaves_the_repository_alone() -> None:
    target = effective(resource(target={"repository": "community"}), DEFAULTS).spec.target
    assert target == Target(repository="community", database_secret_ref=DEFAULTS.database_secret)


def test_the_operators_object_store_is_for_those_that_mirror_artifacts_and_name_none() -> None:
    assert effective(resource(contentPolicy="Full"), WITH_STORE).spec.target.artifacts == STORE
    assert effective(resource(), WITH_STORE).spec.target.artifacts is None
    own = resource(contentPolicy="Full", target={"artifacts": {"url": "gs://own/artifacts"}})
    assert effective(own, WITH_STORE).spec.target.artifacts == ArtifactStore(url="gs://own/artifacts")


def test_the_manifest_lies_where_the_worker_is_told_to_look() -> None:
    job = built()
    (volume,) = (each for each in pod_of(job)["volumes"] if "downwardAPI" in each)
    (mount,) = (each for each in container_of(job)["volumeMounts"] if each["name"] == volume["name"])
    (item,) = volume["downwardAPI"]["items"]
    assert f"{mount['mountPath']}/{item['path']}" == "/etc/collectionsync/manifest/collectionsync.json"
    assert item["fieldRef"]["fieldPath"] == "metadata.annotations['collectionsync.dev/manifest']"


def test_the_command_line_is_one_that_the_worker_knows() -> None:
    options = _parser().parse_args(container_of(built())["args"])
    assert options.file == "/etc/collectionsync/manifest/collectionsync.json"
    assert (str(options.secrets), str(options.spool)) == ("/etc/collectionsync/secrets", "/var/spool/collectionsync")
    assert str(options.config_maps) == "/etc/collectionsync/config-maps"
    assert str(options.report) == "/dev/termination-log"
    assert options.metrics_address == ("0.0.0.0", container_of(built())["ports"][0]["containerPort"])
    assert (options.progress, options.log, options.database) == ("none", "json", None)


def test_the_environment_sets_the_allocator_and_the_folder_for_files() -> None:
    environment = {each["name"]: each["value"] for each in container_of(built())["env"]}
    assert environment == {**malloc.SETTINGS, "TMPDIR": "/var/spool/collectionsync"}


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        ({}, 1024 + 32),
        ({"fetch": {"maxInFlight": "2Gi"}}, 1024 + 2048),
        # The largest artifact that a worker takes passes alone, whatever maxInFlight is.
        ({"contentPolicy": "Full"}, 1024 + 32 + 1024),
    ],
    ids=str,
)
def test_what_is_on_its_way_lies_in_a_folder_of_limited_size(spec: dict[str, Any], size: int) -> None:
    (spool,) = (each for each in pod_of(built(resource(**spec)))["volumes"] if each["name"] == "spool")
    assert spool["emptyDir"] == {"sizeLimit": f"{size}Mi" if size % 1024 else f"{size // 1024}Gi"}
    mounts = {each["name"]: each for each in container_of(built())["volumeMounts"]}
    assert mounts["spool"]["mountPath"] == "/var/spool/collectionsync"


def test_a_run_is_given_the_memory_that_it_may_take() -> None:
    assert container_of(built())["resources"] == {"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}}


def test_a_run_that_mirrors_artifacts_may_take_more_memory_unless_the_resource_says_otherwise() -> None:
    full = built(resource(contentPolicy="Full"))
    assert container_of(full)["resources"] == {"limits": {"memory": "96Mi"}, "requests": {"memory": "96Mi"}}
    small = built(resource(contentPolicy="Full", resources={"limits": {"memory": "64Mi"}}))
    assert container_of(small)["resources"]["limits"] == {"memory": "64Mi"}


def test_the_image_is_the_one_that_the_operator_was_installed_with() -> None:
    container = container_of(built())
    assert (container["image"], container["imagePullPolicy"]) == (DEFAULTS.image, DEFAULTS.image_pull_policy)
    assert container["name"] == "sync"


def test_metrics_are_found_by_the_name_of_their_port() -> None:
    assert container_of(built())["ports"] == [{"name": "metrics", "containerPort": 9090}]


# Secrets


def test_each_secret_is_read_once_whoever_names_it() -> None:
    source = {"url": "https://galaxy.example.com/", "secretRef": {"name": "b"}, "certSecretRef": {"name": "b"}}
    given = resource(source=source, target={"databaseSecretRef": {"name": "a"}})
    assert secret_names(given, DEFAULTS) == ("a", "b")


def test_no_secret_that_a_spec_can_name_is_forgotten() -> None:
    names = [each.encode_name for each in msgspec.structs.fields(Source) if each.name.endswith("secret_ref")]
    source = {"url": "https://galaxy.example.com/"} | {name: {"name": name.lower()} for name in names}
    assert len(names) == 3
    assert secret_names(resource(source=source), DEFAULTS) == tuple(
        sorted([*(name.lower() for name in names), "collectionsync-database"])
    )


def test_the_secrets_of_further_sources_and_of_the_object_store_are_read_too() -> None:
    more = [
        {
            "name": "hub",
            "url": "https://hub.example.com/",
            "secretRef": {"name": "hub"},
            "certSecretRef": {"name": "ca"},
        },
        {"name": "own", "url": "https://own.example.com/", "proxySecretRef": {"name": "proxy"}},
    ]
    given = resource(sources=more, contentPolicy="Full")
    assert secret_names(given, WITH_STORE) == ("ca", "collectionsync-database", "hub", "proxy", "store")
    own = {"artifacts": {"url": "s3://own", "secretRef": {"name": "own-store"}}}
    given = resource(target=own, contentPolicy="Full")
    assert secret_names(given, WITH_STORE) == ("collectionsync-database", "own-store")


def test_no_secret_of_an_object_store_is_read_where_only_metadata_are_mirrored() -> None:
    own = {"artifacts": {"url": "s3://own", "secretRef": {"name": "own-store"}}}
    assert secret_names(resource(target=own), WITH_STORE) == ("collectionsync-database",)


def test_secrets_are_files_that_only_the_workers_group_reads() -> None:
    job = built(resource(source={"url": "https://galaxy.example.com/", "secretRef": {"name": "galaxy.token"}}))
    volumes = {each["secret"]["secretName"]: each for each in pod_of(job)["volumes"] if "secret" in each}
    mounts = {each["name"]: each for each in container_of(job)["volumeMounts"]}
    assert set(volumes) == {"galaxy.token", "collectionsync-database"}
    for name, volume in volumes.items():
        # A missing one is the worker's to report: without `optional` its pod would wait for ever.
        assert volume["secret"] == {"secretName": name, "optional": True, "defaultMode": 0o440}
        mount = mounts[volume["name"]]
        assert (mount["mountPath"], mount["readOnly"]) == (f"/etc/collectionsync/secrets/{name}", True)


def test_no_secret_is_in_the_environment() -> None:
    assert all(set(each) == {"name", "value"} for each in container_of(built())["env"])
    assert "envFrom" not in container_of(built())


# Requirements


def test_the_key_that_is_asked_for_is_a_file_where_the_worker_is_told_to_look() -> None:
    job = built(resource(**REQUIREMENTS))
    (volume,) = (each for each in pod_of(job)["volumes"] if "configMap" in each)
    (mount,) = (each for each in container_of(job)["volumeMounts"] if each["name"] == volume["name"])
    options = _parser().parse_args(container_of(job)["args"])
    assert (mount["mountPath"], mount["readOnly"]) == (f"{options.config_maps}/wanted.here", True)
    assert volume["configMap"] == {
        "name": "wanted.here",
        "items": [{"key": "galaxy.yml", "path": "galaxy.yml"}],
        # A missing one, or a missing key, is the worker's to report: without `optional` its pod would wait for ever.
        "optional": True,
        "defaultMode": 0o440,
    }


def test_a_spec_that_says_itself_what_it_asks_for_mounts_no_config_map() -> None:
    assert not [each for each in pod_of(built())["volumes"] if "configMap" in each]


# What a resource sets on the pods


def test_every_field_of_the_pod_template_arrives_in_the_pod() -> None:
    assert set(POD_TEMPLATE) == {each.encode_name for each in msgspec.structs.fields(PodTemplate)}, "extend the sample"
    job = built(resource(podTemplate=POD_TEMPLATE))
    for name, value in POD_TEMPLATE.items():
        if name != "metadata":
            assert pod_of(job)[name] == value


def test_labels_of_the_pod_template_are_on_the_job_too() -> None:
    job = built(resource(podTemplate=POD_TEMPLATE))
    for metadata in (job["metadata"], template_of(job)["metadata"]):
        assert metadata["labels"]["kueue.x-k8s.io/queue-name"] == "mirrors"


def test_annotations_of_the_pod_template_are_on_the_pods_alone() -> None:
    job = built(resource(podTemplate=POD_TEMPLATE))
    assert template_of(job)["metadata"]["annotations"]["example.com/cost-centre"] == "42"
    assert "example.com/cost-centre" not in job["metadata"]["annotations"]


def test_nothing_of_the_operators_own_is_overridden() -> None:
    own = built()
    hostile = {
        "labels": dict.fromkeys(own["metadata"]["labels"], "theirs"),
        "annotations": dict.fromkeys(template_of(own)["metadata"]["annotations"], "theirs"),
    }
    job = built(resource(podTemplate={"metadata": hostile}))
    assert job["metadata"]["labels"] == own["metadata"]["labels"]
    assert template_of(job)["metadata"]["labels"] == own["metadata"]["labels"]
    assert "theirs" not in template_of(job)["metadata"]["annotations"].values()
    assert job["metadata"]["labels"][NAME_LABEL] == "community"
    assert RUN_ID_LABEL in job["metadata"]["labels"]


def test_a_pod_template_could_not_touch_what_is_the_operators() -> None:
    names = {each.encode_name for each in msgspec.structs.fields(PodTemplate)}
    assert not names & set(pod_of(built()))


# The restricted Pod Security Standard (https://kubernetes.io/docs/concepts/security/pod-security-standards/)

RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def test_the_pod_runs_as_nobody_in_particular() -> None:
    assert pod_of(built())["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_the_container_gains_nothing_and_writes_nothing_but_its_volumes() -> None:
    assert container_of(built())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_no_other_container_escapes_the_standard() -> None:
    pod = pod_of(built())
    assert len(pod["containers"]) == 1
    assert not {"initContainers", "ephemeralContainers"} & set(pod)


def test_only_volumes_of_the_standard_are_used() -> None:
    for volume in pod_of(built(resource(podTemplate=POD_TEMPLATE)))["volumes"]:
        assert set(volume) - {"name"} <= RESTRICTED_VOLUMES


def test_nothing_of_the_host_is_shared() -> None:
    pod = pod_of(built(resource(podTemplate=POD_TEMPLATE)))
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"} & set(pod)
    assert all("hostPort" not in port for port in container_of(built())["ports"])


def test_the_worker_is_given_no_way_to_talk_to_kubernetes() -> None:
    pod = pod_of(built(resource(podTemplate=POD_TEMPLATE)))
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
