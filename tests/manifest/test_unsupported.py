"""What this version cannot do is refused, never left out in silence."""

import msgspec
import pytest

from collectionsync.manifest import ManifestError, from_object, refuse_unsupported
from collectionsync.resource import CollectionRequirement, Source, Spec
from manifest.samples import SOURCE, Manifest, manifest

NOT_YET: dict[str, Manifest] = {
    "spec.all": {"collections": None, "all": True},
    "spec.requirementsFrom": {"collections": None, "requirementsFrom": {"configMapKeyRef": {"name": "mirror"}}},
    "spec.exclude": {"exclude": [{"name": "f5networks.f5_beacon"}]},
    "spec.mirror": {"mirror": True},
    "spec.signedOnly": {"signedOnly": True},
    "spec.contentPolicy": {"contentPolicy": "Full"},
    "spec.source.proxySecretRef": {"source": SOURCE | {"proxySecretRef": {"name": "proxy"}}},
    "spec.collections[1].source": {
        "collections": [{"name": "a.b"}, {"name": "c.d", "source": "https://hub.example.com/"}]
    },
    "spec.collections[0].type": {"collections": [{"name": "a.b", "type": "git"}]},
    "spec.collections[0].signatures": {"collections": [{"name": "a.b", "signatures": ["https://keys.example.com/a"]}]},
    "spec.collections[0].latest": {"collections": [{"name": "a.b", "latest": 3}]},
}
WORKS: dict[str, Manifest] = {
    "source": {
        "source": {
            "url": "http://galaxy.example.com/",
            "insecure": True,
            "secretRef": {"name": "token"},
            "certSecretRef": {"name": "ca"},
            "rateLimit": 8,
        }
    },
    "collections": {"collections": [{"name": "a.b", "version": ">=1,<2"}]},
    "dependencies": {"dependencies": False},
    "onError": {"onError": "Fail"},
    "target": {"target": {"repository": "community", "databaseSecretRef": {"name": "pg"}}},
    "fetch": {"fetch": {"concurrency": 1, "maxInFlight": "8Mi"}},
    "timeout": {"timeout": "5m"},
    "resources": {"resources": {"limits": {"memory": "128Mi"}}},
}
CONCERNS_THE_OPERATOR: dict[str, Manifest] = {
    "schedule": {"schedule": "17 3 * * *"},
    "interval": {"interval": "6h"},
    "timeZone": {"timeZone": "Europe/Zurich"},
    "jitter": {"jitter": "10m"},
    "startingDeadline": {"startingDeadline": "1h"},
    "suspend": {"suspend": True},
    "suspendReason": {"suspend": True, "suspendReason": "upgrade"},
    "backoffLimit": {"backoffLimit": 0},
    "successfulRunsHistoryLimit": {"successfulRunsHistoryLimit": 0},
    "failedRunsHistoryLimit": {"failedRunsHistoryLimit": 0},
    "podTemplate": {"podTemplate": {"priorityClassName": "low"}},
}


def spec(fields: Manifest) -> Spec:
    return from_object(manifest(**fields)).spec


@pytest.mark.parametrize("path", NOT_YET)
def test_what_is_not_supported_yet_is_refused_with_its_path(path: str) -> None:
    with pytest.raises(ManifestError, match="not supported yet; leave it out") as caught:
        refuse_unsupported(spec(NOT_YET[path]))
    assert caught.value.path == path


@pytest.mark.parametrize("fields", WORKS.values(), ids=WORKS)
def test_what_a_run_does_is_accepted(fields: Manifest) -> None:
    refuse_unsupported(spec(fields))


@pytest.mark.parametrize("fields", CONCERNS_THE_OPERATOR.values(), ids=CONCERNS_THE_OPERATOR)
def test_what_concerns_only_the_operator_means_nothing_to_a_run(fields: Manifest) -> None:
    refuse_unsupported(spec(fields))


def test_the_defaults_that_a_cluster_fills_in_are_no_demands() -> None:
    filled = {"all": False, "exclude": [], "mirror": False, "signedOnly": False, "contentPolicy": "Metadata"}
    collections = [{"name": "a.b", "type": "galaxy", "signatures": [], "version": "*"}]
    refuse_unsupported(spec(filled | {"collections": collections}))


def test_every_field_of_a_spec_is_supported_or_refused_or_the_operators() -> None:
    known = {path.removeprefix("spec.") for path in NOT_YET} | set(WORKS) | set(CONCERNS_THE_OPERATOR)
    assert {field.encode_name for field in msgspec.structs.fields(Spec)} <= known


@pytest.mark.parametrize(
    ("struct", "supported"),
    [
        (Source, {"url", "insecure", "secretRef", "certSecretRef", "rateLimit"}),
        (CollectionRequirement, {"name", "version"}),
    ],
)
def test_every_field_of_a_source_or_a_collection_is_supported_or_refused(
    struct: type[msgspec.Struct], supported: set[str]
) -> None:
    refused = {path.rpartition(".")[2] for path in NOT_YET}
    assert {field.encode_name for field in msgspec.structs.fields(struct)} <= supported | refused
