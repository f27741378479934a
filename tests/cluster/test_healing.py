"""What a resource is stalled for is healed by mending the cause, without touching the resource."""

from collections.abc import Callable
from typing import Any

from cluster.manifests import over_tls
from operating import Tenant, condition, ready, status
from syncing import manifest
from testgalaxy import small_catalog

Serve = Callable[..., Any]


async def healed(tenant: Tenant) -> None:
    resource = await tenant.until_ready("mirror")
    assert resource["metadata"]["generation"] == 1
    assert condition(resource, "Stalled") == {}
    assert status(resource)["lastRun"]["trigger"].startswith("Inputs/")


async def test_a_missing_database_secret_is_waited_for(bare_tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await bare_tenant.apply(manifest(galaxy.url, "community.crypto"))
    resource = await bare_tenant.until_reason("mirror", "SecretNotFound")
    assert ready(resource)[0] == "False"
    assert "collectionsync-database" in condition(resource, "Stalled")["message"]
    await bare_tenant.secret("collectionsync-database", uri=bare_tenant.database_uri)
    await healed(bare_tenant)


async def test_a_secret_without_the_key_is_named_with_the_key(bare_tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    await bare_tenant.secret("collectionsync-database", url=bare_tenant.database_uri)
    await bare_tenant.apply(manifest(galaxy.url, "community.crypto"))
    resource = await bare_tenant.until_reason("mirror", "SecretNotFound")
    assert "uri" in condition(resource, "Stalled")["message"]
    await bare_tenant.secret("collectionsync-database", uri=bare_tenant.database_uri)
    await healed(bare_tenant)


async def test_wrong_credentials_of_the_database_are_tried_again_once_the_secret_changes(
    bare_tenant: Tenant, galaxy_for_pods: Serve
) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    wrong = bare_tenant.database_uri.replace("mirror:", "mirror:not")
    await bare_tenant.secret("collectionsync-database", uri=wrong)
    await bare_tenant.apply(manifest(galaxy.url, "community.crypto"))
    resource = await bare_tenant.until_reason("mirror", "AuthenticationFailed")
    assert wrong not in str(resource), "no status holds a password"
    await bare_tenant.secret("collectionsync-database", uri=bare_tenant.database_uri)
    await healed(bare_tenant)


async def test_a_wrong_token_is_tried_again_once_the_secret_changes(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}), tls=True, token="right")
    await tenant.secret("galaxy-ca", ca_crt=galaxy.certificates.ca_pem.decode())
    await tenant.secret("galaxy-token", token="wrong")
    document = over_tls(galaxy.url, "community.crypto", ca="galaxy-ca")
    document["spec"]["source"]["secretRef"] = {"name": "galaxy-token"}
    await tenant.apply(document)
    resource = await tenant.until_reason("mirror", "AuthenticationFailed")
    assert condition(resource, "Stalled")["reason"] == "AuthenticationFailed"
    assert "wrong" not in condition(resource, "Stalled")["message"]
    await tenant.secret("galaxy-token", token="right")
    await healed(tenant)


async def test_a_source_that_is_down_is_tried_again_by_itself(tenant: Tenant, galaxy_for_pods: Serve) -> None:
    galaxy = await galaxy_for_pods(small_catalog({"community.crypto": ["2.0.0"]}))
    url = galaxy.url
    await galaxy.__aexit__(None, None, None)
    await tenant.apply(manifest(url, "community.crypto", backoffLimit=0))
    resource = await tenant.until_reason("mirror", "SourceUnavailable")
    assert condition(resource, "Stalled") == {}
    assert "the next try is at" in condition(resource, "Ready")["message"]
    assert status(resource)["nextSyncTime"]
    assert status(resource)["consecutiveFailures"] == 1
