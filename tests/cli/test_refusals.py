"""What is refused before anything is done: each with its exit code, and the field that is to blame."""

import json
from pathlib import Path
from typing import Any

import pytest

from commandline import Commands, Finished
from syncing import Manifest, manifest

pytestmark = pytest.mark.slow

URL = "https://galaxy.example.com/api/"
SOURCE = {"url": URL}
NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"
REFUSED: dict[str, Manifest] = {
    "spec.target.artifacts": {"contentPolicy": "Full"},
    "spec.collections": {"collections": [{"name": "a.b"}, {"name": "c.d", "source": "hub"}]},
    "spec.collections[0].type": {"collections": [{"name": "a.b", "type": "git"}]},
    "spec.verify": {"verify": "Members"},
    "spec.maxSkipped": {"onError": "Fail", "maxSkipped": 1},
    "spec.exclude[0].version": {"exclude": [{"name": "acme.tools", "version": ">>1"}]},
}
MISSING: dict[str, tuple[str, Manifest]] = {
    "spec.source.proxySecretRef": ("SecretNotFound", {"source": SOURCE | {"proxySecretRef": {"name": "proxy"}}}),
    "spec.requirementsFrom.configMapKeyRef": (
        "ConfigMapNotFound",
        {"collections": None, "requirementsFrom": {"configMapKeyRef": {"name": "mirror"}}},
    ),
}


def changed(**spec: Any) -> Manifest:
    document = manifest(URL, "acme.tools")
    fields = document["spec"] | spec
    return document | {"spec": {name: value for name, value in fields.items() if value is not None}}


def is_refused_for(ended: Finished, path: str, *, reason: str = "InvalidSpec") -> bool:
    """Whether a run ended as one does whose manifest is to blame: on stderr, in the report and by its exit code."""
    assert ended.report is not None, ended.err
    assert (ended.code, ended.report["result"], ended.report["reason"]) == (78, "Failed", reason)
    assert f"{path}: " in ended.report["message"]
    return f"{path}: " in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["sync"],
        ["sync", "mirror.yaml", "--colour"],
        ["sync", "mirror.yaml", "--progress", "loud"],
        ["sync", "mirror.yaml", "--metrics-address", "9090x"],
        ["sync", "mirror.yaml", "another.yaml"],
        ["mirror"],
        [],
    ],
    ids=" ".join,
)
async def test_a_wrong_command_line_exits_with_64_and_shows_how_it_is_used(
    commands: Commands, arguments: list[str]
) -> None:
    ended = await commands.run(*arguments)
    assert ended.code == 64
    assert ended.err.startswith("usage: collectionsync")


async def test_a_manifest_that_is_not_there_exits_with_64_and_is_named(commands: Commands) -> None:
    ended = await commands.sync(Path("/no/such/mirror.yaml"))
    assert ended.code == 64
    assert "/no/such/mirror.yaml" in ended.err
    assert ended.report is None, "what ended the run is in the log alone"


async def test_a_standard_input_that_is_closed_exits_with_64(commands: Commands) -> None:
    ended = await commands.sync("-", before=("sh", "-c", 'exec "$@" <&-', "sh"))
    assert ended.code == 64
    assert "Traceback" not in ended.err


async def test_a_value_of_the_wrong_type_exits_with_78_and_names_the_field(commands: Commands) -> None:
    assert is_refused_for(await commands.sync(changed(fetch={"concurrency": "many"})), "spec.fetch.concurrency")


async def test_a_field_that_nobody_knows_exits_with_78_and_is_named(commands: Commands) -> None:
    ended = await commands.sync(changed(collections=[{"name": "acme.tools", "versions": "*"}]))
    assert is_refused_for(ended, "spec.collections[0].versions")


@pytest.mark.parametrize("path", REFUSED)
async def test_what_cannot_be_mirrored_so_exits_with_78_and_its_field_is_named(commands: Commands, path: str) -> None:
    assert is_refused_for(await commands.sync(changed(**REFUSED[path]), database=NOBODY), path)


@pytest.mark.parametrize("path", MISSING)
async def test_what_is_not_there_exits_with_78_and_the_field_that_names_it(commands: Commands, path: str) -> None:
    reason, spec = MISSING[path]
    assert is_refused_for(await commands.sync(changed(**spec), database=NOBODY), path, reason=reason)


async def test_a_version_range_that_is_none_exits_with_78_and_names_its_place(commands: Commands) -> None:
    document = manifest(URL, "acme.tools", "acme.more:newest")
    # Nothing listens there: whoever had gone on to the database would say so.
    ended = await commands.sync(document, database="postgresql://nobody@127.0.0.1:1/nothing")
    assert is_refused_for(ended, "spec.collections[1].version")


@pytest.mark.parametrize("text", ["", "{", "- a\n- b\n", "a: b: c\n", "\x00"], ids=repr)
async def test_a_manifest_that_is_no_mapping_exits_with_78(commands: Commands, text: str) -> None:
    file = commands.folder / "mirror.yaml"
    file.write_text(text)
    ended = await commands.sync(file)
    assert ended.report is not None
    assert (ended.code, ended.report["reason"]) == (78, "InvalidSpec")


async def test_a_secret_without_a_folder_to_look_in_exits_with_78_and_says_which_option_is_missing(
    commands: Commands, database: str
) -> None:
    document = manifest(URL, "acme.tools", source={"secretRef": {"name": "token"}})
    ended = await commands.sync(document, database=database)
    assert is_refused_for(ended, "spec.source.secretRef", reason="SecretNotFound")
    assert "--secrets" in ended.err


async def test_a_secret_that_is_not_in_its_folder_exits_with_78_and_names_the_folder(
    commands: Commands, database: str
) -> None:
    document = manifest(URL, "acme.tools", source={"secretRef": {"name": "token"}})
    ended = await commands.sync(document, "--secrets", commands.folder, database=database)
    assert is_refused_for(ended, "spec.source.secretRef", reason="SecretNotFound")
    assert str(commands.folder / "token") in ended.err


async def test_a_key_that_is_not_in_its_secret_exits_with_78_and_is_named(commands: Commands, database: str) -> None:
    secrets = commands.secret("login", username="me")
    document = manifest(URL, "acme.tools", source={"secretRef": {"name": "login"}})
    ended = await commands.sync(document, "--secrets", secrets, database=database)
    assert is_refused_for(ended, "spec.source.secretRef", reason="SecretNotFound")
    assert "Secret 'login'" in ended.err
    assert "`password`" in ended.err


async def test_a_private_authority_that_is_no_pem_exits_with_78(commands: Commands, database: str) -> None:
    secrets = commands.secret("authority", ca_crt="this is no certificate")
    document = manifest(URL, "acme.tools", source={"certSecretRef": {"name": "authority"}})
    ended = await commands.sync(document, "--secrets", secrets, database=database)
    assert is_refused_for(ended, "spec.source.certSecretRef")


async def test_a_refusal_is_one_line_of_json_with_log_json(commands: Commands) -> None:
    ended = await commands.sync(changed(verify="Members"), "--log", "json")
    (line,) = ended.err.splitlines()
    assert json.loads(line)["level"] == "error"
    assert "spec.verify: " in json.loads(line)["message"]
