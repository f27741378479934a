"""Manifests beside the message of each rule: what it takes, and what it refuses, with the field that is to blame."""

from typing import Any

from manifest.samples import COLLECTION, SOURCE, Manifest, manifest

REQUIREMENTS = {"configMapKeyRef": {"name": "mirror", "key": "requirements.yml"}}
HUB = {"name": "hub", "url": "https://hub.example.com/api/"}
PLAIN = {"name": "plain", "url": "http://plain.example.com/api/", "insecure": True}
KEY = "https://keys.example.com/community-general.asc"

RECHECKED = "recheckInterval: at least 1m"
SKIPPED = "maxSkipped: a number, or a percentage from 0% to 100%"
SKIPPING = "maxSkipped needs onError: Skip"
VERIFIED = "verify: Members needs contentPolicy: Full"
URL_ONCE = "sources: each URL once, and not that of source"
KNOWN = "collections: a source is one of spec.sources, by name or URL, or an https URL"
OTHER = "source: must be a name in spec.sources, or an https URL"
NO_PASSWORD = "source: credentials belong in the Secret of one of spec.sources"
FROM_GALAXY = (
    "type: a mirror has what a Galaxy server published; build the collection, upload it to one, and leave type out"
)
PINNED = "signatures: only for a version that is a single one, such as 1.2.3"
HEADER_ONCE = "headers: each name once, in whatever case"
RESERVED = "name: a header that is not for a resource to set"
SECRET = "name: a credential, which belongs in the Secret of secretRef"
STORE = "url: must be s3, gs, az, azure, abfs or abfss with a bucket, or file:///FOLDER"
STORE_PASSWORD = "url: credentials of a store belong in the Secret of secretRef"
STORE_QUERY = "url: no query and no fragment; settings belong in the Secret of secretRef"


def named(name: str) -> Manifest:
    return manifest() | {"metadata": {"name": name}}


def at(url: str, **source: Any) -> Manifest:
    return manifest(source={"url": url} | source)


def limited(memory: str | int) -> Manifest:
    return manifest(resources={"limits": {"memory": memory}})


def beside(*sources: Manifest, **spec: Any) -> Manifest:
    return manifest(sources=list(sources), **spec)


def collected(sources: list[Manifest] | None = None, **collection: Any) -> Manifest:
    return manifest(sources=sources, collections=[COLLECTION | collection])


def sent(**headers: str) -> Manifest:
    return at(
        SOURCE["url"], headers=[{"name": name.replace("_", "-"), "value": value} for name, value in headers.items()]
    )


def awaited(**timeouts: str) -> Manifest:
    return at(SOURCE["url"], timeouts=timeouts)


def stored(url: str, policy: str = "Full") -> Manifest:
    return manifest(contentPolicy=policy, target={"artifacts": {"url": url}})


ACCEPTED: list[tuple[str, Manifest]] = [
    ("metadata.name: at most 52 characters", named("a" * 52)),
    ("exactly one of collections, all, requirementsFrom", manifest(all=False)),
    ("exactly one of collections, all, requirementsFrom", manifest(collections=None, all=True)),
    ("exactly one of collections, all, requirementsFrom", manifest(collections=None, requirementsFrom=REQUIREMENTS)),
    ("schedule and interval exclude each other", manifest(schedule="17 3 * * *")),
    ("interval: at least 1m", manifest(interval="60s")),
    ("timeout: at least 1s", manifest(timeout="1s")),
    ("jitter: must be a duration", manifest(jitter="0s")),
    ("startingDeadline: must be a duration", manifest(startingDeadline="1h")),
    ("suspendReason needs suspend: true", manifest(suspend=True, suspendReason="upgrade")),
    ("url: must be an http or https URL", at("https://[::1]:8443/api/")),
    ("url: credentials belong in the Secret of secretRef", at("https://galaxy.example.com/api/?a=b")),
    ("url: http needs insecure: true", at("http://galaxy.example.com/", insecure=True)),
    ("insecure: https excludes insecure: true", at("https://galaxy.example.com/", insecure=False)),
    ("maxInFlight: at least 1Mi", manifest(fetch={"maxInFlight": 1048576})),
    ("memory: at least 32Mi", limited("32Mi")),
    ("memory: at least 32Mi", limited(33554432)),
    ("memory: at least 32Mi", limited("0.5Gi")),
    (RECHECKED, manifest(recheckInterval="1m")),
    (SKIPPED, manifest(maxSkipped=0)),
    (SKIPPED, manifest(maxSkipped=12)),
    (SKIPPED, manifest(maxSkipped="0%")),
    (SKIPPED, manifest(maxSkipped="5%")),
    (SKIPPED, manifest(maxSkipped="100%", onError="Skip")),
    (SKIPPING, manifest(onError="Fail")),
    (VERIFIED, manifest(verify="Members", contentPolicy="Full")),
    (VERIFIED, manifest(verify="Chain")),
    (URL_ONCE, beside(HUB, PLAIN)),
    (URL_ONCE, beside(HUB | {"url": SOURCE["url"].removesuffix("/")})),
    (KNOWN, collected(source=SOURCE["url"])),
    (KNOWN, collected(source="https://elsewhere.example.com/api/")),
    (KNOWN, collected([HUB], source="hub")),
    (KNOWN, collected([HUB, PLAIN], source=PLAIN["url"])),
    (KNOWN, beside(PLAIN, source={"url": "http://first.example.com/", "insecure": True})),
    (OTHER, collected([HUB], source="https://[::1]:8443/api/")),
    (NO_PASSWORD, collected(source="https://hub.example.com/api")),
    (FROM_GALAXY, collected(type="galaxy")),
    (PINNED, collected(version="1.2.3", signatures=[KEY])),
    (PINNED, collected(version="=1.2.3-rc.1", signatures=[KEY, "https://keys.example.com"])),
    (PINNED, collected(version="==1.2", signatures=[KEY])),
    (PINNED, collected(version=">=1", signatures=[])),
    (HEADER_ONCE, sent(X_Mirror="a", X_Team="a")),
    (RESERVED, sent(User_Agent="mirror of example.org")),
    (SECRET, sent(X_Authorization_Hint="none")),
    ("connect: at least 100ms", awaited(connect="100ms")),
    ("read: at least 100ms", awaited(read="0.1s")),
    ("total: at least 100ms", awaited(total="2h")),
    (STORE, stored("s3://mirror")),
    (STORE, stored("s3://mirror/collections/", policy="Metadata")),
    (STORE, stored("gs://mirror/collections")),
    (STORE, stored("az://container/collections")),
    (STORE, stored("azure://container/collections")),
    (STORE, stored("file:///srv/mirror")),
    (STORE_PASSWORD, stored("abfss://container@account.dfs.core.windows.net/collections")),
    (STORE_QUERY, stored("abfs://container/collections")),
]
REFUSED: list[tuple[str, str, Manifest]] = [
    ("metadata.name: at most 52 characters", "metadata.name", named("a" * 53)),
    ("exactly one of collections, all, requirementsFrom", "spec", manifest(collections=None)),
    ("exactly one of collections, all, requirementsFrom", "spec", manifest(all=True)),
    ("exactly one of collections, all, requirementsFrom", "spec", manifest(requirementsFrom=REQUIREMENTS)),
    ("schedule and interval exclude each other", "spec", manifest(schedule="@daily", interval="6h")),
    ("interval: at least 1m", "spec.interval", manifest(interval="59s")),
    ("timeout: at least 1s", "spec.timeout", manifest(timeout="0s")),
    ("jitter: must be a duration", "spec.jitter", manifest(jitter="9999999999999h")),
    ("startingDeadline: must be a duration", "spec.startingDeadline", manifest(startingDeadline="9999999999999h")),
    ("suspendReason needs suspend: true", "spec.suspendReason", manifest(suspendReason="upgrade")),
    ("url: must be an http or https URL", "spec.source.url", at("ftp://galaxy.example.com/")),
    ("url: must be an http or https URL", "spec.source.url", at("galaxy.example.com")),
    ("url: must be an http or https URL", "spec.source.url", at("https:///api/")),
    ("url: must be an http or https URL", "spec.source.url", at("https://[::1/api/")),
    (
        "url: credentials belong in the Secret of secretRef",
        "spec.source.url",
        at("https://me:secret@galaxy.example.com/"),
    ),
    ("url: http needs insecure: true", "spec.source.url", at("http://galaxy.example.com/")),
    ("insecure: https excludes insecure: true", "spec.source.insecure", manifest(source=SOURCE | {"insecure": True})),
    ("maxInFlight: at least 1Mi", "spec.fetch.maxInFlight", manifest(fetch={"maxInFlight": "1Ki"})),
    ("maxInFlight: at least 1Mi", "spec.fetch.maxInFlight", manifest(fetch={"maxInFlight": "much"})),
    ("memory: at least 32Mi", "spec.resources.limits.memory", limited("31Mi")),
    ("memory: at least 32Mi", "spec.resources.limits.memory", limited(33554431)),
    ("memory: at least 32Mi", "spec.resources.limits.memory", limited("64 MB")),
    ("memory: at least 32Mi", "spec.resources.limits.memory", limited(-1)),
    (RECHECKED, "spec.recheckInterval", manifest(recheckInterval="59s")),
    (SKIPPED, "spec.maxSkipped", manifest(maxSkipped=-1)),
    (SKIPPED, "spec.maxSkipped", manifest(maxSkipped="5")),
    (SKIPPED, "spec.maxSkipped", manifest(maxSkipped="101%")),
    (SKIPPED, "spec.maxSkipped", manifest(maxSkipped="05%")),
    (SKIPPED, "spec.maxSkipped", manifest(maxSkipped="-5%")),
    (SKIPPING, "spec.maxSkipped", manifest(maxSkipped=5, onError="Fail")),
    (VERIFIED, "spec.verify", manifest(verify="Members")),
    (VERIFIED, "spec.verify", manifest(verify="Members", contentPolicy="Metadata")),
    (URL_ONCE, "spec.sources", beside(HUB | {"url": SOURCE["url"]})),
    (URL_ONCE, "spec.sources", beside(HUB, HUB | {"name": "again"})),
    (KNOWN, "spec.collections", collected(source="hub")),
    (KNOWN, "spec.collections", collected([HUB], source="Hub")),
    (KNOWN, "spec.collections", collected([HUB], source="http://hub.example.com/api/")),
    (KNOWN, "spec.collections", collected([PLAIN], source="http://plain.example.com/api")),
    (OTHER, "spec.collections[0].source", collected(source="https://")),
    (OTHER, "spec.collections[0].source", collected(source="https://[::1/api/")),
    (NO_PASSWORD, "spec.collections[0].source", collected(source="https://me:secret@hub.example.com/")),
    *(
        (FROM_GALAXY, "spec.collections[0].type", collected(type=kind))
        for kind in ("git", "url", "file", "dir", "subdirs")
    ),
    (PINNED, "spec.collections[0].signatures", collected(signatures=[KEY])),
    (PINNED, "spec.collections[0].signatures", collected(version=">=1.2.3", signatures=[KEY])),
    (PINNED, "spec.collections[0].signatures", collected(version="1.2.3,<2", signatures=[KEY])),
    (HEADER_ONCE, "spec.source.headers", sent(X_Mirror="a", x_mirror="b")),
    (RESERVED, "spec.source.headers[0].name", sent(Host="galaxy.example.com")),
    (RESERVED, "spec.source.headers[1].name", sent(X_Mirror="a", accept_ENCODING="br")),
    (SECRET, "spec.source.headers[0].name", sent(Authorization="Token hunter2")),
    (SECRET, "spec.source.headers[0].name", sent(Cookie="session=hunter2")),
    (SECRET, "spec.sources[0].headers[0].name", beside(HUB | {"headers": [{"name": "cookie", "value": "a=b"}]})),
    ("connect: at least 100ms", "spec.source.timeouts.connect", awaited(connect="99ms")),
    ("read: at least 100ms", "spec.source.timeouts.read", awaited(read="0s")),
    ("total: at least 100ms", "spec.source.timeouts.total", awaited(total="0h")),
    ("read: at least 100ms", "spec.sources[0].timeouts.read", beside(HUB | {"timeouts": {"read": "1ms"}})),
    ("url: must be an http or https URL", "spec.sources[0].url", beside(HUB | {"url": "ftp://hub.example.com/"})),
    ("url: http needs insecure: true", "spec.sources[1].url", beside(HUB, PLAIN | {"insecure": False})),
    ("insecure: https excludes insecure: true", "spec.sources[0].insecure", beside(HUB | {"insecure": True})),
    (STORE, "spec.target.artifacts.url", stored("https://s3.example.com/mirror")),
    (STORE, "spec.target.artifacts.url", stored("s3:///collections")),
    (STORE, "spec.target.artifacts.url", stored("file://srv/mirror")),
    (STORE, "spec.target.artifacts.url", stored("file:///")),
    (STORE, "spec.target.artifacts.url", stored("memory://")),
    (STORE_PASSWORD, "spec.target.artifacts.url", stored("s3://AKIA:secret@mirror/collections")),
    (STORE_PASSWORD, "spec.target.artifacts.url", stored("abfss://container:key@account.dfs.core.windows.net/")),
    (STORE_QUERY, "spec.target.artifacts.url", stored("s3://mirror/collections?region=eu")),
    (STORE_QUERY, "spec.target.artifacts.url", stored("s3://mirror/collections#x")),
]
