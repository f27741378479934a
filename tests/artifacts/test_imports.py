"""What each kind of store imports: a worker pays for every module."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

KEYS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "SECRET"}


def imported(url: str, settings: dict[str, str]) -> set[str]:
    script = f"""
import sys
from collectionsync.artifacts.store import ArtifactStore
ArtifactStore.open({url!r}, {settings!r})
print(*sys.modules)
"""
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


def test_a_folder_takes_neither_obstore_nor_http() -> None:
    assert {"obstore", "http.client", "aiohttp"} & imported("file:///srv/artifacts", {}) == set()


def test_s3_with_keys_takes_no_obstore() -> None:
    modules = imported("s3://bucket", KEYS)
    assert "http.client" in modules
    assert {"obstore", "aiohttp"} & modules == set()


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("s3://bucket", {"aws_role_arn": "arn:aws:iam::1:role/mirror", "aws_web_identity_token_file": "/token"}),
        ("s3://bucket", {**KEYS, "aws_server_side_encryption": "aws:kms"}),
        ("gs://bucket", {"google_bearer_token": "x"}),
        ("az://container", {"azure_storage_account_name": "a", "azure_storage_token": "x"}),
    ],
)
def test_whatever_else_takes_obstore(url: str, settings: dict[str, str]) -> None:
    assert "obstore" in imported(url, settings)
