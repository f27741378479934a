"""Artifacts that come from the object store itself, which wants no credentials but those in its own URL."""

from pathlib import Path

import pytest

from clients.mirror import CLOSED, READERS, TOKEN, Store, served, write_secret
from objectstore import Bucket
from testansible import Client
from testgalaxy import small_catalog

pytestmark = pytest.mark.slow


async def test_a_client_with_a_token_is_sent_to_the_bucket_without_it(
    client: Client, store: Store, plain_s3: Bucket, repository: str, tmp_path: Path
) -> None:
    in_bucket = Store(store.database, plain_s3.url, plain_s3.settings)
    await in_bucket.publish(small_catalog({"acme.bucket": ["1.0.0"]}), repository, namespace=CLOSED)
    write_secret(tmp_path / "secrets", "bucket", plain_s3.settings)
    write_secret(tmp_path / "secrets", "readers", READERS)
    options = ("--artifacts-secret", "bucket", "--access-secret", "readers", "--redirect-artifacts")
    with served(in_bucket, "--secrets", tmp_path / "secrets", *options) as origin:
        url = f"{origin}/{CLOSED}/{repository}/api/"
        done = await client.run("install", "acme.bucket", "--server", url, "--token", TOKEN)
    assert client.installed == {"acme.bucket": "1.0.0"}, done.said
