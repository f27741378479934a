"""What README.md and docs/collectionsync.md say of Kubernetes is typed as it stands, and does what they say.

On a node of its own, since whoever follows README has no operator yet, and those who test beside it have one.
"""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import yaml
from dashboards.page import FLEET
from dashboards.pictures.prometheus import ask
from dashboards.queries import ALL, Query, queries

from cluster.buckets import bucket_for_pods
from cluster.nodes import empty_node
from cluster.reader import Reader
from collectionsync.resource import KIND, Spec
from docs.pages import blocks, code, commands, read, section
from objectstore import Bucket
from operating import Resource, Tenant, condition, database, ready, server, status
from syncing import published, until
from testansible.image import ansible_image
from testcluster import Cluster, monitoring
from testcluster.cluster import POSTGRES_IMAGE
from testcluster.commands import run
from testcluster.monitoring import Prometheus
from testcluster.starting import postgres_image
from testgalaxy import TestGalaxy, small_catalog

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]

ON_KUBERNETES = section(read("README.md"), "On Kubernetes")
PAGE = read("docs/collectionsync.md")
SERVED = {
    "amazon.aws": ["8.2.0", "9.0.0", "9.1.0", "10.1.0", "11.0.0"],
    "ansible.posix": ["1.6.0", "2.0.0", "2.1.0"],
    "community.crypto": ["2.19.0", "2.20.0", "2.26.0", "3.0.0"],
}
ASKED_FOR = [
    *("amazon.aws 10.1.0", "amazon.aws 9.0.0", "amazon.aws 9.1.0"),
    *("ansible.posix 2.0.0", "ansible.posix 2.1.0"),
    *("community.crypto 2.20.0", "community.crypto 2.26.0"),
]
"""Those of them that examples/collectionsync.yaml has in its ranges."""

OF_THE_BUCKET = {
    "aws_endpoint": "https://s3.example.org",
    "aws_region": "eu-central-1",
    "aws_access_key_id": "mirror",
    "aws_secret_access_key": "secret",
}
"""The examples that stand for a bucket's settings."""


@pytest.fixture(scope="module")
def new_cluster() -> Iterator[Cluster]:
    """A node where nothing is installed yet."""
    with empty_node() as node:
        postgres_image(node)
        # The official image cannot be fetched from here; this one is made of the same Debian package.
        run([*node.ctr, "images", "tag", POSTGRES_IMAGE, "docker.io/library/postgres:17"])
        yield node


class Walk:
    """README's part on Kubernetes, followed to its end; `printed` is what each of its commands did, in their order."""

    def __init__(self, reader: Reader, prometheus: Prometheus, printed: list[tuple[str, str]]) -> None:
        self.reader = reader
        self.tenant = reader.tenant
        self.prometheus = prometheus
        self.printed = printed

    def shown(self, command: str) -> str:
        """What the commands printed that begin so; there is one."""
        (printed,) = [printed for line, printed in self.printed if line.startswith(command)]
        return printed

    async def types(self, heading: str) -> str:
        """Type all that the page says under a heading; what the last line of it printed."""
        printed = ""
        for line in commands(section(PAGE, heading)):
            printed = await self.reader.types(line)
        return printed

    async def until_run(self, trigger: str) -> Resource:
        """Wait for the end of a run with this trigger."""
        return await self.tenant.until(
            "community",
            lambda seen: status(seen).get("lastRun", {}).get("trigger") == trigger and "activeRun" not in status(seen),
            f"the run {trigger}",
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk(new_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    host = new_cluster.host
    with (
        monitoring.installed(new_cluster) as prometheus,
        server(host) as postgres,
        database(postgres) as (uri, pods_uri),
    ):
        folder = tmp_path_factory.mktemp("reader")
        async with (
            TestGalaxy(small_catalog(SERVED), host=host) as galaxy,
            bucket_for_pods(host, tmp_path_factory.mktemp("objects")) as bucket,
        ):
            replaced = {
                "url: https://galaxy.ansible.com/api/": f"url: {galaxy.url}\n    insecure: true",
                "postgresql://mirror:secret@db.example.org/mirror": pods_uri,
                **{f"{name}={example}": literals(bucket, name) for name, example in OF_THE_BUCKET.items()},
                "s3://mirror": bucket.url,
            }
            tenant = Tenant(new_cluster, "mirrors", uri, pods_uri)
            with contextlib.closing(Reader(new_cluster, folder, tenant, replaced)) as reader:
                printed = [(line, await reader.types(line)) for line in commands(ON_KUBERNETES)]
                assert not reader.unused, "each of the examples is one"
                (choice,) = commands(PAGE.partition("## Working with CollectionSyncs")[2].partition("\n### ")[0])
                await reader.types(choice)
                yield Walk(reader, prometheus, printed)


def literals(bucket: Bucket, name: str) -> str:
    """What is typed of the bucket's settings in place of an example; plain HTTP has to be meant."""
    plain = " --from-literal=allow_http=true" if name == "aws_endpoint" else ""
    return f"{name}={bucket.settings[name]}{plain}"


async def test_readmes_installation_works_in_all_its_parts(walk: Walk) -> None:
    told = walk.shown("helm test")
    assert [line.split(":")[0] for line in told.splitlines() if line.startswith(("ok", "FAILED", "-  "))] == [
        "ok     operator",
        "ok     definition",
        "ok     resource",
        "ok     database",
    ]


async def test_readmes_three_steps_lead_to_a_mirror_in_the_database_that_comes_with_the_chart(walk: Walk) -> None:
    _, row = walk.shown("kubectl --namespace collectionsync get collectionsyncs").splitlines()
    assert row.split()[:4] == ["community", "True", "Succeeded", str(len(ASKED_FOR))]
    psql = ("exec", "statefulset/collectionsync-postgresql", "--", "psql", "-qAt", "--dbname=collectionsync")
    asked = "SELECT namespace || '.' || name || ' ' || version FROM repository_current"
    said = await walk.tenant.kubectl("--namespace", "collectionsync", *psql, f"--command={asked}")
    assert sorted(said.splitlines()) == ASKED_FOR


async def test_the_dashboard_shows_every_mirror(walk: Walk) -> None:
    chosen = ("--namespace", "collectionsync", "--selector", "grafana_dashboard=1")
    taken = [page for each in (await walk.tenant.get("configmaps", *chosen))["items"] for page in each["data"].values()]
    pages = {page["uid"]: page for page in map(json.loads, taken)}
    table = [each for each in queries(pages[FLEET], ALL) if each.panel == "All CollectionSyncs"]

    def mirrors(query: Query) -> set[str]:
        answers = ask(walk.prometheus.url, query, time.time() - 3600, time.time())
        return {f"{series.labels['namespace']}/{series.labels['name']}" for series in answers}

    def shown() -> bool:
        return {"collectionsync/community", "mirrors/community"} <= set.union(*map(mirrors, table))

    await asyncio.to_thread(walk.prometheus.until, shown, "CollectionSyncs in the table")


async def test_readme_leads_to_a_collection_that_the_readers_own_ansible_galaxy_has_installed(walk: Walk) -> None:
    assert "community.crypto:2.26.0 was installed successfully" in walk.shown("ansible-galaxy collection install")
    installed = walk.reader.home / "collections/ansible_collections/community/crypto/MANIFEST.json"
    assert json.loads(installed.read_text())["collection_info"]["version"] == "2.26.0"


async def test_a_pod_installs_from_where_the_status_says_that_the_mirror_is_served(walk: Walk) -> None:
    url = walk.shown("kubectl --namespace collectionsync get collectionsync community --output jsonpath={.status.url}")
    assert url == "http://collectionsync-server.collectionsync.svc/collectionsync/community/api/"
    image = await asyncio.to_thread(ansible_image, walk.tenant.cluster)
    asked = ("collection", "install", "--server", url, "amazon.aws:<10", "ansible.posix:2.0.0")
    await walk.tenant.kubectl("run", "client", f"--image={image}", "--restart=Never", "--", *asked)
    await walk.tenant.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s", "pod/client")
    said = await walk.tenant.kubectl("logs", "client")
    await walk.tenant.kubectl("delete", "pod", "client")
    assert "amazon.aws:9.1.0 was installed successfully" in said
    assert "ansible.posix:2.0.0 was installed successfully" in said


async def test_readme_leads_to_a_mirror_in_a_database_of_ones_own(walk: Walk) -> None:
    head, row = walk.shown("kubectl --namespace mirrors get collectionsyncs").splitlines()
    assert re.split(r"\s{2,}", head) == re.split(r"\s{2,}", shown_head())
    assert row.split()[:4] == ["community", "True", "Succeeded", str(len(ASKED_FOR))]
    assert await published(walk.tenant.database, namespace="mirrors", repository="community") == ASKED_FOR


def shown_head() -> str:
    """The head of the table that the page shows."""
    (head,) = re.findall(r"^NAME .*$", "\n".join(blocks(PAGE, "console")), re.MULTILINE)
    return str(head)


@pytest.mark.parametrize("text", [ON_KUBERNETES, PAGE], ids=["README.md", "docs/collectionsync.md"])
async def test_what_is_named_within_the_text_can_be_typed_as_well(walk: Walk, text: str) -> None:
    named = [each for each in code(text) if each.startswith("kubectl ") and len(each.split()) > 2]
    assert named
    for line in named:
        assert await walk.reader.types(line)


async def test_kubectl_explains_every_field(walk: Walk) -> None:
    told = await walk.reader.types("kubectl explain collectionsync.spec --recursive")
    assert set(re.findall(r"^  (\w+)\t", told, re.MULTILINE)) == set(Spec.__struct_encode_fields__)


async def test_a_run_is_started_now(walk: Walk) -> None:
    await walk.types("Start a run now")
    asked = await requested(walk.tenant)
    resource = await walk.until_run(f"Requested/{asked}")
    assert status(resource)["lastHandledReconcileAt"] == asked
    triggers = [job["metadata"]["annotations"]["collectionsync.dev/trigger"] for job in await walk.tenant.jobs()]
    assert triggers.count(f"Requested/{asked}") == 1


async def requested(tenant: Tenant) -> str:
    annotations = (await tenant.get(KIND, "community"))["metadata"]["annotations"]
    return str(annotations["collectionsync.dev/requestedAt"])


async def test_it_is_suspended_refuses_requests_with_an_event_and_is_resumed_by_a_run(walk: Walk) -> None:
    suspend, resume = commands(section(PAGE, "Suspend and resume"))
    await walk.reader.types(suspend)
    resource = await walk.tenant.until_reason("community", "Suspended")
    assert ready(resource)[0] == "True"
    assert "the source is being moved" in condition(resource, "Ready")["message"]

    jobs, events = await walk.tenant.jobs(), (await walk.tenant.events()).count("Suspended")
    await walk.types("Start a run now")
    asked = await requested(walk.tenant)
    await walk.tenant.until("community", lambda seen: status(seen)["lastHandledReconcileAt"] == asked, "the refusal")
    await until(lambda: tells_of_more(walk.tenant, events), "the event")
    assert names(await walk.tenant.jobs()) == names(jobs)

    await walk.reader.types(resume)
    generation = (await walk.tenant.get(KIND, "community"))["metadata"]["generation"]
    resource = await walk.until_run(f"Spec/{generation}")
    assert ready(resource) == ("True", "NoChange")


async def tells_of_more(tenant: Tenant, events: int) -> bool:
    return (await tenant.events()).count("Suspended") > events


def names(objects: list[Resource]) -> list[str]:
    return [each["metadata"]["name"] for each in objects]


async def test_what_is_wrong_is_found_out(walk: Walk) -> None:
    describe, runs, logs = commands(section(PAGE, "Find out what is wrong"))
    told = await walk.reader.types(describe)
    assert all(part in told for part in ("Conditions:", "History:", "Events:", "RunStarted"))
    last = status(await walk.tenant.get(KIND, "community"))["lastRun"]
    assert f"job.batch/{last['jobName']}" in await walk.reader.types(runs)
    lines = [json.loads(line) for line in (await walk.reader.types(logs)).splitlines()]
    assert lines
    assert all({"time", "level", "message"} <= line.keys() for line in lines)


async def test_requirements_in_a_config_map_are_mirrored_and_a_change_of_them_starts_a_run(walk: Walk) -> None:
    keep, name_it = commands(section(PAGE, "Keep requirements in a ConfigMap"))
    file = walk.reader.folder / "requirements.yml"
    (example,) = walk.reader.folder.glob("examples/collectionsync.yaml")
    file.write_text(yaml.safe_dump({"collections": yaml.safe_load(example.read_text())["spec"]["collections"]}))
    await walk.reader.types(keep)
    await walk.reader.types(name_it)
    generation = (await walk.tenant.get(KIND, "community"))["metadata"]["generation"]
    resource = await walk.until_run(f"Spec/{generation}")
    assert ready(resource) == ("True", "NoChange")

    file.write_text(f"# the same, in another version\n{file.read_text()}")
    await walk.reader.types(keep)
    resource = await walk.tenant.until(
        "community",
        lambda seen: status(seen)["lastRun"]["trigger"].startswith("Requirements/") and "activeRun" not in status(seen),
        "the run that the ConfigMap starts",
    )
    assert ready(resource) == ("True", "NoChange")


async def test_the_memory_limit_is_raised(walk: Walk) -> None:
    await walk.types("When a run was killed for its memory")
    generation = (await walk.tenant.get(KIND, "community"))["metadata"]["generation"]
    resource = await walk.until_run(f"Spec/{generation}")
    assert status(resource)["lastRun"]["memoryLimit"] == "96Mi"


async def test_it_is_deleted_with_its_jobs_and_what_was_published_stays(walk: Walk) -> None:
    await walk.types("Delete")

    async def gone() -> bool:
        return not (await walk.tenant.get("collectionsyncs,jobs,pods"))["items"]

    await until(gone, "the end of Jobs and pods")
    assert await published(walk.tenant.database, namespace="mirrors", repository="community") == ASKED_FOR
