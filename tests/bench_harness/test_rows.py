import pytest
from bench.rows import ADAPTIVE, EVERY, FIXED, Row, Special, Transport, UnknownRowError, choose
from bench.workers import manifest

from collectionsync import manifest as manifests
from collectionsync.resource import ContentPolicy, memory_limit_bytes


def test_rows_are_chosen_by_name_and_by_set_and_each_once() -> None:
    assert choose("quick, 630-tls-0,together") == [
        Row("630", Transport.PLAIN),
        Row("630", Transport.TLS),
        Special.SECOND,
        Special.TOGETHER,
    ]
    assert len(choose("all")) == len(EVERY) == 29


def test_rows_with_artifacts_are_a_set_of_their_own() -> None:
    assert [row.name if isinstance(row, Row) else row for row in choose("full")] == [
        "630-full-plain-0",
        "630-full-tls-0",
        "630-full-tls-100",
        Special.SECOND_FULL,
        Special.CONFINED,
    ]


def test_an_unknown_row_is_told_with_those_that_exist() -> None:
    with pytest.raises(UnknownRowError, match=r"'630' is no row; there are .*630-plain-0"):
        choose("630")


@pytest.mark.parametrize("row", [row for row in [*EVERY.values(), *ADAPTIVE, *FIXED] if isinstance(row, Row)])
def test_every_row_has_a_manifest_that_the_worker_takes(row: Row) -> None:
    scheme = "https" if row.transport.encrypted else "http"
    resource = manifests.from_object(manifest(row, f"{scheme}://127.0.0.1:1/api/"))
    assert resource.spec.fetch.concurrency == (row.connections or 20)
    assert memory_limit_bytes(resource.spec) >> 20 == (96 if row.full else 128 if row.limit else 64)
    assert (resource.spec.content_policy is ContentPolicy.FULL) is row.full


def test_default_rows_say_nothing_that_a_user_would_not() -> None:
    assert manifest(Row("big", Transport.PLAIN), "http://host/api/")["spec"] == {
        "source": {"url": "http://host/api/", "insecure": True},
        "collections": [{"name": "bulk.documents"}],
    }
