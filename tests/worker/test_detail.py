"""What is kept of a detail is what the source sent, byte for byte, and what is not one is said to be none."""

import contextlib
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectionsync.galaxy.errors import ContentError
from collectionsync.store.content import Version
from collectionsync.store.plan import Item
from collectionsync.worker.detail import Slice, read_detail
from collectionsync.worker.spool import CHUNK_BYTES, Spool

ITEM = Item("acme", "tools", "1.2.3", 1)
DIGEST = "0123456789abcdef" * 4
KINDS = ("metadata", "manifest", "files")


def detail(**changes: Any) -> dict[str, Any]:
    return {
        "namespace": {"name": "acme"},
        "collection": {"name": "tools", "href": "/x"},
        "version": "1.2.3",
        "artifact": {"filename": "x.tar.gz", "sha256": DIGEST, "size": 1234},
        "requires_ansible": ">=2.15",
        "metadata": {"dependencies": {"acme.base": ">=1.0.0"}, "tags": ["a", "b"], "license": ["MIT"]},
        "manifest": {"format": 1},
        "files": {"files": [{"name": "."}], "format": 1},
        **changes,
    }


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in detail().items() if key not in keys}


@contextlib.contextmanager
def spooled(body: bytes) -> Iterator[Spool]:
    with contextlib.closing(Spool("detail", Path(gettempdir()))) as spool:
        spool.write(body)
        yield spool


def read(document: object) -> tuple[Version, dict[str, Slice]]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with spooled(body) as spool:
        version, slices, _, _ = read_detail(ITEM, spool)
    return version, {part.kind: part for part in slices}


def body(part: Slice) -> bytes:
    return b"".join(part.chunks())


def refusal(document: object) -> ContentError:
    with pytest.raises(ContentError) as caught:
        read(document)
    assert str(ITEM) in str(caught.value)
    return caught.value


def test_the_narrow_row_is_taken_from_the_typed_fields() -> None:
    version, _ = read(detail())

    assert version == Version(
        namespace="acme",
        name="tools",
        version="1.2.3",
        sort_key=version.sort_key,
        sha256=DIGEST,
        size=1234,
        requires_ansible=">=2.15",
        dependencies={"acme.base": ">=1.0.0"},
        tags=["a", "b"],
    )


SPACE = st.text(alphabet=" \t\r\n", max_size=3)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=10,
)
HEAVY = st.one_of(
    st.builds(
        lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
        VALUES.filter(lambda value: value is not None),
        st.sampled_from([None, 0, 2]),
        st.booleans(),
    ),
    # What a parser would not give back: surrogates alone, duplicate keys, odd numbers and escapes, NUL.
    st.sampled_from(
        [r'"\ud800"', r'{"a": 1, "a": 2}', "[1e2, -0, 1.10]", r'"\/\u0041\u00e9"', r'{"\u0000": "\\u0000"}', "[ ]"]
    ),
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, dict[str, bytes]]:
    """A detail as text, and the span of each of its heavy parts; of keys that come twice the last counts."""
    base = without(*KINDS)
    members = [(key, json.dumps(value)) for key, value in base.items()]
    members += [(key, draw(HEAVY)) for key in ("manifest", "files", "files", "unknown") if draw(st.booleans())]
    members.append(("metadata", json.dumps(detail()["metadata"], indent=draw(st.sampled_from([None, 1])))))
    members = draw(st.permutations(members))
    texts = [f"{draw(SPACE)}{draw(quoted(key))}{draw(SPACE)}:{draw(SPACE)}{text}{draw(SPACE)}" for key, text in members]
    spans = {key: text.encode() for key, text in members if key in KINDS}
    return f"{draw(SPACE)}{{{','.join(texts)}}}{draw(SPACE)}".encode(), spans


def quoted(key: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f'"{key}"', f'"\\u{ord(key[0]):04x}{key[1:]}"'])


@pytest.mark.parametrize("parsed_bytes", [1 << 30, 0], ids=["parsed", "walked"])
@given(case=documents())
def test_heavy_parts_are_the_very_bytes_of_the_response(
    parsed_bytes: int, case: tuple[bytes, dict[str, bytes]]
) -> None:
    document, spans = case

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collectionsync.worker.detail._PARSED_BYTES", parsed_bytes)
        version, parts = read(document)

    assert (version.dependencies, version.tags, version.size) == ({"acme.base": ">=1.0.0"}, ["a", "b"], 1234)
    assert {kind: body(part) for kind, part in parts.items()} == spans
    for kind, part in parts.items():
        assert part.size == len(spans[kind])
        assert part.sha256 == hashlib.sha256(spans[kind]).hexdigest()
        assert part.has_nul == (spans[kind].replace(rb"\\", b"").find(rb"\u0000") >= 0)


def test_a_part_of_many_chunks_is_whole() -> None:
    value = ["x" * 1000] * 5000
    _, parts = read(detail(files=value))

    assert body(parts["files"]) == json.dumps(value).encode()
    assert max(map(len, parts["files"].chunks())) <= CHUNK_BYTES


def test_a_part_can_be_read_twice() -> None:
    _, parts = read(detail())

    assert body(parts["files"]) == body(parts["files"])


@pytest.mark.parametrize("kind", ["manifest", "files", "metadata"])
@pytest.mark.parametrize("state", ["null", "missing"])
def test_a_part_that_is_not_there_is_no_document(kind: str, state: str) -> None:
    _, parts = read(detail(**{kind: None}) if state == "null" else without(kind))

    assert set(parts) - {"metadata"} == set(KINDS) - {kind, "metadata"}
    if kind == "metadata":
        assert "metadata" not in parts


def test_half_a_character_that_nobody_reads_survives() -> None:
    half = {"description": "\ud800", "tags": ["a"]}
    odd = detail(metadata=half, files={"\udfff": "\ud800"}, namespace={"name": "acme", "company": "\ud83d"}, x="\ud800")
    version, parts = read(odd)

    assert version.tags == ["a"]
    assert body(parts["metadata"]) == json.dumps(half).encode()
    assert body(parts["files"]) == rb'{"\udfff": "\ud800"}'


@pytest.mark.parametrize("metadata", [None, {}, {"dependencies": None, "tags": None}])
def test_metadata_that_says_nothing_means_no_dependencies_and_no_tags(metadata: object) -> None:
    version, _ = read(detail(metadata=metadata))

    assert (version.dependencies, version.tags) == ({}, [])


@pytest.mark.parametrize("value", ["", None])
def test_no_requirement_on_ansible_is_none(value: str | None) -> None:
    version, _ = read(detail(requires_ansible=value))

    assert version.requires_ansible is None


def test_typed_fields_lose_what_a_text_column_cannot_hold_and_the_document_keeps_it() -> None:
    metadata = {"tags": ["a\0b"], "dependencies": {"acme.\0": "*\0"}}
    version, parts = read(detail(metadata=metadata, requires_ansible=">=2\0"))

    told = [version.requires_ansible, *version.tags, *version.dependencies, *version.dependencies.values()]
    assert told == [">=2�", "a�b", "acme.�", "*�"]
    assert body(parts["metadata"]) == json.dumps(metadata).encode()
    assert parts["metadata"].has_nul


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" ", id="blank"),
        pytest.param(b"[]", id="not an object"),
        pytest.param(b"null", id="null"),
        pytest.param(b"<html>", id="a page"),
        pytest.param(json.dumps(detail()).encode()[:-1], id="cut off"),
        pytest.param(json.dumps(detail()).encode() + b"x", id="trailing data"),
        pytest.param(b"\xef\xbb\xbf" + json.dumps(detail()).encode(), id="byte order mark"),
        pytest.param(b'{"version": "\xff"}', id="not UTF-8"),
        pytest.param(detail(version="\ud800"), id="half a character in a typed field"),
        pytest.param(detail(metadata={"tags": ["\udfff"]}), id="half a character in a tag"),
        pytest.param(detail(metadata={"dependencies": ["a.b"]}), id="dependencies are a list"),
        pytest.param(detail(metadata={"dependencies": {"a.b": 1}}), id="a range is a number"),
        pytest.param(detail(metadata={"tags": "a"}), id="tags are a text"),
        pytest.param(detail(metadata="x"), id="metadata is a text"),
        pytest.param(detail(namespace="acme"), id="the namespace is a text"),
        pytest.param(detail(requires_ansible=2), id="requires_ansible is a number"),
        pytest.param(detail(artifact={"sha256": DIGEST, "size": -1}), id="negative size"),
        pytest.param(detail(artifact={"sha256": DIGEST, "size": 2**63}), id="size beyond bigint"),
        pytest.param(detail(artifact={"sha256": DIGEST, "size": 10**400}), id="size beyond everything"),
        pytest.param(detail(artifact={"size": 1}), id="no digest"),
        pytest.param(without("artifact"), id="no artifact"),
        pytest.param(without("version"), id="no version"),
        pytest.param(b'{"files": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", id="nested too deeply"),
        pytest.param(b'{"metadata": {"tags": ' + b"[" * 200_000 + b"]" * 200_000 + b"}}", id="metadata too deep"),
    ],
)
def test_what_is_no_detail_is_the_contents_fault(document: object) -> None:
    assert refusal(document).reason == "InvalidJSON"


@pytest.mark.parametrize(
    "changes",
    [{"version": "1.2.4"}, {"namespace": {"name": "other"}}, {"collection": {"name": "other"}}, {"version": "1.2.3 "}],
)
def test_the_detail_of_another_version_is_refused(changes: dict[str, Any]) -> None:
    assert refusal(detail(**changes)).reason == "WrongVersion"


def test_a_name_that_is_as_long_as_the_detail_does_not_fill_the_message() -> None:
    assert len(str(refusal(detail(version="x\x1b" * 1_000_000)))) < 1000


def test_a_version_without_an_artifact_is_not_mirrored() -> None:
    assert refusal(detail(artifact=None)).reason == "NoArtifact"


@pytest.mark.parametrize(
    "sha256", ["", DIGEST[:-1], DIGEST + "0", DIGEST.upper(), "٠" * 64, DIGEST + "\n", "g" * 64, f"sha256:{DIGEST}"]
)
def test_a_digest_is_64_lower_case_hexadecimal_digits(sha256: str) -> None:
    assert refusal(detail(artifact={"sha256": sha256, "size": 1})).reason == "InvalidDigest"


# Resident bytes after each step, in a process of its own: the allocator's history is part of the figure.
MEASURED = """
import json, sys
from pathlib import Path
from collectionsync.store.plan import Item
from collectionsync.worker.detail import read_detail
from collectionsync.memory import peak_rss_bytes, rss_bytes
from collectionsync.worker.spool import Spool
entry = json.dumps({"name": "plugins/modules/x.py", "ftype": "file", "chksum_sha256": "a" * 64, "format": 1}).encode()
head = {"namespace": {"name": "acme"}, "collection": {"name": "tools"}, "version": "1.2.3", "metadata": {},
        "artifact": {"sha256": "a" * 64, "size": 1}}
spool = Spool("detail", Path(sys.argv[1]))
spool.write(json.dumps(head).encode()[:-1] + b', "files": [')
while spool.size < 30_000_000:
    spool.write((entry + b",") * 400)
spool.write(entry + b"]}")
before, peak_before = rss_bytes(), peak_rss_bytes()
_, slices, _, _ = read_detail(Item("acme", "tools", "1.2.3", 1), spool)
after = rss_bytes()
spool.close()
sizes = [sum(map(len, part.chunks())) for part in slices]
print(json.dumps([after - before, rss_bytes() - before, peak_rss_bytes() - peak_before, max(sizes)]))
"""


def test_a_detail_of_30_mb_never_takes_more_than_a_few_of_the_resident_set(tmp_path: Path) -> None:
    said = subprocess.run([sys.executable, "-c", MEASURED, tmp_path], capture_output=True, check=True, text=True).stdout
    after_reading, after_copying, peak, size = json.loads(said)

    assert size >= 30_000_000 - 1000
    assert max(after_reading, after_copying) < 3 * 2**20
    assert peak < 6 * 2**20
