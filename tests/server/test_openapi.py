"""The OpenAPI description: every route is in it, it stands on its own, and nobody pays for it who does not ask."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collectionsync.server.openapi import description
from collectionsync.server.routes import ROUTES, Scope
from servingmirror import mirror

URL = "https://galaxy.example.org/mirrors"


def operations() -> list[tuple[str, dict[str, Any]]]:
    return [(path, item["get"]) for path, item in description(URL)["paths"].items()]


def references(part: object) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(references, part.values()))
    return set[str]().union(*map(references, part)) if isinstance(part, list) else set()


def test_every_route_is_described_once() -> None:
    paths = [re.sub("^/{repository_namespace}/{repository}", "", path).rstrip("/") for path, _ in operations()]
    assert sorted(paths) == sorted(route.path.rstrip("/") for route in ROUTES)


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does() -> None:
    found = [operation for _, operation in operations()]
    assert len({operation["operationId"] for operation in found}) == len(ROUTES)
    assert all(operation["summary"] for operation in found)


def test_an_alias_says_of_what() -> None:
    aliases = [operation for path, operation in operations() if "/plugin/" in path and "artifacts" not in path]
    assert len(aliases) == sum(route.alias for route in ROUTES) - 1  # the path above the API's is no path of a Pulp
    assert all("/api/v3/" in operation["description"] for operation in aliases)


def test_a_repository_may_need_credentials_and_the_server_itself_does_not() -> None:
    assert {path for path, operation in operations() if "security" not in operation} == {
        route.path for route in ROUTES if route.scope is Scope.SERVER
    }


def test_whatever_it_refers_to_is_there() -> None:
    found = json.loads(json.dumps(description(URL)))
    sections = {f"#/components/{section}/{name}" for section, names in found["components"].items() for name in names}
    assert references(found) <= sections
    assert sections - references(found) <= {
        f"#/components/securitySchemes/{name}" for name in ("token", "bearer", "basic")
    }


def test_examples_of_parameters_are_allowed_by_their_patterns() -> None:
    for parameter in description(URL)["components"]["parameters"].values():
        if "example" in parameter:
            assert re.search(parameter["schema"]["pattern"], parameter["example"])


def test_a_server_does_not_import_it_before_somebody_asks() -> None:
    program = "import sys, collectionsync.server.process; print([each for each in sys.modules if 'server' in each])"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "collectionsync.server.routes" in modules
    assert "collectionsync.server.openapi" not in modules
    assert "collectionsync.server.shapes" not in modules


@pytest.mark.slow
@pytest.mark.parametrize(("public", "at"), [(None, ""), (URL, "/mirrors")], ids=["as clients say", "a public URL"])
async def test_it_is_served_with_the_url_that_clients_reach_the_server_by(
    database: str, public: str | None, at: str
) -> None:
    async with mirror(database, public_url=public) as server:
        found = await server.json(f"{at}/openapi.json")
        assert found == json.loads(json.dumps(description(public or server.url)))
        assert found["servers"] == [{"url": public or server.url}]


@pytest.mark.slow
async def test_it_is_there_without_a_database(tmp_path: Path) -> None:
    async with mirror("postgresql://nobody@127.0.0.1:9/none", ready=False) as server:
        assert (await server.json("/openapi.json"))["openapi"].startswith("3.1")
